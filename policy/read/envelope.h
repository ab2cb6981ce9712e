/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outermost layer of an input: which format its bytes are. */
#ifndef SPLITD_POLICY_ENVELOPE_H
#define SPLITD_POLICY_ENVELOPE_H

#include <stddef.h>

struct arena;
struct report;
struct value;

/*
 * Tells the format by the first bytes, never by the file's name, and reads
 * it. host_keys: see xml_parse(). -EBADMSG with what is wrong in the report
 * and *ret_root untouched, or -ENOMEM.
 */
int envelope_read(const char *file, const void *bytes, size_t len,
		  const char *const *host_keys, struct report *report,
		  struct arena *arena, struct value **ret_root);

#endif
