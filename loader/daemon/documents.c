/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The documents a candidate is compiled of. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/daemon/documents.h"
#include "loader/daemon/moment.h"
#include "policy/read/report.h"

struct documents documents_now(void)
{
	struct moment now;

	/* Not time(): it lags, and an alarm at a date is not to be too early.
	 */
	moment_now(&now);
	return (struct documents){ .now = now.wall,
				   .from = INT64_MIN,
				   .until = INT64_MAX };
}

void documents_clear(struct documents *documents)
{
	for (size_t i = 0; i < documents->n; i++)
		document_free(documents->items[i]);
	free(documents->items);
	*documents = (struct documents){ 0 };
}

int documents_append(struct documents *documents, struct document *document)
{
	struct document **grown =
		realloc(documents->items, (documents->n + 1) * sizeof(*grown));

	if (!grown) {
		document_free(document);
		return -ENOMEM;
	}
	documents->items = grown;
	grown[documents->n++] = document;
	return 0;
}

bool document_is_over(const struct document *document, int64_t now)
{
	const struct document_identity *identity = document_identity(document);

	return identity->has_removal_date && identity->removal_date <= now;
}

/* From when until when is the file as much in force as it is now? */
static void bound(struct documents *documents, const struct document *document)
{
	const struct document_identity *identity = document_identity(document);
	int64_t date = identity->removal_date;

	if (!identity->has_removal_date)
		return;
	if (date <= documents->now && date > documents->from)
		documents->from = date;
	if (date > documents->now && date < documents->until)
		documents->until = date;
}

int documents_add(struct documents *documents, struct document *document,
		  struct report *report)
{
	int r = document_check_dates(document, documents->now, report);

	if (r == 0)
		bound(documents, document);
	if (r < 0 || document_is_over(document, documents->now)) {
		document_free(document);
		return r;
	}
	return documents_append(documents, document);
}

const struct document *documents_find(const struct documents *documents,
				      size_t n, const char *identifier)
{
	for (size_t i = 0; i < n; i++) {
		const struct document *document = documents->items[i];
		const char *other = document_identity(document)->identifier;

		if (other && !strcmp(other, identifier))
			return document;
	}
	return NULL;
}

int documents_check_twice(const struct documents *documents, size_t n_files,
			  struct report *report)
{
	int r = 0;

	for (size_t i = n_files; i < documents->n; i++) {
		const struct document *document = documents->items[i], *other;
		const struct place place = { .file = document_file(document),
					     .path = "PayloadIdentifier" };
		const char *identifier =
			document_identity(document)->identifier;

		if (!identifier)
			continue;
		other = documents_find(documents, n_files, identifier);
		if (!other)
			continue;
		r = report_add(report, "E321", &place, identifier,
			       "already defined by %s; a profile is either "
			       "installed or lies in the directory",
			       document_file(other));
		if (r < 0)
			return r;
		r = -EBADMSG;
	}
	return r;
}
