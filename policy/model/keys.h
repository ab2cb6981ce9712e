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
struct signature_policy;

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
#define KEY_ITEMS     (1U << 6) /* its items may be empty, or a reader says so */
#define KEY_DISPLAY   (1U << 7)	 /* for people: odd blanks are W412 */
#define KEY_OLD	      (1U << 8)	 /* deprecated by Apple (W430) */
#define KEY_UUID      (1U << 9)	 /* should look like a UUID (W402) */
#define KEY_ALWAYS    (1U << 10) /* holds even where reading.inert is set */

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
		reader;	  /* instead of inner: checks and reads what is below */
	int64_t min, max; /* of an integer (E341); both 0: any */
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
	keys_payload_accounts, keys_payload_device, keys_payload_applayer,
	keys_payload_mapping;
extern const struct key_table keys_vpn, keys_rule, keys_parameters, keys_dns,
	keys_proxies, keys_ipv4;
extern const struct key_table keys_ipsec, keys_ppp, keys_ikev2, keys_always_on,
	keys_transparent_proxy;
extern const struct key_table keys_command, keys_item_attributes,
	keys_item_configuration, keys_item_other;
extern const struct key_table keys_host, keys_tunnel;

/* What splitd knows of an MDM command besides its keys. */
struct request_rule {
	const char *name;
	enum treatment treatment;
	const struct key_table *table;
};

extern const struct request_rule request_rules[]; /* NULL-terminated */

/* Settings' items that Apple documents; NULL-terminated. */
extern const char *const item_names[];

/* Payload types beside VPN, and why they are not read; NULL-terminated. */
struct neighbour_rule {
	const char *type;
	const char *note;
};

extern const struct neighbour_rule neighbour_rules[];

/* Readers that the tables name. */
void command_read_request(struct reading *reading, const struct value *value,
			  const struct trail *trail);
void command_read_settings(struct reading *reading, const struct value *value,
			   const struct trail *trail);
void profile_read_content(struct reading *reading, const struct value *value,
			  const struct trail *trail);
void mapping_read(struct reading *reading, const struct value *value,
		  const struct trail *trail);
void on_demand_read(struct reading *reading, const struct value *value,
		    const struct trail *trail);
void on_demand_read_foreign(struct reading *reading, const struct value *value,
			    const struct trail *trail);
void on_demand_read_parameters(struct reading *reading,
			       const struct value *value,
			       const struct trail *trail);
void on_demand_check_servers(struct reading *reading, const struct value *value,
			     const struct trail *trail);
void on_demand_check_url(struct reading *reading, const struct value *value,
			 const struct trail *trail);
void dns_read(struct reading *reading, const struct value *value,
	      const struct trail *trail);
void dns_check_servers(struct reading *reading, const struct value *value,
		       const struct trail *trail);
void proxies_read(struct reading *reading, const struct value *value,
		  const struct trail *trail);
void domains_check(struct reading *reading, const struct value *value,
		   const struct trail *trail);
void signers_read(struct reading *reading, const struct value *value,
		  const struct trail *trail);

extern const char *const when_down_values[], *const routing_mode_values[],
						     *const inbound_values[];

/* One document being understood. Allocation failure sticks in error. */
struct reading {
	struct document *document;
	struct report *report;
	int error;
	const char *inert;  /* set: nothing below acts, for this reason */
	bool per_app;	    /* within a per-app payload */
	size_t links_room;  /* for mappings: of the document's links and apps */
	uint32_t text_line; /* of a text with lines of its own; or 0 */
	const char *prefix; /* of paths in a profile inside a command */
	const struct signature_policy *signatures; /* asked of this file */
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

/* At the value of a key of dict, or at dict when it is not there. */
void reading_complain_at(struct reading *reading, const char *code,
			 const struct value *dict, const struct trail *up,
			 const char *key, const char *shown,
			 const char *message);

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

/* Do the same for every dictionary of an array. */
void keys_check_items(struct reading *reading, const struct value *array,
		      const struct trail *trail, const struct key_table *table);

/* key_type.c: is the value what the rule wants, coercions included? */
void key_check_type(struct reading *reading, const struct key_rule *rule,
		    const struct value *value, const struct trail *trail);

/* A flag or boolean in any accepted form; fallback when absent or wrong. */
bool flag_get(const struct value *value, bool fallback);

/* An integer in any accepted form; fallback when absent or wrong. */
int64_t integer_get(const struct value *value, int64_t fallback);

/* The type's name in messages and in the manual. */
const char *key_type_name(enum key_type type);

/* "identifies": 1..255 bytes of printable ASCII without blanks. */
bool identifier_valid(const char *text);

#endif
