/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for people: untrusted bytes made harmless, columns aligned. */
#ifndef SPLITD_PLAIN_H
#define SPLITD_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * A copy that a terminal or a log shows as it is: control characters, bytes
 * that are not UTF-8 and the marks that change the writing direction are
 * written as \xNN, one per byte. NULL in, NULL out; NULL without memory.
 */
char *plain_escape(const char *text);

bool plain_is_utf8(const char *text);

/* Prints like fprintf(), the whole line escaped; newlines are kept. */
void plain_print(FILE *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * A table whose columns are as wide as their widest cell. Cells are escaped
 * copies; NULL is shown as "-".
 */
struct plain_table;

struct plain_table *plain_table_new(size_t columns);
int plain_table_add(struct plain_table *table, const char *const *cells);
void plain_table_print(const struct plain_table *table, FILE *out,
		       const char *indent);
void plain_table_free(struct plain_table *table);

#endif
