/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walking a dictionary by its table of keys. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/model/keys.h"
#include "policy/read/arena.h"
#include "policy/read/cleanup.h"
#include "policy/read/report.h"

#define NAMES_MAX 64 /* of one table, for suggestions */

/* Where a value stands: for people, so with the line of a text's own lines. */
static char *full_path(const struct reading *reading, const struct trail *trail)
{
	char *path _cleanup_free_ = trail_format(trail);
	const char *prefix = reading->prefix ? reading->prefix : "";
	char *full = NULL;
	int n;

	if (!path)
		return NULL;
	if (reading->text_line)
		n = asprintf(&full, "%s%s:%u", prefix, path,
			     reading->text_line);
	else
		n = asprintf(&full, "%s%s", prefix, path);
	return n < 0 ? NULL : full;
}

static void complain(struct reading *reading, const char *code,
		     struct place place, const struct trail *trail,
		     const char *shown, const char *format, va_list args)
{
	char *path _cleanup_free_ = full_path(reading, trail);
	int r = -ENOMEM;

	place.file = reading->document->file;
	place.path = path;
	if (path)
		r = report_addv(reading->report, code, &place, shown, format,
				args);
	if (r < 0)
		reading->error = r;
}

void reading_complain(struct reading *reading, const char *code,
		      const struct value *value, const struct trail *trail,
		      const char *shown, const char *format, ...)
{
	const struct place place = { .line = value->line,
				     .column = value->column };
	va_list args;

	va_start(args, format);
	complain(reading, code, place, trail, shown, format, args);
	va_end(args);
}

void reading_complain_key(struct reading *reading, const char *code,
			  const struct value *value, const struct trail *trail,
			  const char *shown, const char *format, ...)
{
	const struct place place = { .line = value->key_line,
				     .column = value->key_column };
	va_list args;

	va_start(args, format);
	complain(reading, code, place, trail, shown, format, args);
	va_end(args);
}

void reading_complain_at(struct reading *reading, const char *code,
			 const struct value *dict, const struct trail *up,
			 const char *key, const char *shown,
			 const char *message)
{
	const struct value *value = value_get(dict, key);
	const struct trail trail = { up, key, 0 };

	reading_complain(reading, code, value ? value : dict, &trail, shown,
			 "%s", message);
}

char *reading_copy(struct reading *reading, const char *text)
{
	char *copy = arena_strdup(reading->document->arena, text);

	if (!copy)
		reading->error = -ENOMEM;
	return copy;
}

void *reading_array(struct reading *reading, size_t n, size_t size)
{
	void *array = arena_array(reading->document->arena, n, size);

	if (!array)
		reading->error = -ENOMEM;
	return array;
}

static const char *copy_path(struct reading *reading, const struct trail *trail)
{
	char *path _cleanup_free_ = full_path(reading, trail);

	if (!path) {
		reading->error = -ENOMEM;
		return NULL;
	}
	return reading_copy(reading, path);
}

struct spot reading_spot(struct reading *reading, const struct value *value,
			 const struct trail *trail)
{
	return (struct spot){ copy_path(reading, trail), value->line,
			      value->column };
}

/* The array grows by doubling; what it leaves in the arena is as much again. */
void reading_note(struct reading *reading, const struct trail *trail,
		  enum treatment treatment, const char *note)
{
	struct document *document = reading->document;
	size_t n = document->n_keys;
	struct key_note *key;

	if (!(n & (n - 1))) {
		struct key_note *larger =
			reading_array(reading, n ? n * 2 : 1, sizeof(*larger));

		if (!larger)
			return;
		if (n)
			memcpy(larger, document->keys, n * sizeof(*larger));
		document->keys = larger;
	}
	key = &document->keys[n];
	key->path = (char *)copy_path(reading, trail);
	key->treatment = treatment;
	if (reading->inert && treatment != TREATMENT_METADATA) {
		key->treatment = TREATMENT_NOT_APPLICABLE;
		note = reading->inert;
	}
	key->note = reading_copy(reading, note);
	if (key->path && key->note)
		document->n_keys++;
}

static const struct key_rule *find_rule(const struct key_table *table,
					const char *key)
{
	for (size_t i = 0; i < table->n; i++)
		if (strcmp(table->rules[i].name, key) == 0 ||
		    strcmp(table->rules[i].name, "*") == 0)
			return &table->rules[i];
	return NULL;
}

