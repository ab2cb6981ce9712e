/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binary property lists: the layout of the file. */

/*
 * The file is: "bplist00", objects, a table with the offset of each object, a
 * trailer of 32 bytes that says where the table is and which object is the
 * root. Containers name their items by number, so any graph can be written
 * down, and any offset.
 *
 * Here the layout is checked for all objects before one is understood: each
 * lies between header and table and overlaps no other. Offsets stay integers
 * and are compared before they are used. The graph is bplist_tree.c's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "policy/read/bplist.h"
#include "policy/read/bplist_object.h"
#include "policy/read/cleanup.h"
#include "policy/read/position.h"
#include "policy/read/report.h"
#include "policy/read/sort.h"
#include "policy/read/text.h"

#define HEADER_BYTES  8U
#define TRAILER_BYTES 32U
#define LEN_MAX	      ((size_t)1 << 30) /* of position_number() */

struct extent {
	uint32_t offset, end, number;
};

uint64_t bplist_number(const struct bplist *b, uint32_t offset,
		       unsigned int size)
{
	uint64_t number = 0;

	while (size--)
		number = number << 8 | b->bytes[offset++];
	return number;
}

uint64_t bplist_offset(const struct bplist *b, uint32_t number)
{
	return bplist_number(b, b->table + number * b->offset_size,
			     b->offset_size);
}

void bplist_complain(struct bplist *b, const char *code,
		     const struct object *object, const struct trail *trail,
		     bool path, const char *format, ...)
{
	char *text _cleanup_free_ = path ? trail_format(trail) : strdup("");
	struct place place = { .file = b->reader->file, .path = text };
	va_list args;
	int r = -ENOMEM;

	if (object) {
		place.line = object->number | POSITION_OBJECT |
			     b->reader->layer;
		place.column = object->offset;
	}
	va_start(args, format);
	if (text)
		r = report_addv(b->reader->report, code, &place, NULL, format,
				args);
	va_end(args);
	if (r < 0)
		b->error = r;
	else if (++b->complaints > BUDGET_FINDINGS && !b->error)
		b->error = -EBADMSG;
}

/* ---- one object -------------------------------------------------------- */

/* Bytes of the body for each n; 0 for what has no count. */
static uint32_t item_size(const struct bplist *b, enum object_kind kind)
{
	switch (kind) {
	case OBJECT_DATA:
	case OBJECT_ASCII:
		return 1;
	case OBJECT_UTF16:
		return 2;
	case OBJECT_ARRAY:
	case OBJECT_SET:
		return b->ref_size;
	case OBJECT_DICT:
		return b->ref_size * 2;
	default:
		return 0;
	}
}

/* Of an object without a count; types that policies lack count as empty. */
static uint32_t scalar_size(enum object_kind kind, unsigned int low)
{
	if (kind == OBJECT_UID)
		return low + 1;
	if (kind == OBJECT_INTEGER || kind == OBJECT_REAL ||
	    kind == OBJECT_DATE)
		return low <= 4 ? 1U << low : 0;
	return 0;
}

/* The count of a container or text: in the first byte or as an integer. */
static const char *read_count(const struct bplist *b, struct object *object,
			      uint32_t item)
{
	uint64_t n = object->low;

	if (object->low == 0xf) {
		unsigned int marker, size;

		if (object->body >= b->table)
			return "object without its count";
		marker = b->bytes[object->body++];
		size = 1U << (marker & 3);
		if ((marker & 0xfc) != OBJECT_INTEGER << 4)
			return "count of the object is no integer";
		if (b->table - object->body < size)
			return "object without its count";
		n = bplist_number(b, object->body, size);
		object->body += size;
	}
	if (n > (b->table - object->body) / item)
		return "object reaches beyond the objects";
	object->n = (uint32_t)n;
	return NULL;
}

const char *bplist_object(const struct bplist *b, uint32_t number,
			  struct object *ret, const char **ret_code)
{
	uint64_t offset = bplist_offset(b, number);
	const char *problem = NULL;
	uint32_t size, item;

	memset(ret, 0, sizeof(*ret));
	ret->number = number;
	ret->offset = offset > UINT32_MAX ? UINT32_MAX : (uint32_t)offset;
	*ret_code = "E144";
	if (offset < HEADER_BYTES || offset >= b->table)
		return "offset of the object is not among the objects";

