/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XML events to a value tree. */

/*
 * One frame per open element, in an array: the depth is bounded, nothing
 * recurses. A refused element is reported and skipped with all it holds, and
 * stands for a value that is not there, so that one mistake is one finding
 * and reading goes on. Only what spends the node budget stops the parser.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/read/arena.h"
#include "policy/read/cleanup.h"
#include "policy/read/position.h"
#include "policy/read/report.h"
#include "policy/read/secret.h"
#include "policy/read/sort.h"
#include "policy/read/xml_tree.h"

/* Base64 of the largest data, and its line breaks. */
#define DATA_TEXT_BYTES (BUDGET_DATA_BYTES * 2)

const struct budget budget_profile = {
	.bytes = (size_t)4 * 1024 * 1024,
	.nodes = 20000,
	.dict_keys = 1024,
	.array_items = 4096,
};

const struct budget budget_host = {
	.bytes = (size_t)64 * 1024 * 1024,
	.nodes = 2200000,
	.dict_keys = 4096,
	.array_items = 1000000,
};

static const char *const element_names[] = {
	[ELEMENT_PLIST] = "plist",   [ELEMENT_DICT] = "dict",
	[ELEMENT_ARRAY] = "array",   [ELEMENT_KEY] = "key",
	[ELEMENT_STRING] = "string", [ELEMENT_INTEGER] = "integer",
	[ELEMENT_REAL] = "real",     [ELEMENT_TRUE] = "true",
	[ELEMENT_FALSE] = "false",   [ELEMENT_DATE] = "date",
	[ELEMENT_DATA] = "data",     [ELEMENT_UNKNOWN] = NULL,
};

enum element element_find(const char *name)
{
	enum element element = ELEMENT_PLIST;

	while (element != ELEMENT_UNKNOWN &&
	       strcmp(name, element_names[element]) != 0)
		element++;
	return element;
}

const char *element_name(enum element element)
{
	return element_names[element];
}

bool element_is_container(enum element element)
{
	return element == ELEMENT_PLIST || element == ELEMENT_DICT ||
	       element == ELEMENT_ARRAY;
}

struct frame *tree_top(struct tree *tree)
{
	return tree->depth ? &tree->frames[tree->depth - 1] : NULL;
}

/* Where the open element is, or the value that its key announces. */
static const struct trail *here(struct tree *tree, struct trail *room)
{
	struct frame *top = tree_top(tree);

	if (!top || top->element == ELEMENT_PLIST)
		return NULL;
	room->up = top->is_root ? NULL : &top->trail;
	room->key = top->element == ELEMENT_DICT ? top->key : NULL;
	return room->key ? room : room->up;
}

static void complain_at(struct tree *tree, uint32_t line, uint32_t column,
			const char *code, const char *value, const char *format,
			va_list args)
{
	struct trail room = { 0 };
	const struct trail *trail = here(tree, &room);
	char *path _cleanup_free_ = trail_format(trail);
	const struct place place = { tree->file, line | tree->layer, column,
				     path };
	int r;

	if (value && secret_trail(trail))
		value = SECRET_SHOWN;
	r = path ? report_addv(tree->report, code, &place, value, format,
			       args) :
		   -ENOMEM;
	if (r < 0)
		tree->error = r;
	else if (++tree->complaints > BUDGET_FINDINGS && !tree->error)
		tree->error = -EBADMSG;
}

void tree_complain(struct tree *tree, const char *code, const char *value,
		   const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain_at(tree, tree->line, tree->column, code, value, format, args);
	va_end(args);
}

static void stop(struct tree *tree)
{
	if (!tree->error)
		tree->error = -EBADMSG;
}

/* An element that may not stand there consumes the key that waits for it. */
static bool refuse(struct tree *tree)
{
	struct frame *top = tree_top(tree);

	if (top) {
		top->key = NULL;
		top->index++;
	}
	return false;
}

static bool check_unknown(struct tree *tree, const char *name)
{
	const char *meant = suggest(name, element_names);

	tree_complain(tree, "E111", NULL, "unknown element <%.64s>%s%s%s", name,
		      meant ? " (did you mean <" : "", meant ? meant : "",
		      meant ? ">?)" : "");
	return false;
}

static bool check_in_dict(struct tree *tree, const struct frame *dict,
			  enum element element)
{
	if (element == ELEMENT_KEY && dict->key) {
		tree_complain(
			tree, "E114", NULL,
			"<key> without a value (at %u:%u) before this <key>",
			dict->key_line, dict->key_column);
		/* the later key counts */
		return true;
	}
	if (element != ELEMENT_KEY && !dict->key) {
		tree_complain(tree, "E114", NULL, "<%s> without a <key>",
			      element_name(element));
		return false;
	}
	return true;
}

