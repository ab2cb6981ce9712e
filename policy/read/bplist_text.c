/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The strings of a binary property list. */
#include <errno.h>

#include "policy/read/arena.h"
#include "policy/read/bplist_object.h"

/* Stands in pieces[] for a string that was refused, so that it is read once. */
static const char refused[] = "";

/* No code point: reported. */
#define BAD_CHAR UINT32_MAX

static uint32_t ascii_char(struct bplist *b, const struct object *object,
			   const struct trail *trail, uint32_t i)
{
	uint32_t c = b->bytes[object->body + i];

	if (c < 0x80)
		return c;
	bplist_complain(b, "E150", object, trail, true,
			"byte 0x%02x at 0x%x in an ASCII string", c,
			object->body + i);
	return BAD_CHAR;
}

static uint32_t unit_at(const struct bplist *b, const struct object *object,
			uint32_t i)
{
	return (uint32_t)bplist_number(b, object->body + i * 2, 2);
}

static uint32_t utf16_char(struct bplist *b, const struct object *object,
			   const struct trail *trail, uint32_t *i)
{
	uint32_t high = unit_at(b, object, *i), low;

	if ((high & 0xf800) != 0xd800)
		return high;
	low = *i + 1 < object->n ? unit_at(b, object, *i + 1) : 0;
	if ((high & 0xfc00) == 0xd800 && (low & 0xfc00) == 0xdc00) {
		++*i;
		return 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
	}
	bplist_complain(b, "E151", object, trail, true,
			"unpaired surrogate U+%04X at 0x%x", high,
			object->body + *i * 2);
	return BAD_CHAR;
}

/* What XML cannot say means nothing here either. */
static bool check_char(struct bplist *b, const struct object *object,
		       const struct trail *trail, uint32_t c)
{
	if (c >= 0x20 ? c != 0xfffe && c != 0xffff :
			c == '\t' || c == '\n' || c == '\r')
		return true;
	bplist_complain(b, "E107", object, trail, true,
			"character U+%04X is not allowed", c);
	return false;
}

static size_t put_utf8(char *out, uint32_t c)
{
	static const unsigned char marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(marks[n == 1 ? 0 : n] | c);
	return n;
}

/* The end of what was written, NULL: reported. */
static char *convert(struct bplist *b, const struct object *object,
		     const struct trail *trail, char *out)
{
	for (uint32_t i = 0; i < object->n; i++) {
		uint32_t c = object->kind == OBJECT_ASCII ?
				     ascii_char(b, object, trail, i) :
				     utf16_char(b, object, trail, &i);

		if (c == 0)
			bplist_complain(b, "E152", object, trail, true,
					"NUL in a string");
		if (c == 0 || c == BAD_CHAR || !check_char(b, object, trail, c))
			return NULL;
		out += put_utf8(out, c);
	}
	*out = '\0';
	return out;
}

static void read_text(struct bplist *b, const struct object *object,
		      const struct trail *trail, struct piece *piece)
{
	/* three bytes a unit suffice: a pair makes four */
	char *room = arena_alloc(b->reader->arena, (size_t)object->n * 3 + 1);
	const char *end;

	if (!room) {
		b->error = -ENOMEM;
		return;
	}
	end = convert(b, object, trail, room);
	piece->bytes = end ? room : refused;
	piece->n = end ? (uint32_t)(end - room) : 0;
}

const struct piece *bplist_text(struct bplist *b, const struct object *object,
				const struct trail *trail, size_t limit)
{
	struct piece *piece = &b->pieces[object->number];

	if (object->n <= limit && !piece->bytes)
		read_text(b, object, trail, piece);
	if (b->error || piece->bytes == refused)
		return NULL;
	if (object->n > limit || piece->n > limit) {
		bplist_complain(b, "E116", object, trail, true,
				"string longer than %zu bytes", limit);
		return NULL;
	}
	return piece;
}
