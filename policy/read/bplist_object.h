/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between a binary property list's layout (bplist.c) and its tree. */
#ifndef SPLITD_POLICY_BPLIST_OBJECT_H
#define SPLITD_POLICY_BPLIST_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/read/reader.h"
#include "policy/read/value.h"

struct trail;

/* The upper half of an object's first byte. */
enum object_kind {
	OBJECT_SIMPLE = 0x0, /* null, false, true, fill */
	OBJECT_INTEGER = 0x1,
	OBJECT_REAL = 0x2,
	OBJECT_DATE = 0x3,
	OBJECT_DATA = 0x4,
	OBJECT_ASCII = 0x5,
	OBJECT_UTF16 = 0x6,
	OBJECT_UID = 0x8,
	OBJECT_ARRAY = 0xa,
	OBJECT_SET = 0xc,
	OBJECT_DICT = 0xd,
};

struct object {
	uint32_t number, offset;
	enum object_kind kind;
	unsigned int low; /* half of the first byte */
	uint32_t n;	  /* bytes, UTF-16 units, items or pairs */
	uint32_t body;	  /* offset of what follows first byte and count */
	uint32_t end;
};

/* The bytes of a string (as UTF-8) or of data, copied once. */
struct piece {
	const void *bytes; /* NULL: not read yet */
	uint32_t n;
};

/* All numbers below len, which fits: a file has at most 64 MiB. */
struct bplist {
	const struct reader *reader;
	const struct budget *budget;
	const unsigned char *bytes;
	uint32_t len;
	unsigned int offset_size, ref_size;
	uint32_t n, root; /* objects */
	uint32_t table;	  /* offset of the offsets, end of the objects */
	size_t nodes;
	unsigned int complaints;
	bool *used;	      /* by object: something refers to it */
	struct piece *pieces; /* by object */
	int error; /* reading must stop: -ENOMEM, or -EBADMSG when reported */
};

/* Big-endian, 1 to 8 bytes. */
uint64_t bplist_number(const struct bplist *b, uint32_t offset,
		       unsigned int size);

/* Where an object is, checked by nobody yet. */
uint64_t bplist_offset(const struct bplist *b, uint32_t number);

/*
 * NULL, or what is wrong with the object and the code of it in *ret_code;
 * ret->number and ret->offset are always set.
 */
const char *bplist_object(const struct bplist *b, uint32_t number,
			  struct object *ret, const char **ret_code);

/* Reports at an object; trail NULL is the root, path false: no key path. */
void bplist_complain(struct bplist *b, const char *code,
		     const struct object *object, const struct trail *trail,
		     bool path, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/*
 * bplist_text.c: the text of a string object as valid UTF-8 without NUL; NULL
 * when it was refused, which is reported once.
 */
const struct piece *bplist_text(struct bplist *b, const struct object *object,
				const struct trail *trail, size_t limit);

/* bplist_scalar.c: a value of the object; NULL when it was refused. */
struct value *bplist_scalar(struct bplist *b, const struct object *object,
			    const struct trail *trail);

/* An empty value at the object's place; NULL when memory is short. */
struct value *bplist_value(struct bplist *b, const struct object *object,
			   enum value_type type);

/* bplist_tree.c: the tree below the root; NULL when it was refused. */
struct value *bplist_tree(struct bplist *b);

#endif
