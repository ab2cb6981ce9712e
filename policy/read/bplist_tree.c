/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The objects of a binary property list to a value tree. */

/*
 * An object that many refer to becomes as many values, and each of them is
 * paid from the node budget: 139 bytes can otherwise stand for gigabytes. The
 * recursion is as deep as values may nest. A refused value is reported and
 * left out, and reading goes on; only a spent budget stops it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/read/arena.h"
#include "policy/read/bplist_object.h"
#include "policy/read/cleanup.h"
#include "policy/read/position.h"
#include "policy/read/sort.h"
#include "policy/read/text.h"
#include "policy/read/value.h"

/* One container being read. */
struct level {
	const struct level *up;
	const struct object *object;
	const struct trail *trail;
	struct value *value;
	struct value **tail;
	unsigned int depth; /* of the root: 1 */
};

static struct value *read_value(struct bplist *b, uint64_t number,
				const struct trail *trail,
				const struct level *up);

static bool spend_node(struct bplist *b, const struct level *level)
{
	if (++b->nodes <= b->budget->nodes)
		return true;
	bplist_complain(b, "E116", level->object, level->trail, true,
			"more than %zu values, each use of an object counted",
			b->budget->nodes);
	if (!b->error)
		b->error = -EBADMSG;
	return false;
}

static void hang(struct level *level, struct value *value)
{
	*level->tail = value;
	level->tail = &value->next;
	level->value->n++;
}

static void read_array(struct bplist *b, struct level *level)
{
	const struct object *array = level->object;

	for (uint32_t i = 0; i < array->n && !b->error; i++) {
		const struct trail trail = { level->trail, NULL, i };
		struct value *value;

		if (!spend_node(b, level))
			return;
		value = read_value(b,
				   bplist_number(b,
						 array->body + i * b->ref_size,
						 b->ref_size),
				   &trail, level);
		if (value)
			hang(level, value);
	}
}

/* False: reported. The object of the reference, which is in use now. */
static bool follow(struct bplist *b, uint64_t number, const struct trail *trail,
		   const struct object *from, struct object *ret)
{
	const char *code;

	if (number >= b->n) {
		bplist_complain(b, "E146", from, trail, true,
				"reference to object %llu of %u",
				(unsigned long long)number, b->n);
		return false;
	}
	b->used[number] = true;
	bplist_object(b, (uint32_t)number, ret, &code);
	return true;
}

static const char *read_key(struct bplist *b, const struct level *level,
			    uint32_t i, struct object *key)
{
	const struct object *dict = level->object;
	const struct piece *piece;

	if (!follow(b,
		    bplist_number(b, dict->body + i * b->ref_size, b->ref_size),
		    level->trail, dict, key))
		return NULL;
	if (key->kind != OBJECT_ASCII && key->kind != OBJECT_UTF16) {
		bplist_complain(b, "E147", key, level->trail, true,
				"key %u of the dict is no string", i);
		return NULL;
	}
	piece = bplist_text(b, key, level->trail, BUDGET_KEY_BYTES);
	return piece ? piece->bytes : NULL;
}

static void read_pair(struct bplist *b, struct level *level, uint32_t i)
{
	const struct object *dict = level->object;
	struct object key;
	const char *text = read_key(b, level, i, &key);
	const struct trail trail = { level->trail, text, 0 };
	struct value *value;

	if (!text || b->error)
		return;
	value = read_value(
		b,
		bplist_number(b, dict->body + (dict->n + i) * b->ref_size,
			      b->ref_size),
		&trail, level);
	if (!value)
		return;
	value->key = text;
	value->key_line = key.number | POSITION_OBJECT | b->reader->layer;
	value->key_column = key.offset;
	hang(level, value);
}

struct sorted {
	const struct value *value;
	uint32_t index;
};

static int compare_keys(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int order = strcmp(x->value->key, y->value->key);

	if (order)
		return order;
	return x->index < y->index ? -1 : 1;
}

