/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: host files; one word a line is a key, a value or a bracket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define LINE_SIZE 512

static void put_text(FILE *out, const char *element, const char *text)
{
	fprintf(out, "<%s>", element);
	for (; *text; text++) {
		if (strchr("<>&", *text))
			fprintf(out, "&#%d;", *text);
		else
			fputc(*text, out);
	}
	fprintf(out, "</%s>", element);
}

/* "{", "}", "[", "]", "=key", "+" and "-" for booleans, else a string. */
static void put_line(FILE *out, const char *line)
{
	static const struct {
		const char *line, *xml;
	} brackets[] = {
		{ "{", "<dict>" },   { "}", "</dict>" }, { "[", "<array>" },
		{ "]", "</array>" }, { "+", "<true/>" }, { "-", "<false/>" },
	};

	for (size_t i = 0; i < sizeof(brackets) / sizeof(brackets[0]); i++) {
		if (strcmp(line, brackets[i].line) == 0) {
			fputs(brackets[i].xml, out);
			return;
		}
	}
	put_text(out, line[0] == '=' ? "key" : "string", line + (*line == '='));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char line[LINE_SIZE], *text = NULL;
	size_t size = 0, n = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return 0;
	fputs("<plist version=\"1.0\"><dict>", out);
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\n' && n < sizeof(line) - 1 && bytes[i]) {
			line[n++] = (char)bytes[i];
			continue;
		}
		line[n] = '\0';
		n = 0;
		put_line(out, line);
	}
	fputs("</dict></plist>", out);
	if (fclose(out) == 0)
		fuzz_document(text, size);
	free(text);
	return 0;
}
