/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Untrusted bytes are parsed in a child that has nothing to lose. */
#ifndef SPLITD_SANDBOX_H
#define SPLITD_SANDBOX_H

#include <stddef.h>

struct document;
struct report;
struct signature_policy;

/*
 * document_parse_signed() in a confined child; demands NULL: none. The findings
 * go to the report; with an error among them -EBADMSG is returned. A child that
 * dies, hangs or answers nonsense is an error of that file, too (E199). Takes
 * at most 15 seconds; in a fiber the loop goes on meanwhile, and -ECANCELED is
 * returned when the fiber is to end. Of these nothing is known of the file:
 * -ENOMEM, there was no process, descriptor or memory for the child; -EPERM, it
 * could not be confined (E199, too).
 */
int sandbox_parse(const char *file, const void *bytes, size_t len,
		  const struct signature_policy *demands, struct report *report,
		  struct document **ret_document);

/* document_identify() there. */
int sandbox_identify(const char *file, const void *bytes, size_t len,
		     struct document **ret_document);

/*
 * The same with another parser in the child, which writes its answer to fd and
 * returns: for tests that play the taken-over parser.
 */
struct sandbox_job {
	const char *file;
	const void *bytes;
	size_t len;
	const struct signature_policy *demands;
};
typedef void (*sandbox_fn)(const struct sandbox_job *job, int fd);
int sandbox_run(const struct sandbox_job *job, sandbox_fn parse,
		struct report *report, struct document **ret_document);

#endif
