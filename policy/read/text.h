/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text from outside: UTF-8, escaping for terminals, key paths, suggestions. */
#ifndef SPLITD_POLICY_TEXT_H
#define SPLITD_POLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Length in bytes (1..4) of the UTF-8 character at text, its code point in
 * *ret_char; 0 when the bytes are not UTF-8 (overlong forms, surrogates and
 * what is beyond U+10FFFF included). left is at least 1.
 */
unsigned int utf8_char(const unsigned char *text, size_t left,
		       uint32_t *ret_char);
bool utf8_valid(const char *text, size_t len);

/*
 * Writes text for people: control characters, line and direction marks and
 * bytes that are no UTF-8 become \xNN or \u{N}; after max_chars characters it
 * ends in "...". Always terminated when size > 0.
 */
void text_escape(const char *text, size_t len, size_t max_chars, char *buf,
		 size_t size);

/*
 * A key path being walked: frames on the walkers' stacks, innermost last.
 * NULL is the root.
 */
struct trail {
	const struct trail *up;
	const char *key; /* NULL: an array item */
	size_t index;
};

/*
 * "PayloadContent[0].VPN", "Apps[\"com.example\"][1]", "(root)"; one key is
 * clipped at 255 characters. NULL when memory is short; free() it.
 */
char *trail_format(const struct trail *trail);

/*
 * The entry of a NULL-terminated list that was probably meant: equal but for
 * letter case, else at most two edits away. NULL when none is near.
 */
const char *suggest(const char *text, const char *const *list);

/* The number of edits between two words, at most limit + 1. */
unsigned int edit_distance(const char *a, const char *b, unsigned int limit);

#endif
