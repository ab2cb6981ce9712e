/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One input file, understood: a profile, an MDM command or a host file. */
#ifndef SPLITD_POLICY_DOCUMENT_H
#define SPLITD_POLICY_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report;
struct signature;
struct signature_policy;

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

/* The same, with demands on the signature; see policy/read/signature.h. */
int document_parse_signed(const char *file, const void *bytes, size_t len,
			  const struct signature_policy *policy,
			  struct report *report,
			  struct document **ret_document);

/*
 * Of a command that is wrong, what its sender knows it by: a document with
 * CommandUUID and RequestType as they stand there, and nothing else. -EBADMSG
 * when the file is no command that can be told.
 */
int document_identify(const char *file, const void *bytes, size_t len,
		      struct document **ret_document);

/* Who signed the file; verified. Zero signers: nobody did. */
const struct signature *document_signature(const struct document *document);

enum document_kind document_kind(const struct document *document);
const char *document_file(const struct document *document);

/* What a document does to an app's link. uuid NULL: it is taken off. */
struct document_link {
	const char *id;	  /* bundle identifier */
	const char *uuid; /* VPNUUID */
};

/*
 * What a store needs to know of a document: whom it replaces, how long it
 * stays, what it does to links. The strings live as long as the document. A
 * profile may come in a command (InstallProfile): then both halves speak.
 */
struct document_identity {
	const char *identifier; /* PayloadIdentifier of the profile; NULL */
	const char *name;	/* PayloadDisplayName; NULL */
	bool removal_disallowed;
	bool has_removal_date, has_duration, has_expiration;
	int64_t removal_date; /* seconds since the epoch */
	int64_t duration;     /* DurationUntilRemoval in seconds, rounded up */
	int64_t expiration;   /* PayloadExpirationDate; nothing ends by it */
	const char *request;  /* RequestType of the command; NULL */
	const char *command;  /* CommandUUID; NULL */
	const char *removes;  /* PayloadIdentifier RemoveProfile names; NULL */
	const char **asked;   /* apps that the query of attributes names */
	size_t n_asked;
};

const struct document_identity *
document_identity(const struct document *document);

/* The links that the document sets or takes off, in file order. */
size_t document_links(const struct document *document);
struct document_link document_link(const struct document *document,
				   size_t index);

/* Forgets a link of which a later word has taken the place. */
void document_drop_link(struct document *document, size_t index);

/*
 * What a host file asks of the signatures of all other files; all zero for
 * other documents.
 */
const struct signature_policy *
document_demands(const struct document *document);

/*
 * Warns of a removal date (W370) and an expiration date (W403) that are past;
 * now in seconds since the epoch. 0 or -ENOMEM.
 */
int document_check_dates(const struct document *document, int64_t now,
			 struct report *report);

/*
 * Adds an error at the identifier that the document goes by in a store: why the
 * store cannot do what it asks. 0 or -ENOMEM.
 */
int document_refuse(const struct document *document, struct report *report,
		    const char *code, const char *message);

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
