/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DOCTYPE of an XML file, found lexically and never parsed. */
#ifndef SPLITD_POLICY_DOCTYPE_H
#define SPLITD_POLICY_DOCTYPE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Profiles of real servers carry DOCTYPEs that no XML parser accepts, and a
 * DOCTYPE is all an attack with entities needs: so it is cut out before the
 * parser sees the file.
 */
struct doctype {
	size_t start, end; /* byte offsets; equal when there is none */
	bool malformed;
	bool has_subset; /* "[": refuse the file */
	bool unclosed;
};

void doctype_find(const char *text, size_t len, struct doctype *ret_doctype);

#endif
