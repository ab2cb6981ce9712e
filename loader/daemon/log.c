/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log: lines on stderr, with priorities when the journal listens. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loader/daemon/log.h"
#include "loader/util/cleanup.h"
#include "loader/util/file.h"
#include "loader/util/plain.h"
#include "policy/read/report.h"

/* systemd.exec(5): JOURNAL_STREAM is device:inode of the stream it set up. */
static bool journal_listens(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	       st.st_ino == ino;
}

void log_line(int priority, const char *format, ...)
{
	_cleanup_free_ char *text = NULL, *escaped = NULL, *line = NULL;
	char prefix[16] = "splitd: ";
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		return;
	}

	escaped = plain_escape(text);
	if (journal_listens())
		snprintf(prefix, sizeof(prefix), "<%d>", priority);
	n = asprintf(&line, "%s%s\n", prefix, escaped ? escaped : "");
	if (n < 0)
		line = NULL;
	else
		file_write_all(STDERR_FILENO, line, (size_t)n);
}

void log_report(const struct report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct finding *finding = &report->findings[i];
		_cleanup_free_ char *line = finding_text(finding);

		if (line)
			log_line(finding->severity == SEVERITY_ERROR ?
					 LOG_ERR :
					 LOG_WARNING,
				 "%s", line);
	}
	if (report->n_suppressed)
		log_line(LOG_WARNING, "and %zu more like these",
			 report->n_suppressed);
}
