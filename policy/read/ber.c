/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nesting of tags and lengths of an ASN.1 message in BER or DER. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/read/ber.h"

#define DEPTH_MAX   32 /* OpenSSL gives up at 30 */
#define CONSTRUCTED 0x20
#define INDEFINITE  SIZE_MAX

/* An open element; the end of an indefinite one is that of what it is in. */
struct open {
	size_t end;
	bool indefinite;
};

struct walk {
	const unsigned char *bytes;
	size_t at;
	struct open open[DEPTH_MAX + 1]; /* [0] is the whole input */
	unsigned int depth;
};

static bool take(struct walk *walk, unsigned char *ret)
{
	if (walk->at >= walk->open[walk->depth].end)
		return false;
	*ret = walk->bytes[walk->at++];
	return true;
}

static bool take_tag(struct walk *walk, unsigned char *ret_tag)
{
	unsigned char more = 0x80;

	if (!take(walk, ret_tag))
		return false;
	if ((*ret_tag & 0x1f) != 0x1f)
		return true;
	for (int i = 0; i < 4 && more & 0x80; i++)
		if (!take(walk, &more))
			return false;
	return !(more & 0x80);
}

static bool take_length(struct walk *walk, size_t *ret_length)
{
	unsigned char first, next;
	size_t length = 0;

	if (!take(walk, &first))
		return false;
	if (first == 0x80) {
		*ret_length = INDEFINITE;
		return true;
	}
	if (first < 0x80)
		length = first;
	else if ((first & 0x7f) > 4)
		return false;
	for (int i = 0; first > 0x80 && i < (first & 0x7f); i++) {
		if (!take(walk, &next))
			return false;
		length = length << 8 | next;
	}
	if (length > walk->open[walk->depth].end - walk->at)
		return false;
	*ret_length = length;
	return true;
}

static bool push(struct walk *walk, size_t length)
{
	const struct open *up = &walk->open[walk->depth];

	if (walk->depth == DEPTH_MAX)
		return false;
	walk->open[++walk->depth] = (struct open){
		length == INDEFINITE ? up->end : walk->at + length,
		length == INDEFINITE,
	};
	return true;
}

/* Two zero octets end what has no length. */
static bool is_end_of_contents(const struct walk *walk)
{
	const struct open *open = &walk->open[walk->depth];

	return open->indefinite && open->end - walk->at >= 2 &&
	       !walk->bytes[walk->at] && !walk->bytes[walk->at + 1];
}

static bool step(struct walk *walk)
{
	unsigned char tag;
	size_t length;

	if (is_end_of_contents(walk)) {
		walk->at += 2;
		walk->depth--;
		return true;
	}
	if (!take_tag(walk, &tag) || !take_length(walk, &length))
		return false;
	if (tag & CONSTRUCTED)
		return push(walk, length);
	if (length == INDEFINITE)
		return false;
	walk->at += length;
	return true;
}

int ber_check(const unsigned char *bytes, size_t len, size_t *ret_at)
{
	struct walk walk = { .bytes = bytes, .open = { { len, false } } };
	unsigned int elements = 0;

	do {
		size_t start = walk.at;

		if (!step(&walk)) {
			*ret_at = start;
			return -EBADMSG;
		}
		if (++elements > BER_ELEMENTS)
			return -E2BIG;
		while (walk.depth && !walk.open[walk.depth].indefinite &&
		       walk.at == walk.open[walk.depth].end)
			walk.depth--;
	} while (walk.depth);
	*ret_at = walk.at;
	return 0;
}
