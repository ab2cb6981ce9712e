/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types, coercions and values of single keys. */

/*
 * Servers write flags as booleans, strings and reals, integers as strings,
 * lists as single strings. Each of these is taken with a warning where its
 * meaning is beyond doubt, and everything else is an error at its place.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/model/keys.h"
#include "policy/read/scalar.h"

#define SHOWN_MAX 512

static const char *const type_names[] = {
	[KEY_STRING] = "string",
	[KEY_ID] = "string",
	[KEY_INTEGER] = "integer",
	[KEY_FLAG] = "integer 0 or 1",
	[KEY_BOOL] = "boolean",
	[KEY_REAL] = "real",
	[KEY_DATE] = "date",
	[KEY_DATA] = "data",
	[KEY_DICT] = "dict",
	[KEY_DICTS] = "array of dict",
	[KEY_STRINGS] = "array of string",
	[KEY_ANY] = "anything",
};

const char *key_type_name(enum key_type type)
{
	return type_names[type];
}

/* -1: the text is no truth value. */
static int truth_of_text(const char *text)
{
	static const char *const words[] = { "0", "false", "no",
					     "1", "true",  "yes" };

	for (int i = 0; i < 6; i++)
		if (strcasecmp(text, words[i]) == 0)
			return i >= 3;
	return -1;
}

static int truth(const struct value *value)
{
	switch (value->type) {
	case VALUE_BOOL:
		return value->boolean;
	case VALUE_INTEGER:
		return value->integer == 0 ? 0 : value->integer == 1 ? 1 : -1;
	case VALUE_REAL:
		return value->real == 0.0 ? 0 : value->real == 1.0 ? 1 : -1;
	case VALUE_STRING:
		return truth_of_text(value->string);
	default:
		return -1;
	}
}

bool flag_get(const struct value *value, bool fallback)
{
	int t = value ? truth(value) : -1;

	return t < 0 ? fallback : t;
}

/* At most 18 digits: every such text is a 64-bit number. */
static bool is_integral(const struct value *value, int64_t *ret)
{
	const char *text;

	switch (value->type) {
	case VALUE_INTEGER:
		*ret = value->integer;
		return true;
	case VALUE_REAL:
		if (!(value->real >= -1e15 && value->real <= 1e15))
			return false;
		*ret = (int64_t)value->real;
		return value->real == (double)*ret;
	case VALUE_STRING:
		text = value->string;
		return strlen(text + (text[0] == '-')) <= 18 &&
		       scalar_integer(text, ret) == 0;
	default:
		return false;
	}
}

int64_t integer_get(const struct value *value, int64_t fallback)
{
	int64_t number;

	return value && is_integral(value, &number) ? number : fallback;
}