	*ret_code = "E145";
	ret->kind = b->bytes[offset] >> 4;
	ret->low = b->bytes[offset] & 0xf;
	ret->body = ret->offset + 1;
	item = item_size(b, ret->kind);
	size = scalar_size(ret->kind, ret->low);
	if (item)
		problem = read_count(b, ret, item);
	else if (size > b->table - ret->body)
		problem = "object reaches beyond the objects";
	ret->end = ret->body + (item ? item * ret->n : size);
	return problem;
}

/* ---- the trailer ------------------------------------------------------- */

static bool is_size(unsigned int size)
{
	/* libplist writes 3, nobody 5 to 7 */
	return size == 1 || size == 2 || size == 3 || size == 4 || size == 8;
}

static void check_trailer(struct bplist *b, uint64_t n, uint64_t root,
			  uint64_t table)
{
	uint64_t room = b->len - HEADER_BYTES - TRAILER_BYTES;

	if (!is_size(b->offset_size) || !is_size(b->ref_size))
		bplist_complain(b, "E141", NULL, NULL, false,
				"trailer: offsets of %u bytes and references "
				"of %u bytes; expected 1, 2, 3, 4 or 8",
				b->offset_size, b->ref_size);
	if (n == 0 || n > room)
		bplist_complain(b, "E142", NULL, NULL, false,
				"trailer: %" PRIu64 " objects in %u bytes", n,
				b->len);
	else if (root >= n)
		bplist_complain(b, "E142", NULL, NULL, false,
				"trailer: root is object %" PRIu64
				" of %" PRIu64,
				root, n);
	else if (table <= HEADER_BYTES || table > b->len - TRAILER_BYTES ||
		 table + n * b->offset_size != b->len - TRAILER_BYTES)
		bplist_complain(b, "E143", NULL, NULL, false,
				"trailer: offset table at 0x%" PRIx64
				" does not end at the trailer",
				table);
}

static void read_trailer(struct bplist *b)
{
	uint32_t at = b->len - TRAILER_BYTES;
	size_t errors = b->reader->report->n_errors;
	uint64_t n = bplist_number(b, at + 8, 8);
	uint64_t root = bplist_number(b, at + 16, 8);
	uint64_t table = bplist_number(b, at + 24, 8);

	b->offset_size = b->bytes[at + 6];
	b->ref_size = b->bytes[at + 7];
	check_trailer(b, n, root, table);
	if (b->reader->report->n_errors != errors || b->error)
		return;
	b->n = (uint32_t)n;
	b->root = (uint32_t)root;
	b->table = (uint32_t)table;
	if (bplist_number(b, at, 6) != 0)
		bplist_complain(b, "W155", NULL, NULL, false,
				"unused bytes of the trailer are not zero");
}

/* ---- all objects ------------------------------------------------------- */

static bool is_host_key(const struct bplist *b, const struct object *key)
{
	const char *const *names = b->reader->host_keys;

	for (size_t i = 0; key->kind == OBJECT_ASCII && names[i]; i++)
		if (strlen(names[i]) == key->n &&
		    memcmp(b->bytes + key->body, names[i], key->n) == 0)
			return true;
	return false;
}

/* The root's keys tell what the file may cost. */
static const struct budget *find_budget(const struct bplist *b)
{
	struct object root, key;
	const char *code;

	if (bplist_object(b, b->root, &root, &code) || root.kind != OBJECT_DICT)
		return &budget_profile;
	for (uint32_t i = 0; i < root.n && i < budget_host.dict_keys; i++) {
		uint64_t number = bplist_number(b, root.body + i * b->ref_size,
						b->ref_size);

		if (number < b->n &&
		    !bplist_object(b, (uint32_t)number, &key, &code) &&
		    is_host_key(b, &key))
			return &budget_host;
	}
	return &budget_profile;
}

