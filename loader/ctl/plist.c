/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON as an XML property list. */
#include <string.h>

#include "loader/ctl/plist.h"

static void print_text(const char *element, const char *text, FILE *out)
{
	fprintf(out, "<%s>", element);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '&')
			fputs("&amp;", out);
		else if (c < ' ' && c != '\t' && c != '\n')
			fputs("?", out); /* no character of XML */
		else
			fputc(c, out);
	}
	fprintf(out, "</%s>\n", element);
}

static void print_value(const json_t *value, FILE *out);

static void print_dict(const json_t *dict, FILE *out)
{
	const char *key;
	json_t *value;

	fputs("<dict>\n", out);
	json_object_foreach((json_t *)dict, key, value) {
		if (json_is_null(value))
			continue;
		print_text("key", key, out);
		print_value(value, out);
	}
	fputs("</dict>\n", out);
}

static void print_array(const json_t *array, FILE *out)
{
	json_t *value;
	size_t i;

	fputs("<array>\n", out);
	json_array_foreach(array, i, value)
		print_value(value, out);
	fputs("</array>\n", out);
}

static void print_value(const json_t *value, FILE *out)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		print_dict(value, out);
		return;
	case JSON_ARRAY:
		print_array(value, out);
		return;
	case JSON_STRING:
		print_text("string", json_string_value(value), out);
		return;
	case JSON_INTEGER:
		fprintf(out, "<integer>%lld</integer>\n",
			(long long)json_integer_value(value));
		return;
	case JSON_REAL:
		fprintf(out, "<real>%.17g</real>\n", json_real_value(value));
		return;
	case JSON_TRUE:
		fputs("<true/>\n", out);
		return;
	case JSON_FALSE:
		fputs("<false/>\n", out);
		return;
	case JSON_NULL:
		return;
	}
}

void plist_print(const json_t *json, FILE *out)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	      "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
	      "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
	      "<plist version=\"1.0\">\n",
	      out);
	print_value(json, out);
	fputs("</plist>\n", out);
}
