/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One input file, understood: a profile, an MDM command or a host file. */
#ifndef SPLITD_POLICY_DOCUMENT_H
#define SPLITD_POLICY_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

struct report;

enum document_kind {
	DOCUMENT_PROFILE,
	DOCUMENT_COMMAND,
	DOCUMENT_HOST,
};

/* What this build does with a key; the contract's words. */
enum treatment {
	TREATMENT_ENFORCED,
	TREATMENT_MAPPED,
	TREATMENT_NOT_APPLICABLE,
	TREATMENT_METADATA,
	TREATMENT_REFUSED,
	TREATMENT_NOT_YET,
};

const char *treatment_name(enum treatment treatment);

struct key_note {
	char *path;
	enum treatment treatment;
	char *note;
};

struct document; /* members in model.h, for policy/ only */

/*
 * Reads one file. The kind is told by its root keys, never by its name. Every
 * error of the file goes to the report; with one, -EBADMSG is returned and
 * *ret_document untouched. Warnings leave the document valid. -ENOMEM when
 * memory is short. file is used in messages and origins only.
 */
int document_parse(const char *file, const void *bytes, size_t len,
		   struct report *report, struct document **ret_document);

enum document_kind document_kind(const struct document *document);
const char *document_file(const struct document *document);

/* The keys of the file in file order, and what is done with each. */
const struct key_note *document_keys(const struct document *document,
				     size_t *ret_n);

void document_free(struct document *document);

/*
 * The codec that carries a document and a report across the sandbox's pipe.
 * The decoder trusts nothing: every length, offset, enum and string is
 * checked, -EBADMSG otherwise. document may be NULL (a file that failed).
 * free() the encoded bytes.
 */
int document_encode(const struct document *document,
		    const struct report *report, void **ret_bytes,
		    size_t *ret_len);
int document_decode(const void *bytes, size_t len, struct report *report,
		    struct document **ret_document);

#endif