static bool check_place(struct tree *tree, const struct frame *top,
			enum element element)
{
	const char *name = element_name(element);

	if (!top && element != ELEMENT_PLIST) {
		tree_complain(tree, "E111", NULL,
			      "root element is <%s>, expected <plist>", name);
		return false;
	}
	if (!top)
		return true;

	if (top->element == ELEMENT_TRUE || top->element == ELEMENT_FALSE) {
		tree_complain(tree, "E121", NULL, "<%s> must be empty",
			      element_name(top->element));
		return false;
	}
	if (!element_is_container(top->element) || element == ELEMENT_PLIST) {
		tree_complain(tree, "E111", NULL, "<%s> inside <%s>", name,
			      element_name(top->element));
		return false;
	}
	if (top->element == ELEMENT_DICT)
		return check_in_dict(tree, top, element);
	if (element == ELEMENT_KEY) {
		tree_complain(tree, "E114", NULL, "<key> inside <%s>",
			      element_name(top->element));
		return false;
	}
	if (top->element == ELEMENT_PLIST && tree->nodes) {
		tree_complain(tree, "E113", NULL,
			      "second value <%s> inside <plist>", name);
		return false;
	}
	return true;
}

static bool check_budget(struct tree *tree, const struct frame *top,
			 enum element element)
{
	const struct budget *budget = tree->budget;

	if (element == ELEMENT_PLIST || element == ELEMENT_KEY)
		return true;
	if (++tree->nodes > budget->nodes) {
		tree_complain(tree, "E116", NULL, "more than %zu values",
			      budget->nodes);
		stop(tree);
		return false;
	}
	if (element_is_container(element) && tree->depth > BUDGET_DEPTH) {
		tree_complain(tree, "E116", NULL, "nesting deeper than %d",
			      BUDGET_DEPTH);
		return false;
	}
	if (top->element == ELEMENT_DICT &&
	    top->value->n >= budget->dict_keys) {
		tree_complain(tree, "E116", NULL, "dict has more than %zu keys",
			      budget->dict_keys);
		stop(tree);
		return false;
	}
	if (top->element == ELEMENT_ARRAY &&
	    top->index >= budget->array_items) {
		tree_complain(tree, "E116", NULL,
			      "array has more than %zu items",
			      budget->array_items);
		stop(tree);
		return false;
	}
	return true;
}

static bool push(struct tree *tree, struct frame *top, enum element element)
{
	struct frame *frame = &tree->frames[tree->depth++];

	memset(frame, 0, sizeof(*frame));
	frame->element = element;
	frame->line = tree->line;
	frame->column = tree->column;
	frame->is_root = !top || top->element == ELEMENT_PLIST;
	frame->trail.up = top && !top->is_root ? &top->trail : NULL;
	if (element == ELEMENT_KEY) { /* speaks of its dictionary */
		frame->trail = top->trail;
		frame->is_root = top->is_root;
	} else if (top && top->element == ELEMENT_DICT) {
		frame->trail.key = top->key;
	} else if (top) {
		frame->trail.index = top->index;
	}

	if (element == ELEMENT_DICT || element == ELEMENT_ARRAY) {
		frame->value = tree_value(
			tree, frame,
			element == ELEMENT_DICT ? VALUE_DICT : VALUE_ARRAY);
		if (frame->value)
			frame->tail = &frame->value->first;
	}
	tree->text_len = 0;
	tree->text_too_long = false;
	return !tree->error;
}

bool tree_open(struct tree *tree, const char *name)
{
	enum element element = element_find(name);
	struct frame *top = tree_top(tree);

	if (element == ELEMENT_UNKNOWN)
		check_unknown(tree, name);
	if (element == ELEMENT_UNKNOWN || !check_place(tree, top, element) ||
	    !check_budget(tree, top, element))
		return refuse(tree);
	return push(tree, top, element);
}

static size_t text_limit(enum element element)
{
	return element == ELEMENT_KEY  ? BUDGET_KEY_BYTES :
	       element == ELEMENT_DATA ? DATA_TEXT_BYTES :
					 BUDGET_STRING_BYTES;
}

static void container_text(struct tree *tree, struct frame *frame,
			   const char *text, size_t len)
{
	size_t blanks = 0;

	while (blanks < len && strchr(" \t\r\n", text[blanks]))
		blanks++;
	if (blanks == len || frame->complained)
		return;
	frame->complained = true;
	tree_complain(tree, "E114", NULL,
		      "text inside <%s>, outside of any value",
		      element_name(frame->element));
}

