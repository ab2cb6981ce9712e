/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What parsers said of files that have not changed since. */
#ifndef SPLITD_ANSWERS_H
#define SPLITD_ANSWERS_H

#include <stddef.h>

struct answers;
struct document;
struct report;
struct signature_policy;

/* NULL without memory; NULL may be closed. */
struct answers *answers_open(void);
void answers_close(struct answers *answers);

/*
 * sandbox_parse(), unless a file of this name had these very bytes when it was
 * last asked for: then 1, with the document and the findings of that time.
 * answers NULL: always sandbox_parse(). Remembered is what was good, nobody
 * signed and nobody had to sign: else the answer depends on the time.
 */
int answers_parse(struct answers *answers, const char *file, const void *bytes,
		  size_t len, const struct signature_policy *demands,
		  struct report *report, struct document **ret_document);

/* Its parser thought it good, but it is not. */
void answers_forget(struct answers *answers, const char *file);

/* Forgets the files that were not asked for since the last call. */
void answers_sweep(struct answers *answers);

#endif
