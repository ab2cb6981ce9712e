/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run as a machine reads it: a plan, a line per result, a closing line. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lab/lab.h"

/* Processes of the lab inherit it, but programs they start do not. */
int report_open(struct lab *lab, const char *fd)
{
	int n = atoi(fd);

	if (n <= 2 || fcntl(n, F_SETFD, FD_CLOEXEC) < 0)
		return -EBADF;
	lab->report = fdopen(n, "w");
	if (!lab->report)
		return -errno;
	/* What a process that died was about to say must have been said. */
	setvbuf(lab->report, NULL, _IOLBF, 0);
	return 0;
}

void report_plan(const struct lab *lab, unsigned n)
{
	if (lab->report)
		fprintf(lab->report, "plan %u\n", n);
}

void report_result(const struct lab *lab, const char *name, bool ok)
{
	if (lab->report)
		fprintf(lab->report, "%s %s\n", ok ? "ok" : "not ok", name);
}

void report_skip(const struct lab *lab, const char *name, const char *why)
{
	if (lab->report)
		fprintf(lab->report, "skip %s: %s\n", name, why);
}

void report_score(const struct lab *lab)
{
	if (lab->report)
		fprintf(lab->report, "%u passed, %u failed, %u skipped\n",
			lab->score.passed, lab->score.failed,
			lab->score.skipped);
}
