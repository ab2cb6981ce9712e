/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outer layers of an input: which format its bytes are, who signed it. */
#ifndef SPLITD_POLICY_ENVELOPE_H
#define SPLITD_POLICY_ENVELOPE_H

#include <stddef.h>

#include "policy/read/reader.h"

struct signature;
struct signature_policy;
struct value;

/*
 * Tells the format by the first bytes, never by the file's name, and reads it:
 * XML, binary, or a signed message with one of the two in it. -EBADMSG with
 * what is wrong in the report, or -ENOMEM, and nothing returned.
 */
int envelope_read(const struct reader *reader, const void *bytes, size_t len,
		  const struct signature_policy *policy,
		  struct signature *ret_signature, struct value **ret_root);

#endif