void tree_text(struct tree *tree, const char *text, size_t len)
{
	struct frame *frame = tree_top(tree);

	if (!frame)
		return;
	if (element_is_container(frame->element)) {
		container_text(tree, frame, text, len);
		return;
	}
	if (len > text_limit(frame->element) - tree->text_len)
		tree->text_too_long = true;
	if (tree->text_too_long)
		len = 0;

	if (tree->text_len + len + 1 > tree->text_size) {
		size_t size = (tree->text_len + len + 1) * 2;
		char *larger = realloc(tree->text, size);

		if (!larger) {
			tree->error = -ENOMEM;
			return;
		}
		tree->text = larger;
		tree->text_size = size;
	}
	memcpy(tree->text + tree->text_len, text, len);
	tree->text_len += len;
}

static int compare_keys(const void *a, const void *b)
{
	const struct value *x = *(const struct value *const *)a;
	const struct value *y = *(const struct value *const *)b;
	int order = strcmp(x->key, y->key);

	if (order)
		return order;
	if (x->key_line != y->key_line)
		return x->key_line < y->key_line ? -1 : 1;
	return x->key_column < y->key_column ? -1 : 1;
}

static void complain_duplicate(struct tree *tree, const struct value *first,
			       const struct value *again)
{
	struct frame *top = tree_top(tree);
	uint32_t line = tree->line, column = tree->column;

	top->key = again->key;
	tree->line = position_number(again->key_line);
	tree->column = again->key_column;
	tree_complain(tree, "E115", NULL,
		      "duplicate key (first at %u:%u, again at %u:%u)",
		      position_number(first->key_line), first->key_column,
		      tree->line, again->key_column);
	tree->line = line;
	tree->column = column;
	top->key = NULL;
}

static void check_duplicates(struct tree *tree, const struct value *dict)
{
	const struct value **sorted _cleanup_free_ = NULL;
	size_t n = 0;

	if (dict->n < 2)
		return;
	sorted = calloc(dict->n, sizeof(*sorted));
	if (!sorted) {
		tree->error = -ENOMEM;
		return;
	}
	value_foreach(child, dict)
		sorted[n++] = child;
	sort_items(sorted, n, sizeof(*sorted), compare_keys);

	for (size_t first = 0, i = 1; i < n; i++) {
		if (strcmp(sorted[first]->key, sorted[i]->key) == 0)
			complain_duplicate(tree, sorted[first], sorted[i]);
		else
			first = i;
	}
}

static void close_key(struct tree *tree, const struct frame *key)
{
	struct frame *dict = tree_top(tree);

	dict->key = arena_strndup(tree->arena, tree->text, tree->text_len);
	dict->key_line = key->line;
	dict->key_column = key->column;
	if (!dict->key) {
		tree->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; dict->is_root && tree->host_keys[i]; i++)
		if (strcmp(dict->key, tree->host_keys[i]) == 0)
			tree->budget = &budget_host;
}

/* Hangs a value below the element that is open now. */
static void hang(struct tree *tree, struct value *value)
{
	struct frame *top = tree_top(tree);

	if (top->element == ELEMENT_PLIST) {
		tree->root = value;
		return;
	}
	if (top->element == ELEMENT_DICT) {
		value->key = top->key;
		value->key_line = top->key_line | tree->layer;
		value->key_column = top->key_column;
		top->key = NULL;
	}
	top->index++;
	*top->tail = value;
	top->tail = &value->next;
	top->value->n++;
}

static void close_container(struct tree *tree, struct frame *frame)
{
	if (frame->element == ELEMENT_DICT && frame->key) {
		tree->line = frame->key_line;
		tree->column = frame->key_column;
		tree_complain(tree, "E114", NULL, "<key> without a value");
	}
	frame->key = NULL;
	if (frame->element == ELEMENT_DICT)
		check_duplicates(tree, frame->value);
}

/* The value of a scalar; NULL when it was refused, or is a key. */
static struct value *close_scalar(struct tree *tree, struct frame *frame)
{
	struct value *value = NULL;

	tree->line = frame->line;
	tree->column = frame->column;
	tree_text(tree, "", 0); /* there is a buffer now */
	if (tree->error)
		return NULL;
	if (tree->text_too_long) {
		tree_complain(tree, "E116", NULL, "<%s> longer than %zu bytes",
			      element_name(frame->element),
			      text_limit(frame->element));
		return NULL;
	}
	tree->text[tree->text_len] = '\0';
	if (frame->element != ELEMENT_KEY)
		value = tree_scalar(tree, frame);
	return value;
}

void tree_close(struct tree *tree)
{
	struct frame *frame = tree_top(tree);
	struct value *value = frame->value;

	if (element_is_container(frame->element))
		close_container(tree, frame);
	else
		value = close_scalar(tree, frame);

	tree->depth--;
	if (tree->error || frame->element == ELEMENT_PLIST)
		return;
	if (frame->element == ELEMENT_KEY) {
		close_key(tree, frame);
		return;
	}
	if (value)
		hang(tree, value);
	else
		refuse(tree);
}