bool identifier_valid(const char *text)
{
	size_t n = strlen(text);

	if (!n || n > IDENTIFIER_MAX)
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

/* The value for a message; NULL for secrets, containers and data. */
static const char *show(const struct key_rule *rule, const struct value *value,
			char buf[SHOWN_MAX])
{
	if (rule->flags & KEY_SECRET)
		return "<redacted>";
	value_show(value, buf, SHOWN_MAX);
	return buf[0] ? buf : NULL;
}

static void complain_type(struct reading *reading, const struct key_rule *rule,
			  const struct value *value, const struct trail *trail)
{
	char buf[SHOWN_MAX];

	reading_complain(reading, rule->type_code ? rule->type_code : "E312",
			 value, trail, show(rule, value, buf),
			 "expected %s, found %s", type_names[rule->type],
			 value_type_name(value->type));
}

static void coerced(struct reading *reading, const struct key_rule *rule,
		    const struct value *value, const struct trail *trail,
		    const char *code)
{
	char buf[SHOWN_MAX];

	reading_complain(reading, code, value, trail, show(rule, value, buf),
			 "%s taken as %s", value_type_name(value->type),
			 type_names[rule->type]);
}

static void check_truth(struct reading *reading, const struct key_rule *rule,
			const struct value *value, const struct trail *trail)
{
	enum value_type plain = rule->type == KEY_BOOL ? VALUE_BOOL :
							 VALUE_INTEGER;

	if (truth(value) < 0)
		complain_type(reading, rule, value, trail);
	else if (value->type == VALUE_STRING || value->type == VALUE_REAL)
		coerced(reading, rule, value, trail, "W409");
	else if (value->type != plain)
		coerced(reading, rule, value, trail, "W408");
}

static void check_integer(struct reading *reading, const struct key_rule *rule,
			  const struct value *value, const struct trail *trail)
{
	char buf[SHOWN_MAX];
	int64_t number;

	if (!is_integral(value, &number)) {
		complain_type(reading, rule, value, trail);
		return;
	}
	if (value->type != VALUE_INTEGER)
		coerced(reading, rule, value, trail, "W409");
	if ((rule->min || rule->max) &&
	    (number < rule->min || number > rule->max))
		reading_complain(reading, "E341", value, trail,
				 show(rule, value, buf),
				 rule->max == INT64_MAX ?
					 "must be at least %" PRId64 :
					 "not in %" PRId64 "..%" PRId64,
				 rule->min, rule->max);
}

static void check_enum(struct reading *reading, const struct key_rule *rule,
		       const struct value *value, const struct trail *trail)
{
	const char *meant;
	char list[256] = "";
	size_t n = 0;

	for (size_t i = 0; rule->values[i]; i++) {
		if (strcmp(rule->values[i], value->string) == 0)
			return;
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
				      i ? ", " : "", rule->values[i]);
		if (n >= sizeof(list))
			n = sizeof(list) - 1;
	}

	meant = suggest(value->string, rule->values);
	if (meant && (rule->flags & KEY_FOLD) &&
	    strcasecmp(meant, value->string) == 0)
		reading_complain(reading, "W407", value, trail, value->string,
				 "taken as %s", meant);
	else
		reading_complain(reading, "E340", value, trail, value->string,
				 "not one of %s%s%s%s", list,
				 meant ? "; did you mean " : "",
				 meant ? meant : "", meant ? "?" : "");
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid(const char *text)
{
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return !text[36];
}

static bool has_outer_blanks(const struct value *value)
{
	const char *text = value->string;

	return value->n && (isspace((unsigned char)text[0]) ||
			    isspace((unsigned char)text[value->n - 1]));
}

static void check_oddities(struct reading *reading, const struct key_rule *rule,
			   const struct value *value, const struct trail *trail)
{
	if (rule->flags & KEY_UUID && !is_uuid(value->string))
		reading_complain(reading, "W402", value, trail, value->string,
				 "not a UUID of the form 8-4-4-4-12");
	if (rule->flags & KEY_DISPLAY && has_outer_blanks(value))
		reading_complain(reading, "W412", value, trail, value->string,
				 "begins or ends with a blank");
}

static void check_string(struct reading *reading, const struct key_rule *rule,
			 const struct value *value, const struct trail *trail)
{
	const char *code = rule->code ? rule->code : "E315";
	char buf[SHOWN_MAX];

	if (value->type != VALUE_STRING) {
		complain_type(reading, rule, value, trail);
		return;
	}
	if (!value->n && (rule->type == KEY_ID || rule->flags & KEY_NONEMPTY))
		reading_complain(reading, code, value, trail, NULL,
				 "must not be empty");
	else if (rule->type == KEY_ID && value->n > IDENTIFIER_MAX)
		reading_complain(reading, "E315", value, trail, NULL,
				 "longer than %d bytes", IDENTIFIER_MAX);
	else if (rule->type == KEY_ID && !identifier_valid(value->string))
		reading_complain(reading, "E315", value, trail,
				 show(rule, value, buf),
				 "must be printable ASCII without blanks");
	else if (rule->values)
		check_enum(reading, rule, value, trail);
	else
		check_oddities(reading, rule, value, trail);
}

static void check_item(struct reading *reading, const struct key_rule *rule,
		       const struct value *item, const struct trail *trail)
{
	if (rule->values)
		check_enum(reading, rule, item, trail);
	else if (!item->n && !(rule->flags & KEY_ITEMS))
		reading_complain(reading, "E315", item, trail, NULL,
				 "must not be empty");
}

static void check_array(struct reading *reading, const struct key_rule *rule,
			const struct value *value, const struct trail *trail)
{
	bool of_dict = rule->type == KEY_DICTS;
	char buf[SHOWN_MAX];
	size_t index = 0;

	if (!of_dict && value->type == VALUE_STRING) {
		coerced(reading, rule, value, trail, "W411");
		check_item(reading, rule, value, trail);
		return;
	}
	if (value->type != VALUE_ARRAY) {
		complain_type(reading, rule, value, trail);
		return;
	}
	value_foreach(item, value) {
		const struct trail below = { trail, NULL, index++ };

		if (item->type == VALUE_STRING && !of_dict) {
			check_item(reading, rule, item, &below);
			continue;
		}
		if (item->type == VALUE_DICT && of_dict)
			continue;
		reading_complain(reading, "E312", item, &below,
				 show(rule, item, buf), "expected %s, found %s",
				 of_dict ? "dict" : "string",
				 value_type_name(item->type));
	}
}

static void check_exact(struct reading *reading, const struct key_rule *rule,
			const struct value *value, const struct trail *trail)
{
	static const enum value_type wanted[] = {
		[KEY_REAL] = VALUE_REAL,
		[KEY_DATE] = VALUE_DATE,
		[KEY_DATA] = VALUE_DATA,
		[KEY_DICT] = VALUE_DICT,
	};

	if (rule->type == KEY_REAL && value->type == VALUE_INTEGER)
		return;
	if (value->type != wanted[rule->type])
		complain_type(reading, rule, value, trail);
}

void key_check_type(struct reading *reading, const struct key_rule *rule,
		    const struct value *value, const struct trail *trail)
{
	switch (rule->type) {
	case KEY_STRING:
	case KEY_ID:
		check_string(reading, rule, value, trail);
		break;
	case KEY_FLAG:
	case KEY_BOOL:
		check_truth(reading, rule, value, trail);
		break;
	case KEY_INTEGER:
		check_integer(reading, rule, value, trail);
		break;
	case KEY_DICTS:
	case KEY_STRINGS:
		check_array(reading, rule, value, trail);
		break;
	case KEY_ANY:
		break;
	default:
		check_exact(reading, rule, value, trail);
	}
}