static int compare_extents(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

static void check_layout(struct bplist *b, struct extent *extents)
{
	uint32_t end = HEADER_BYTES, before = 0, gap = 0, unused = 0;

	sort_items(extents, b->n, sizeof(*extents), compare_extents);
	for (uint32_t i = 0; i < b->n && !b->error; i++) {
		const struct extent *e = &extents[i];
		const struct object object = { .number = e->number,
					       .offset = e->offset };

		if (e->offset < end)
			bplist_complain(b, "E154", &object, NULL, false,
					"object overlaps object #%u", before);
		if (e->offset > end && !unused)
			gap = end;
		if (e->offset > end)
			unused += e->offset - end;
		if (e->end > end) {
			end = e->end;
			before = e->number;
		}
	}
	if (end < b->table && !unused)
		gap = end;
	unused += b->table - end;
	if (unused)
		bplist_complain(b, "W155", NULL, NULL, false,
				"%u bytes belong to no object, from 0x%x on",
				unused, gap);
}

static void scan(struct bplist *b)
{
	struct extent *extents _cleanup_free_ = calloc(b->n, sizeof(*extents));
	size_t errors = b->reader->report->n_errors;

	if (!extents) {
		b->error = -ENOMEM;
		return;
	}
	for (uint32_t i = 0; i < b->n && !b->error; i++) {
		const char *code, *problem;
		struct object object;

		problem = bplist_object(b, i, &object, &code);
		if (problem)
			bplist_complain(b, code, &object, NULL, false, "%s",
					problem);
		extents[i] = (struct extent){ object.offset, object.end, i };
	}
	if (b->reader->report->n_errors == errors && !b->error)
		check_layout(b, extents);
}

static void warn_unused(struct bplist *b)
{
	uint32_t unused = 0, first = 0;
	struct object object;
	const char *code;

	for (uint32_t i = b->n; i-- > 0;) {
		if (b->used[i])
			continue;
		unused++;
		first = i;
	}
	if (!unused || bplist_object(b, first, &object, &code))
		return;
	bplist_complain(b, "W155", &object, NULL, false,
			"%u objects are not referenced, this is the first",
			unused);
}

static struct value *read_objects(struct bplist *b)
{
	bool *used _cleanup_free_ = calloc(b->n, sizeof(*used));
	struct piece *pieces _cleanup_free_ = calloc(b->n, sizeof(*pieces));
	size_t errors = b->reader->report->n_errors;
	struct value *root;

	if (!used || !pieces) {
		b->error = -ENOMEM;
		return NULL;
	}
	b->used = used;
	b->pieces = pieces;
	root = bplist_tree(b);
	if (!b->error && b->reader->report->n_errors == errors)
		warn_unused(b);
	return root;
}

static struct value *parse(struct bplist *b)
{
	size_t errors = b->reader->report->n_errors;
	const struct object *none = NULL;
	struct budget limits;

	if (b->len < HEADER_BYTES ||
	    memcmp(b->bytes, "bplist00", HEADER_BYTES) != 0) {
		bplist_complain(b, "E140", none, NULL, false,
				"not version 00 of binary property lists");
		return NULL;
	}
	if (b->len <= HEADER_BYTES + TRAILER_BYTES) {
		bplist_complain(b, "E142", none, NULL, false,
				"too short for an object and the trailer");
		return NULL;
	}
	read_trailer(b);
	if (b->reader->report->n_errors != errors || b->error)
		return NULL;

	limits = *find_budget(b);
	/* without shared containers each value has a reference of its own */
	if (limits.nodes > budget_profile.nodes && limits.nodes > b->len)
		limits.nodes = b->len;
	b->budget = &limits;
	/* keys are objects, too, and no nodes */
	if (b->n / 2 > b->budget->nodes) {
		bplist_complain(b, "E116", none, NULL, false,
				"more than %zu objects", b->budget->nodes * 2);
		return NULL;
	}
	scan(b);
	if (b->reader->report->n_errors != errors || b->error)
		return NULL;
	return read_objects(b);
}

int bplist_parse(const struct reader *reader, const void *bytes, size_t len,
		 struct value **ret_root)
{
	struct bplist b = { .reader = reader, .bytes = bytes };
	size_t errors = reader->report->n_errors;
	struct value *root;

	if (len >= LEN_MAX)
		return -EBADMSG;
	b.len = (uint32_t)len;
	root = parse(&b);
	if (b.error)
		return b.error;
	if (reader->report->n_errors != errors || !root)
		return -EBADMSG;
	*ret_root = root;
	return 0;
}
