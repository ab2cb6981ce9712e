/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text from outside: UTF-8, escaping for terminals, key paths, suggestions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/read/text.h"

#define WORD_MAX      64 /* longer words get no suggestion */
#define KEY_SHOWN_MAX 255

unsigned int utf8_char(const unsigned char *text, size_t left,
		       uint32_t *ret_char)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int len = text[0] < 0x80	    ? 1 :
			   (text[0] & 0xe0) == 0xc0 ? 2 :
			   (text[0] & 0xf0) == 0xe0 ? 3 :
			   (text[0] & 0xf8) == 0xf0 ? 4 :
						      0;
	uint32_t c;

	if (!len || len > left)
		return 0;

	c = len == 1 ? text[0] : text[0] & (0x7fU >> len);
	for (unsigned int i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;

	*ret_char = c;
	return len;
}

bool utf8_valid(const char *text, size_t len)
{
	uint32_t c;

	while (len) {
		unsigned int n =
			utf8_char((const unsigned char *)text, len, &c);

		if (!n)
			return false;
		text += n;
		len -= n;
	}
	return true;
}

/* What moves the cursor, hides, or turns the direction of what follows. */
static bool is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xe0000 && c <= 0xe007f);
}

static unsigned int escape_one(const char *text, size_t left, char piece[16])
{
	uint32_t c;
	unsigned int n = utf8_char((const unsigned char *)text, left, &c);

	if (!n) {
		snprintf(piece, 16, "\\x%02x", (unsigned char)*text);
		return 1;
	}
	if (is_unsafe(c) && c < 0x80)
		snprintf(piece, 16, "\\x%02x", (unsigned int)c);
	else if (is_unsafe(c))
		snprintf(piece, 16, "\\u{%x}", (unsigned int)c);
	else
		snprintf(piece, 16, "%.*s", (int)n, text);
	return n;
}

void text_escape(const char *text, size_t len, size_t max_chars, char *buf,
		 size_t size)
{
	size_t out = 0;

	if (!size)
		return;
	buf[0] = '\0';

	for (size_t i = 0, chars = 0; i < len; chars++) {
		char piece[16];
		size_t n;

		if (chars == max_chars) {
			snprintf(buf + out, size - out, "...");
			return;
		}
		/* nearly every character, and findings come in floods */
		if (text[i] >= ' ' && text[i] <= '~' && size - out > 1) {
			buf[out++] = text[i++];
			buf[out] = '\0';
			continue;
		}
		i += escape_one(text + i, len - i, piece);
		n = strlen(piece);
		if (n >= size - out)
			return;
		memcpy(buf + out, piece, n + 1);
		out += n;
	}
}

static bool is_plain_key(const char *key)
{
	size_t n = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n && !key[n];
}

static void print_trail(FILE *out, const struct trail *trail)
{
	char shown[KEY_SHOWN_MAX * 10 + 4];

	if (trail->up)
		print_trail(out, trail->up);

	if (!trail->key) {
		fprintf(out, "[%zu]", trail->index);
		return;
	}
	text_escape(trail->key, strlen(trail->key), KEY_SHOWN_MAX, shown,
		    sizeof(shown));
	if (is_plain_key(trail->key))
		fprintf(out, "%s%s", trail->up ? "." : "", shown);
	else
		fprintf(out, "[\"%s\"]", shown);
}

char *trail_format(const struct trail *trail)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!trail)
		return strdup("(root)");

	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	print_trail(out, trail);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

unsigned int edit_distance(const char *a, const char *b, unsigned int limit)
{
	size_t len_a = strlen(a), len_b = strlen(b);
	unsigned int row[WORD_MAX + 1];

	if (len_a > WORD_MAX || len_b > WORD_MAX)
		return limit + 1;

	for (size_t j = 0; j <= len_b; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= len_a; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= len_b; j++) {
			unsigned int best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len_b] > limit ? limit + 1 : row[len_b];
}

const char *suggest(const char *text, const char *const *list)
{
	unsigned int best = strlen(text) > 3 ? 3 : 2;
	const char *found = NULL;

	for (size_t i = 0; list[i]; i++) {
		unsigned int distance;

		if (strcasecmp(text, list[i]) == 0)
			return list[i];
		distance = edit_distance(text, list[i], best);
		if (distance < best) {
			best = distance;
			found = list[i];
		}
	}
	return found;
}
