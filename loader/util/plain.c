/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for people: untrusted bytes made harmless, columns aligned. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loader/util/cleanup.h"
#include "loader/util/plain.h"

/*
 * How many bytes the UTF-8 character at p has; 0 if it is none. The code point
 * goes to *ret_code.
 */
static size_t utf8_decode(const unsigned char *p, uint32_t *ret_code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *p < 0x80 ? 1 :
		     *p < 0xc0 ? 0 :
		     *p < 0xe0 ? 2 :
		     *p < 0xf0 ? 3 :
		     *p < 0xf8 ? 4 :
				 0;
	uint32_t code;

	if (len == 0)
		return 0;
	code = len == 1 ? *p : *p & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;

	*ret_code = code;
	return len;
}

bool plain_is_utf8(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t code;

	while (*p) {
		size_t len = utf8_decode(p, &code);

		if (len == 0)
			return false;
		p += len;
	}
	return true;
}

/* C0, C1, DEL, line separators, direction marks, zero-width, and BOM. */
static bool harmful(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad ||
	       code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

static char *escape(const char *text, bool keep_newlines)
{
	const unsigned char *in = (const unsigned char *)text;
	char *escaped = malloc(strlen(text) * 4 + 1), *out = escaped;

	if (!escaped)
		return NULL;
	while (*in) {
		uint32_t code;
		size_t len = utf8_decode(in, &code);
		bool plain = len > 0 && (!harmful(code) ||
					 (code == '\n' && keep_newlines));

		for (size_t i = 0; i < (len ? len : 1); i++, in++) {
			if (plain)
				*out++ = (char)*in;
			else
				out += sprintf(out, "\\x%02x", *in);
		}
	}
	*out = '\0';
	return escaped;
}

char *plain_escape(const char *text)
{
	return text ? escape(text, false) : NULL;
}

void plain_print(FILE *out, const char *format, ...)
{
	_cleanup_free_ char *line = NULL, *escaped = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&line, format, args);
	va_end(args);
	if (n < 0) {
		line = NULL;
		return;
	}

	escaped = escape(line, true);
	if (escaped)
		fputs(escaped, out);
}

struct plain_table {
	size_t columns, rows;
	char **cells;
};

struct plain_table *plain_table_new(size_t columns)
{
	struct plain_table *table = calloc(1, sizeof(*table));

	if (table)
		table->columns = columns;
	return table;
}

int plain_table_add(struct plain_table *table, const char *const *cells)
{
	size_t used = table->rows * table->columns;
	char **grown =
		realloc(table->cells, (used + table->columns) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	table->cells = grown;

	for (size_t i = 0; i < table->columns; i++) {
		grown[used + i] = plain_escape(cells[i] ? cells[i] : "-");
		if (!grown[used + i]) {
			while (i > 0)
				free(grown[used + --i]);
			return -ENOMEM;
		}
	}
	table->rows++;
	return 0;
}

/* Columns on a terminal: one per character, which is right for most text. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static size_t column_width(const struct plain_table *table, size_t column)
{
	size_t widest = 0;

	for (size_t i = 0; i < table->rows; i++) {
		size_t w = width(table->cells[i * table->columns + column]);

		if (w > widest)
			widest = w;
	}
	return widest;
}

static void print_row(const struct plain_table *table, const size_t *widths,
		      size_t row, FILE *out)
{
	char **cells = table->cells + row * table->columns;

	for (size_t i = 0; i < table->columns; i++) {
		size_t pad = widths[i] - width(cells[i]) + 2;

		fputs(cells[i], out);
		if (i + 1 < table->columns)
			fprintf(out, "%*s", (int)pad, "");
	}
	fputc('\n', out);
}

void plain_table_print(const struct plain_table *table, FILE *out,
		       const char *indent)
{
	_cleanup_free_ size_t *widths = calloc(table->columns, sizeof(*widths));

	if (!widths)
		return;
	for (size_t i = 0; i < table->columns; i++)
		widths[i] = column_width(table, i);
	for (size_t i = 0; i < table->rows; i++) {
		fputs(indent, out);
		print_row(table, widths, i, out);
	}
}

void plain_table_free(struct plain_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->rows * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}
