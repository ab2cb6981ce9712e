/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The value tree of a property list: what was written, and where. */
#ifndef SPLITD_POLICY_VALUE_H
#define SPLITD_POLICY_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_type {
	VALUE_DICT,
	VALUE_ARRAY,
	VALUE_STRING,
	VALUE_INTEGER,
	VALUE_REAL,
	VALUE_BOOL,
	VALUE_DATE,
	VALUE_DATA,
};

/*
 * Everything hangs in one arena. Children of dictionaries and arrays are a
 * list in file order; a dictionary's keys are unique (the readers refuse
 * duplicates). Strings are valid UTF-8 without NUL. Kept small: a host file
 * may hold two million of these.
 */
struct value {
	struct value *next; /* in the same dictionary or array */
	const char *key;    /* in a dictionary; else NULL */
	uint32_t line, column;
	uint32_t key_line, key_column;
	enum value_type type;
	uint32_t n; /* children, or bytes of a string or of data */
	union {
		struct value *first;
		const char *string; /* NUL-terminated */
		const unsigned char *data;
		int64_t integer;
		int64_t date; /* seconds since the epoch, UTC */
		double real;
		bool boolean;
	};
};

#define value_foreach(child, parent)                                           \
	for (const struct value *child = (parent)->first; child;               \
	     child = child->next)

const char *value_type_name(enum value_type type); /* "integer" */

/* The value of a key; NULL when it is absent or dict is no dictionary. */
const struct value *value_get(const struct value *dict, const char *key);

/* The same, but only a string's text or NULL. */
const char *value_get_string(const struct value *dict, const char *key);

/* A scalar as people would write it; "" for containers and data. */
void value_show(const struct value *value, char *buf, size_t size);

#endif