/* Notes all keys below a value that nobody looks into. */
static void note_opaque(struct reading *reading, const struct value *value,
			const struct trail *trail, enum treatment treatment,
			const char *note)
{
	size_t index = 0;

	if (value->type != VALUE_DICT && value->type != VALUE_ARRAY)
		return;
	value_foreach(child, value) {
		const struct trail below = { trail, child->key, index++ };

		if (child->key)
			reading_note(reading, &below, treatment, note);
		note_opaque(reading, child, &below, treatment, note);
	}
}

static void check_unknown(struct reading *reading, const struct value *value,
			  const struct trail *trail,
			  const struct key_table *table)
{
	static const char note[] = "unknown key, not read";
	const char *names[NAMES_MAX + 1];
	const char *meant;
	size_t n = 0;

	while (n < table->n && n < NAMES_MAX) {
		names[n] = table->rules[n].name;
		n++;
	}
	names[n] = NULL;
	meant = suggest(value->key, names);

	reading_complain_key(reading, "W410", value, trail, NULL,
			     "unknown key%s%s%s",
			     meant ? ", did you mean " : "", meant ? meant : "",
			     meant ? "?" : "");
	reading_note(reading, trail, TREATMENT_NOT_APPLICABLE, note);
	note_opaque(reading, value, trail, TREATMENT_NOT_APPLICABLE, note);
}

void keys_check_items(struct reading *reading, const struct value *array,
		      const struct trail *trail, const struct key_table *table)
{
	size_t index = 0;

	if (array->type != VALUE_ARRAY)
		return;
	value_foreach(child, array) {
		const struct trail below = { trail, NULL, index++ };

		if (child->type == VALUE_DICT)
			keys_check(reading, child, &below, table);
	}
}

static void check_inner(struct reading *reading, const struct key_rule *rule,
			const struct value *value, const struct trail *trail)
{
	if (rule->reader) {
		rule->reader(reading, value, trail);
		return;
	}
	if (rule->inner && rule->type == KEY_DICT && value->type == VALUE_DICT)
		keys_check(reading, value, trail, rule->inner);
	else if (rule->inner && rule->type == KEY_DICTS)
		keys_check_items(reading, value, trail, rule->inner);
	else
		note_opaque(reading, value, trail, rule->treatment, rule->note);
}

static void check_known(struct reading *reading, const struct value *value,
			const struct trail *trail, const struct key_rule *rule)
{
	const char *inert = reading->inert;

	if (rule->flags & KEY_ALWAYS)
		reading->inert = NULL;
	reading_note(reading, trail, rule->treatment, rule->note);
	reading->inert = inert;
	if (rule->flags & KEY_REFUSED) {
		reading_complain_key(reading, rule->code, value, trail, NULL,
				     "%s", rule->note);
		return;
	}
	if (rule->flags & KEY_MISPLACED) {
		reading_complain_key(reading, "W420", value, trail, NULL,
				     "misplaced key: %s", rule->note);
		note_opaque(reading, value, trail, rule->treatment, rule->note);
		return;
	}
	if (rule->flags & KEY_OLD)
		reading_complain_key(reading, "W430", value, trail, NULL,
				     "deprecated by Apple");
	key_check_type(reading, rule, value, trail);
	check_inner(reading, rule, value, trail);
}

static void check_missing(struct reading *reading, const struct value *dict,
			  const struct trail *trail,
			  const struct key_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct key_rule *rule = &table->rules[i];
		const struct trail below = { trail, rule->name, 0 };

		if (!(rule->flags & KEY_REQUIRED) ||
		    value_get(dict, rule->name))
			continue;
		reading_complain(reading, rule->code ? rule->code : "E314",
				 dict, &below, NULL, "missing required key");
	}
}

void keys_check(struct reading *reading, const struct value *dict,
		const struct trail *trail, const struct key_table *table)
{
	value_foreach(child, dict) {
		const struct trail below = { trail, child->key, 0 };
		const struct key_rule *rule = find_rule(table, child->key);

		if (rule)
			check_known(reading, child, &below, rule);
		else
			check_unknown(reading, child, &below, table);
	}
	check_missing(reading, dict, trail, table);
}
