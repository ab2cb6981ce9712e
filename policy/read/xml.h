/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XML property lists to value trees; the only file that knows expat. */
#ifndef SPLITD_POLICY_XML_H
#define SPLITD_POLICY_XML_H

#include <stddef.h>

#include "policy/read/reader.h"

struct value;

/*
 * text must be valid UTF-8 without byte order mark. All that is wrong goes to
 * the report; with an error -EBADMSG is returned and *ret_root untouched.
 * -ENOMEM when memory is short.
 */
int xml_parse(const struct reader *reader, const char *text, size_t len,
	      struct value **ret_root);

#endif
