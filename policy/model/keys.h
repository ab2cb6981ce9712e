/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of keys: what may stand where, and what is done with it. */
#ifndef SPLITD_POLICY_KEYS_H
#define SPLITD_POLICY_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/model/document.h"
#include "policy/model/model.h"
#include "policy/read/text.h"
#include "policy/read/value.h"

struct report;

/* What the schema says; section 7's coercions are the checker's. */
enum key_type {
	KEY_STRING,
	KEY_ID, /* a string that identifies: not empty, printable ASCII */
	KEY_INTEGER,
	KEY_FLAG, /* an integer, 0 or 1 */
	KEY_BOOL,
	KEY_REAL, /* or an integer */
	KEY_DATE,
	KEY_DATA,
	KEY_DICT,
	KEY_DICTS,   /* array of dict */
	KEY_STRINGS, /* array of string */
	KEY_ANY,
};

/* Flags of a rule. */
#define KEY_REQUIRED  (1U << 0)
#define KEY_SECRET    (1U << 1) /* its value appears in no message */
#define KEY_NONEMPTY  (1U << 2)
#define KEY_FOLD      (1U << 3) /* enum: another letter case is taken (W407) */
#define KEY_MISPLACED (1U << 4) /* belongs elsewhere: not read here (W420) */
#define KEY_REFUSED   (1U << 5) /* an error by itself */

struct key_table;
struct reading;

typedef void (*key_reader)(struct reading *reading, const struct value *value,
			   const struct trail *trail);

struct key_rule {
	const char *name; /* "*": any other key */
	enum key_type type;
	unsigned int flags;
	enum treatment treatment;
	const char *note;
	const char *code; /* when missing, empty, refused; NULL: E314, E315 */
	const char *type_code;	       /* of the wrong type; NULL: E312 */
	const char *const *values;     /* exact strings; NULL-terminated */
	const struct key_table *inner; /* of a dict, or of each dict */
	key_reader
		reader; /* instead of inner: checks and reads what is below */
};

struct key_table {
	const struct key_rule *rules;
	size_t n;
};

#define KEY_TABLE(rule_array)                                                  \
	{                                                                      \
		(rule_array), sizeof(rule_array) / sizeof((rule_array)[0])     \
	}

extern const struct key_table keys_profile, keys_payload_other,
	keys_payload_device, keys_payload_applayer, keys_command,
	keys_command_settings, keys_command_later, keys_command_other,
	keys_item_attributes, keys_item_other, keys_host, keys_tunnel;

/* Readers that the tables name. */
void command_read_request(struct reading *reading, const struct value *value,
			  const struct trail *trail);
void command_read_settings(struct reading *reading, const struct value *value,
			   const struct trail *trail);
void profile_read_content(struct reading *reading, const struct value *value,
			  const struct trail *trail);

extern const char *const when_down_values[], *const routing_mode_values[],
						     *const inbound_values[];

/* One document being understood. Allocation failure sticks in error. */
struct reading {
	struct document *document;
	struct report *report;
	int error;
};

void reading_complain(struct reading *reading, const char *code,
		      const struct value *value, const struct trail *trail,
		      const char *shown, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* The same at a key's name instead of its value. */
void reading_complain_key(struct reading *reading, const char *code,
			  const struct value *value, const struct trail *trail,
			  const char *shown, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* Adds to document_keys(). */
void reading_note(struct reading *reading, const struct trail *trail,
		  enum treatment treatment, const char *note);

struct spot reading_spot(struct reading *reading, const struct value *value,
			 const struct trail *trail);

char *reading_copy(struct reading *reading, const char *text);
void *reading_array(struct reading *reading, size_t n, size_t size);

/*
 * Checks a dictionary against its table: notes every key with its treatment,
 * reports unknown, missing and mistyped ones, and goes into what has an inner
 * table or none.
 */
void keys_check(struct reading *reading, const struct value *dict,
		const struct trail *trail, const struct key_table *table);

/* key_type.c: is the value what the rule wants, coercions included? */
void key_check_type(struct reading *reading, const struct key_rule *rule,
		    const struct value *value, const struct trail *trail);

/* A flag or boolean in any accepted form; fallback when absent or wrong. */
bool flag_get(const struct value *value, bool fallback);

/* "identifies": 1..255 bytes of printable ASCII without blanks. */
bool identifier_valid(const char *text);

#endif
