/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scalars of a binary property list. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "policy/read/arena.h"
#include "policy/read/bplist_object.h"
#include "policy/read/position.h"
#include "policy/read/value.h"

/* Seconds from 1970 to 2001, where binary dates begin; and years 0 to 9999. */
#define EPOCH_2001 978307200.0
#define DATE_MIN   -62167219200.0
#define DATE_MAX   253402300799.0

struct value *bplist_value(struct bplist *b, const struct object *object,
			   enum value_type type)
{
	struct value *value = arena_alloc(b->reader->arena, sizeof(*value));

	if (!value) {
		b->error = -ENOMEM;
		return NULL;
	}
	value->type = type;
	value->line = object->number | POSITION_OBJECT | b->reader->layer;
	value->column = object->offset;
	return value;
}

static struct value *refuse_type(struct bplist *b, const struct object *object,
				 const struct trail *trail)
{
	const char *name = object->kind == OBJECT_UID	 ? "UID" :
			   object->kind == OBJECT_SET	 ? "set" :
			   object->kind != OBJECT_SIMPLE ? "unknown" :
			   object->low == 0		 ? "null" :
			   object->low == 0xf		 ? "fill" :
							   "unknown";

	bplist_complain(b, "E148", object, trail, true,
			"object of type %s (0x%x%x) is not supported", name,
			object->kind, object->low);
	return NULL;
}

static struct value *read_bool(struct bplist *b, const struct object *object,
			       const struct trail *trail)
{
	struct value *value;

	if (object->low != 8 && object->low != 9)
		return refuse_type(b, object, trail);
	value = bplist_value(b, object, VALUE_BOOL);
	if (value)
		value->boolean = object->low == 9;
	return value;
}

/* 1, 2 and 4 bytes are unsigned, 8 are signed, 16 must fit the latter. */
static struct value *read_integer(struct bplist *b, const struct object *object,
				  const struct trail *trail)
{
	unsigned int size = object->end - object->body;
	struct value *value;
	uint64_t number;

	if (object->low > 4)
		return refuse_type(b, object, trail);
	number = bplist_number(b, object->end - (size < 8 ? size : 8),
			       size < 8 ? size : 8);
	if (size == 16 &&
	    (bplist_number(b, object->body, 8) || number > INT64_MAX)) {
		bplist_complain(b, "E149", object, trail, true,
				"integer is out of the 64-bit range");
		return NULL;
	}
	value = bplist_value(b, object, VALUE_INTEGER);
	if (value)
		value->integer = (int64_t)number;
	return value;
}

static double real_at(const struct bplist *b, const struct object *object)
{
	uint64_t bits =
		bplist_number(b, object->body, object->end - object->body);
	uint32_t half = (uint32_t)bits;
	double number;
	float small;

	if (object->end - object->body == 8) {
		memcpy(&number, &bits, sizeof(number));
		return number;
	}
	memcpy(&small, &half, sizeof(small));
	return small;
}

static struct value *read_real(struct bplist *b, const struct object *object,
			       const struct trail *trail)
{
	struct value *value;

	if (object->low != 2 && object->low != 3)
		return refuse_type(b, object, trail);
	if (!isfinite(real_at(b, object))) {
		bplist_complain(b, "E118", object, trail, true,
				"real is not finite");
		return NULL;
	}
	value = bplist_value(b, object, VALUE_REAL);
	if (value)
		value->real = real_at(b, object);
	return value;
}

static struct value *read_date(struct bplist *b, const struct object *object,
			       const struct trail *trail)
{
	struct value *value;
	double seconds;

	if (object->low != 3)
		return refuse_type(b, object, trail);
	seconds = floor(real_at(b, object) + EPOCH_2001);
	if (!(seconds >= DATE_MIN && seconds <= DATE_MAX)) {
		bplist_complain(b, "E156", object, trail, true,
				"date is not in the years 0 to 9999");
		return NULL;
	}
	value = bplist_value(b, object, VALUE_DATE);
	if (value)
		value->date = (int64_t)seconds;
	return value;
}

static struct value *read_data(struct bplist *b, const struct object *object,
			       const struct trail *trail)
{
	struct piece *piece = &b->pieces[object->number];
	struct value *value;

	if (object->n > BUDGET_DATA_BYTES) {
		bplist_complain(b, "E116", object, trail, true,
				"data longer than %zu bytes",
				BUDGET_DATA_BYTES);
		return NULL;
	}
	if (!piece->bytes) {
		piece->bytes = arena_strndup(
			b->reader->arena, (const char *)b->bytes + object->body,
			object->n);
		piece->n = object->n;
	}
	value = piece->bytes ? bplist_value(b, object, VALUE_DATA) : NULL;
	if (!value) {
		b->error = -ENOMEM;
		return NULL;
	}
	value->data = piece->bytes;
	value->n = piece->n;
	return value;
}

static struct value *read_string(struct bplist *b, const struct object *object,
				 const struct trail *trail)
{
	const struct piece *piece =
		bplist_text(b, object, trail, BUDGET_STRING_BYTES);
	struct value *value = piece ? bplist_value(b, object, VALUE_STRING) :
				      NULL;

	if (value) {
		value->string = piece->bytes;
		value->n = piece->n;
	}
	return value;
}

struct value *bplist_scalar(struct bplist *b, const struct object *object,
			    const struct trail *trail)
{
	switch (object->kind) {
	case OBJECT_SIMPLE:
		return read_bool(b, object, trail);
	case OBJECT_INTEGER:
		return read_integer(b, object, trail);
	case OBJECT_REAL:
		return read_real(b, object, trail);
	case OBJECT_DATE:
		return read_date(b, object, trail);
	case OBJECT_DATA:
		return read_data(b, object, trail);
	case OBJECT_ASCII:
	case OBJECT_UTF16:
		return read_string(b, object, trail);
	default:
		return refuse_type(b, object, trail);
	}
}
