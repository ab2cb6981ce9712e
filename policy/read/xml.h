/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XML property lists to value trees; the only file that knows expat. */
#ifndef SPLITD_POLICY_XML_H
#define SPLITD_POLICY_XML_H

#include <stddef.h>

struct arena;
struct report;
struct value;

/*
 * What a file may cost. A file whose root has one of the keys of host_keys is
 * a host file and gets the host budget from there on.
 */
struct budget {
	size_t bytes;
	size_t nodes;
	size_t dict_keys;
	size_t array_items;
};

#define BUDGET_DEPTH	    32
#define BUDGET_KEY_BYTES    255
#define BUDGET_STRING_BYTES ((size_t)64 * 1024)
#define BUDGET_DATA_BYTES   ((size_t)2 * 1024 * 1024)

extern const struct budget budget_profile, budget_host;

/*
 * text must be valid UTF-8 without byte order mark. All that is wrong goes to
 * the report; with an error -EBADMSG is returned and *ret_root untouched.
 * -ENOMEM when memory is short.
 */
int xml_parse(const char *file, const char *text, size_t len,
	      const char *const *host_keys, struct report *report,
	      struct arena *arena, struct value **ret_root);

#endif
