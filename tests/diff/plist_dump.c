/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reader makes of a property list, in a form that can be compared. */

/*
 * plist_dump ours|libplist: reads inputs from stdin (4 bytes of length, then
 * the bytes) and answers each on stdout in the same form. An empty answer is a
 * refusal. The form: T and F, I-1, R and the 16 digits of the number's bits, D
 * and seconds since 1970, S5:bytes, X5:bytes, [...], {key value ...} with keys
 * as S.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <plist/plist.h>

#include "policy/read/arena.h"
#include "policy/read/envelope.h"
#include "policy/read/report.h"
#include "policy/read/signature.h"
#include "policy/read/value.h"

#define INPUT_MAX ((size_t)1 << 24)

/* libplist counts dates from 2001. */
#define EPOCH_2001 978307200

static void put_bytes(FILE *out, char kind, const void *bytes, uint64_t n)
{
	fprintf(out, "%c%" PRIu64 ":", kind, n);
	fwrite(bytes, 1, n, out);
}

static void put_real(FILE *out, double real)
{
	uint64_t bits;

	memcpy(&bits, &real, sizeof(bits));
	fprintf(out, "R%016" PRIx64, bits);
}

/* ---- ours -------------------------------------------------------------- */

static void put_value(FILE *out, const struct value *value);

static void put_children(FILE *out, const struct value *value)
{
	bool is_dict = value->type == VALUE_DICT;

	fputc(is_dict ? '{' : '[', out);
	value_foreach(child, value) {
		if (is_dict)
			put_bytes(out, 'S', child->key, strlen(child->key));
		put_value(out, child);
	}
	fputc(is_dict ? '}' : ']', out);
}

static void put_value(FILE *out, const struct value *value)
{
	switch (value->type) {
	case VALUE_STRING:
		put_bytes(out, 'S', value->string, value->n);
		break;
	case VALUE_DATA:
		put_bytes(out, 'X', value->data, value->n);
		break;
	case VALUE_INTEGER:
		fprintf(out, "I%" PRId64, value->integer);
		break;
	case VALUE_REAL:
		put_real(out, value->real);
		break;
	case VALUE_BOOL:
		fputc(value->boolean ? 'T' : 'F', out);
		break;
	case VALUE_DATE:
		fprintf(out, "D%" PRId64, value->date);
		break;
	default:
		put_children(out, value);
	}
}

static void dump_ours(FILE *out, const char *bytes, size_t len)
{
	static const char *const host_keys[] = { "Apps", "Tunnels", NULL };
	static const struct signature_policy anybody;
	struct arena *arena = arena_new();
	struct report report = { 0 };
	const struct reader reader = { "f", 0, host_keys, &report, arena };
	struct signature signature;
	struct value *root;

	if (arena && envelope_read(&reader, bytes, len, &anybody, &signature,
				   &root) == 0)
		put_value(out, root);
	report_clear(&report);
	arena_free(arena);
}

/* ---- libplist ---------------------------------------------------------- */

static void put_node(FILE *out, plist_t node);

static void put_dict(FILE *out, plist_t node)
{
	plist_dict_iter iter = NULL;
	plist_t child = NULL;
	char *key = NULL;

	fputc('{', out);
	plist_dict_new_iter(node, &iter);
	for (;;) {
		plist_dict_next_item(node, iter, &key, &child);
		if (!child)
			break;
		put_bytes(out, 'S', key, strlen(key));
		put_node(out, child);
		free(key);
		key = NULL;
	}
	free(iter);
	fputc('}', out);
}

static void put_text(FILE *out, plist_t node, char kind)
{
	uint64_t n = 0;
	char *text = NULL;

	if (kind == 'X') {
		plist_get_data_val(node, &text, &n);
	} else {
		plist_get_string_val(node, &text);
		n = text ? strlen(text) : 0;
	}
	put_bytes(out, kind, text ? text : "", n);
	free(text);
}

static void put_number(FILE *out, plist_t node)
{
	int32_t seconds = 0, microseconds = 0;
	uint64_t integer = 0;
	double real = 0;

	switch (plist_get_node_type(node)) {
	case PLIST_UINT:
		plist_get_uint_val(node, &integer);
		fprintf(out, "I%" PRId64, (int64_t)integer);
		break;
	case PLIST_REAL:
		plist_get_real_val(node, &real);
		put_real(out, real);
		break;
	default:
		plist_get_date_val(node, &seconds, &microseconds);
		fprintf(out, "D%" PRId64,
			(int64_t)seconds - (microseconds < 0) + EPOCH_2001);
	}
}

static void put_node(FILE *out, plist_t node)
{
	uint8_t boolean = 0;

	switch (plist_get_node_type(node)) {
	case PLIST_BOOLEAN:
		plist_get_bool_val(node, &boolean);
		fputc(boolean ? 'T' : 'F', out);
		break;
	case PLIST_UINT:
	case PLIST_REAL:
	case PLIST_DATE:
		put_number(out, node);
		break;
	case PLIST_STRING:
		put_text(out, node, 'S');
		break;
	case PLIST_DATA:
		put_text(out, node, 'X');
		break;
	case PLIST_DICT:
		put_dict(out, node);
		break;
	case PLIST_ARRAY:
		fputc('[', out);
		for (uint32_t i = 0; i < plist_array_get_size(node); i++)
			put_node(out, plist_array_get_item(node, i));
		fputc(']', out);
		break;
	default:
		fputs("UNKNOWN", out);
	}
}

static void dump_libplist(FILE *out, const char *bytes, size_t len)
{
	plist_t root = NULL;

	if (len > 8 && memcmp(bytes, "bplist00", 8) == 0)
		plist_from_bin(bytes, (uint32_t)len, &root);
	else
		plist_from_xml(bytes, (uint32_t)len, &root);
	if (root)
		put_node(out, root);
	plist_free(root);
}

/* ---- the conversation -------------------------------------------------- */

static int answer(void (*dump)(FILE *, const char *, size_t), const char *bytes,
		  uint32_t len)
{
	char *text = NULL;
	size_t size = 0;
	uint32_t n;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	dump(out, bytes, len);
	if (fclose(out) != 0)
		return -ENOMEM;
	n = (uint32_t)size;
	fwrite(&n, sizeof(n), 1, stdout);
	fwrite(text, 1, size, stdout);
	fflush(stdout);
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
	bool is_ours = argc == 2 && strcmp(argv[1], "ours") == 0;
	uint32_t len;

	if (!is_ours && !(argc == 2 && strcmp(argv[1], "libplist") == 0)) {
		fprintf(stderr, "usage: plist_dump ours|libplist\n");
		return 2;
	}
	while (fread(&len, sizeof(len), 1, stdin) == 1) {
		char *bytes = len <= INPUT_MAX ? malloc(len + !len) : NULL;
		int r = -ENOMEM;

		if (bytes && fread(bytes, 1, len, stdin) == len)
			r = answer(is_ours ? dump_ours : dump_libplist, bytes,
				   len);
		free(bytes);
		if (r < 0)
			return 1;
	}
	return 0;
}
