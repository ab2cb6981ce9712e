/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes across the sandbox's pipe: a growing writer, a distrustful reader. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model/wire.h"
#include "policy/read/arena.h"
#include "policy/read/text.h"

#define NO_TEXT UINT32_MAX

void wire_put(struct wire_out *out, const void *bytes, size_t len)
{
	if (out->error)
		return;
	if (len > out->size - out->len) {
		size_t size = (out->len + len) * 2 + 256;
		unsigned char *larger = realloc(out->bytes, size);

		if (!larger) {
			out->error = -ENOMEM;
			return;
		}
		out->bytes = larger;
		out->size = size;
	}
	if (len)
		memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
}

void wire_put_u8(struct wire_out *out, unsigned int number)
{
	uint8_t byte = (uint8_t)number;

	wire_put(out, &byte, sizeof(byte));
}

void wire_put_u32(struct wire_out *out, size_t number)
{
	uint32_t word = (uint32_t)number;

	if (number >= UINT32_MAX && number != NO_TEXT)
		out->error = -E2BIG;
	wire_put(out, &word, sizeof(word));
}

void wire_put_text(struct wire_out *out, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	wire_put_u32(out, text ? len : NO_TEXT);
	wire_put(out, text, len);
}

void wire_fail(struct wire_in *in, int error)
{
	if (!in->error)
		in->error = error;
}

bool wire_get(struct wire_in *in, void *bytes, size_t len)
{
	if (!in->error && len > in->len - in->at)
		wire_fail(in, -EBADMSG);
	if (in->error)
		return false;
	memcpy(bytes, in->bytes + in->at, len);
	in->at += len;
	return true;
}

uint32_t wire_get_u8(struct wire_in *in, uint32_t max)
{
	uint8_t byte = 0;

	if (wire_get(in, &byte, sizeof(byte)) && byte > max)
		wire_fail(in, -EBADMSG);
	return in->error ? 0 : byte;
}

uint32_t wire_get_u32(struct wire_in *in, uint32_t max)
{
	uint32_t word = 0;

	if (wire_get(in, &word, sizeof(word)) && word > max)
		wire_fail(in, -EBADMSG);
	return in->error ? 0 : word;
}

size_t wire_get_count(struct wire_in *in, uint32_t max, size_t size)
{
	size_t n = wire_get_u32(in, max);

	if (n > (in->len - in->at) / size)
		wire_fail(in, -EBADMSG);
	return in->error ? 0 : n;
}

const char *wire_get_text_or_null(struct wire_in *in, size_t max)
{
	uint32_t len = wire_get_u32(in, UINT32_MAX);
	const char *text;
	char *copy;

	if (in->error || len == NO_TEXT)
		return NULL;
	text = (const char *)in->bytes + in->at;
	if (len > max || len > in->len - in->at || memchr(text, 0, len) ||
	    !utf8_valid(text, len)) {
		wire_fail(in, -EBADMSG);
		return NULL;
	}
	in->at += len;

	copy = arena_strndup(in->arena, text, len);
	if (!copy)
		wire_fail(in, -ENOMEM);
	return copy;
}

const char *wire_get_text(struct wire_in *in, size_t max)
{
	const char *text = wire_get_text_or_null(in, max);

	if (!text)
		wire_fail(in, -EBADMSG);
	return text;
}

void *wire_array(struct wire_in *in, size_t n, size_t size)
{
	void *array = in->error ? NULL : arena_array(in->arena, n, size);

	if (!array)
		wire_fail(in, -ENOMEM);
	return array;
}
