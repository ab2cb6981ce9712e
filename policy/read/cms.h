/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed messages (CMS, RFC 5652); the only file that knows OpenSSL. */
#ifndef SPLITD_POLICY_CMS_H
#define SPLITD_POLICY_CMS_H

#include <stddef.h>

#include "policy/read/reader.h"

struct signature;
struct signature_policy;

#define CMS_DIGEST 32

/* SHA-256; 0 or -ENOMEM. */
int cms_digest(const void *bytes, size_t len, unsigned char ret[CMS_DIGEST]);

/*
 * Verifies a message in DER or BER. Its content is in the arena and exists
 * only when all signers' signatures match it and the policy is content with
 * who they are. -EBADMSG with E200 to E212 in the report, or -ENOMEM, and
 * nothing returned. Opens no file: no configuration, no list of authorities.
 */
int cms_open(const struct reader *reader, const void *bytes, size_t len,
	     const struct signature_policy *policy,
	     struct signature *ret_signature, const void **ret_content,
	     size_t *ret_len);

#endif
