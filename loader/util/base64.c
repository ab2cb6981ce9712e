/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes as text (RFC 4648), for JSON. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loader/util/base64.h"
#include "loader/util/cleanup.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *bytes, size_t len)
{
	char *text = malloc((len + 2) / 3 * 4 + 1), *out = text;
	const unsigned char *in = bytes;

	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t group = (uint32_t)in[i] << 16;

		group |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		group |= left > 2 ? in[i + 2] : 0;
		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		*out++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*out++ = left > 2 ? digits[group & 63] : '=';
	}
	*out = '\0';
	return text;
}

static int digit(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -EBADMSG;
}

/* The group's bytes; pads counts the "=" at its end. */
static int decode_group(const char *text, size_t pads, uint32_t *ret_group)
{
	uint32_t group = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i >= 4 - pads ? 0 : digit(text[i]);

		if (value < 0)
			return value;
		group = group << 6 | (uint32_t)value;
	}
	/* Bits that stand for nothing are zero. */
	if ((pads == 1 && group & 0xff) || (pads == 2 && group & 0xffff))
		return -EBADMSG;
	*ret_group = group;
	return 0;
}

int base64_decode(const char *text, void **ret_bytes, size_t *ret_len)
{
	size_t len = strlen(text), pads = 0, n = 0;
	_cleanup_free_ unsigned char *bytes = malloc(len / 4 * 3 + 1);

	if (!bytes)
		return -ENOMEM;
	if (len % 4)
		return -EBADMSG;
	while (pads < 2 && pads < len && text[len - 1 - pads] == '=')
		pads++;
	for (size_t i = 0; i < len; i += 4) {
		size_t last = i + 4 == len ? pads : 0;
		uint32_t group;
		int r = decode_group(text + i, last, &group);

		if (r < 0)
			return r;
		for (size_t k = 0; k < 3 - last; k++)
			bytes[n++] = (unsigned char)(group >> (16 - 8 * k));
	}
	*ret_bytes = TAKE_PTR(bytes);
	*ret_len = n;
	return 0;
}
