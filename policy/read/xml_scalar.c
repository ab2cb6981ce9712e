/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scalars of an XML property list. */
#include <errno.h>

#include "policy/read/arena.h"
#include "policy/read/scalar.h"
#include "policy/read/xml_tree.h"

struct value *tree_value(struct tree *tree, const struct frame *frame,
			 enum value_type type)
{
	struct value *value = arena_alloc(tree->arena, sizeof(*value));

	if (!value) {
		tree->error = -ENOMEM;
		return NULL;
	}
	value->type = type;
	value->line = frame->line | tree->layer;
	value->column = frame->column;
	return value;
}

static struct value *read_string(struct tree *tree, const struct frame *frame)
{
	struct value *value = tree_value(tree, frame, VALUE_STRING);

	if (!value)
		return NULL;
	value->n = (uint32_t)tree->text_len;
	value->string = arena_strndup(tree->arena, tree->text, tree->text_len);
	if (!value->string) {
		tree->error = -ENOMEM;
		return NULL;
	}
	return value;
}

static struct value *read_integer(struct tree *tree, const struct frame *frame)
{
	struct value *value;
	int64_t number;
	int r = scalar_integer(tree->text, &number);

	if (r < 0) {
		tree_complain(tree, "E117", tree->text, "<integer> is %s",
			      r == -ERANGE ? "out of the 64-bit range" :
					     "not a decimal integer");
		return NULL;
	}
	value = tree_value(tree, frame, VALUE_INTEGER);
	if (value)
		value->integer = number;
	return value;
}

static struct value *read_real(struct tree *tree, const struct frame *frame)
{
	struct value *value;
	double number;
	int r = scalar_real(tree->text, &number);

	if (r == -ENOMEM)
		tree->error = r;
	else if (r < 0)
		tree_complain(tree, "E118", tree->text,
			      "<real> is not a finite decimal number");
	if (r < 0)
		return NULL;
	value = tree_value(tree, frame, VALUE_REAL);
	if (value)
		value->real = number;
	return value;
}

static struct value *read_date(struct tree *tree, const struct frame *frame)
{
	struct value *value;
	int64_t date;

	if (scalar_date(tree->text, &date) < 0) {
		tree_complain(tree, "E119", tree->text,
			      "<date> is not YYYY-MM-DDThh:mm:ssZ or not a "
			      "real date");
		return NULL;
	}
	value = tree_value(tree, frame, VALUE_DATE);
	if (value)
		value->date = date;
	return value;
}

/* The text is never shown: data is where keys and certificates are. */
static struct value *read_data(struct tree *tree, const struct frame *frame)
{
	unsigned char *data;
	const char *problem;
	struct value *value;
	size_t len;

	data = arena_alloc(tree->arena, tree->text_len / 4 * 3 + 3);
	if (!data) {
		tree->error = -ENOMEM;
		return NULL;
	}
	if (scalar_data(tree->text, tree->text_len, data, &len, &problem) < 0) {
		tree_complain(tree, "E120", NULL, "<data> has %s", problem);
		return NULL;
	}
	if (len > BUDGET_DATA_BYTES) {
		tree_complain(tree, "E116", NULL,
			      "<data> longer than %zu bytes",
			      BUDGET_DATA_BYTES);
		return NULL;
	}
	value = tree_value(tree, frame, VALUE_DATA);
	if (value) {
		value->data = data;
		value->n = (uint32_t)len;
	}
	return value;
}

static struct value *read_bool(struct tree *tree, const struct frame *frame)
{
	struct value *value;

	if (tree->text_len) {
		tree_complain(tree, "E121", NULL, "<%s> must be empty",
			      element_name(frame->element));
		return NULL;
	}
	value = tree_value(tree, frame, VALUE_BOOL);
	if (value)
		value->boolean = frame->element == ELEMENT_TRUE;
	return value;
}

struct value *tree_scalar(struct tree *tree, const struct frame *frame)
{
	switch (frame->element) {
	case ELEMENT_STRING:
		return read_string(tree, frame);
	case ELEMENT_INTEGER:
		return read_integer(tree, frame);
	case ELEMENT_REAL:
		return read_real(tree, frame);
	case ELEMENT_DATE:
		return read_date(tree, frame);
	case ELEMENT_DATA:
		return read_data(tree, frame);
	default:
		return read_bool(tree, frame);
	}
}