static void complain_duplicate(struct bplist *b, const struct level *level,
			       const struct value *first,
			       const struct value *again)
{
	const struct trail trail = { level->trail, again->key, 0 };
	const struct object key = {
		.number = position_number(again->key_line),
		.offset = again->key_column,
	};

	bplist_complain(b, "E115", &key, &trail, true,
			"duplicate key (first is object #%u at 0x%x)",
			position_number(first->key_line), first->key_column);
}

static void check_duplicates(struct bplist *b, const struct level *level)
{
	struct sorted *sorted _cleanup_free_ =
		calloc(level->value->n + 1, sizeof(*sorted));
	uint32_t n = 0, first = 0;

	if (!sorted) {
		b->error = -ENOMEM;
		return;
	}
	value_foreach(child, level->value) {
		sorted[n] = (struct sorted){ child, n };
		n++;
	}
	sort_items(sorted, n, sizeof(*sorted), compare_keys);
	for (uint32_t i = 1; i < n && !b->error; i++) {
		if (strcmp(sorted[first].value->key, sorted[i].value->key))
			first = i;
		else
			complain_duplicate(b, level, sorted[first].value,
					   sorted[i].value);
	}
}

static void read_dict(struct bplist *b, struct level *level)
{
	for (uint32_t i = 0; i < level->object->n && !b->error; i++) {
		if (!spend_node(b, level))
			return;
		read_pair(b, level, i);
	}
	if (!b->error)
		check_duplicates(b, level);
}

/* "#3 -> #7 -> #3": from the outer one of the two down to itself. */
static void complain_cycle(struct bplist *b, const struct level *up,
			   const struct object *object,
			   const struct trail *trail)
{
	char chain[BUDGET_DEPTH * 16] = "";

	for (;; up = up->up) {
		char rest[sizeof(chain)];

		snprintf(rest, sizeof(rest), "%s", chain);
		snprintf(chain, sizeof(chain), "#%u -> %.*s",
			 up->object->number, (int)sizeof(chain) - 16, rest);
		if (up->object->number == object->number)
			break;
	}
	bplist_complain(b, "E153", object, trail, true,
			"object contains itself (%s#%u)", chain,
			object->number);
}

static bool check_container(struct bplist *b, const struct level *up,
			    const struct object *object,
			    const struct trail *trail)
{
	bool is_dict = object->kind == OBJECT_DICT;
	size_t limit = is_dict ? b->budget->dict_keys : b->budget->array_items;

	for (const struct level *l = up; l; l = l->up) {
		if (l->object->number == object->number) {
			complain_cycle(b, up, object, trail);
			return false;
		}
	}
	if (up && up->depth >= BUDGET_DEPTH) {
		bplist_complain(b, "E116", object, trail, true,
				"nesting deeper than %d", BUDGET_DEPTH);
		return false;
	}
	if (object->n > limit) {
		bplist_complain(b, "E116", object, trail, true,
				"%s has more than %zu %s",
				is_dict ? "dict" : "array", limit,
				is_dict ? "keys" : "items");
		return false;
	}
	return true;
}

static struct value *read_container(struct bplist *b,
				    const struct object *object,
				    const struct trail *trail,
				    const struct level *up)
{
	struct level level = { up,   object, trail,
			       NULL, NULL,   up ? up->depth + 1 : 1 };

	if (!check_container(b, up, object, trail))
		return NULL;
	level.value = bplist_value(b, object,
				   object->kind == OBJECT_DICT ? VALUE_DICT :
								 VALUE_ARRAY);
	if (!level.value)
		return NULL;
	level.tail = &level.value->first;
	if (object->kind == OBJECT_DICT)
		read_dict(b, &level);
	else
		read_array(b, &level);
	return level.value;
}

static struct value *read_value(struct bplist *b, uint64_t number,
				const struct trail *trail,
				const struct level *up)
{
	struct object object;

	if (!follow(b, number, trail, up ? up->object : NULL, &object))
		return NULL;
	if (object.kind == OBJECT_ARRAY || object.kind == OBJECT_DICT)
		return read_container(b, &object, trail, up);
	return bplist_scalar(b, &object, trail);
}

struct value *bplist_tree(struct bplist *b)
{
	b->nodes = 1;
	return read_value(b, b->root, NULL, NULL);
}
