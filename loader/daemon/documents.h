/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The documents a candidate is compiled of. */
#ifndef SPLITD_DOCUMENTS_H
#define SPLITD_DOCUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/model/document.h"

struct answers;
struct report;

struct documents {
	struct document **items;
	size_t n;
	int64_t now;				/* for their dates */
	int64_t from, until;			/* all dates fall outside */
	const struct signature_policy *demands; /* the host file's; NULL */
	struct answers *answers; /* what is known of files; NULL: nothing */
};

/* None yet, to be judged by the wall clock as it is now. */
struct documents documents_now(void);

void documents_clear(struct documents *documents);

/* Takes the document, in any case. 0 or -ENOMEM. */
int documents_append(struct documents *documents, struct document *document);

/* Has its RemovalDate come? */
bool document_is_over(const struct document *document, int64_t now);

/*
 * Takes the document, in any case, and warns of its dates; one whose
 * RemovalDate has come is not among the documents. 0 or -ENOMEM.
 */
int documents_add(struct documents *documents, struct document *document,
		  struct report *report);

/*
 * A profile that is both among the first n_files and after them lies in the
 * directory and is installed: an error that names both, and -EBADMSG.
 */
int documents_check_twice(const struct documents *documents, size_t n_files,
			  struct report *report);

/* The first of n documents that is the profile; NULL: none. */
const struct document *documents_find(const struct documents *documents,
				      size_t n, const char *identifier);

#endif
