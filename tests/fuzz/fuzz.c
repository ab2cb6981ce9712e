/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all fuzz targets share: what must hold of any input. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model/document.h"
#include "policy/plan/compile.h"
#include "policy/plan/policy.h"
#include "policy/read/report.h"
#include "tests/fuzz/fuzz.h"

static void must(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

/* Out of the sandbox comes what went in. */
static void check_pipe(const struct document *document,
		       const struct report *report)
{
	struct report decoded = { 0 };
	struct document *copy = NULL;
	void *bytes = NULL, *bytes_again = NULL;
	size_t len = 0, len_again = 0;

	must(document_encode(document, report, &bytes, &len) == 0, "encode");
	must(document_decode(bytes, len, &decoded, &copy) == 0, "decode");
	must(decoded.n_errors == report->n_errors, "errors decoded");
	must(document_encode(copy, &decoded, &bytes_again, &len_again) == 0,
	     "encode again");
	must(len == len_again && memcmp(bytes, bytes_again, len) == 0,
	     "decoded as encoded");
	document_free(copy);
	free(bytes);
	free(bytes_again);
	report_clear(&decoded);
}

static void check_findings(const struct report *report)
{
	char line[4096];

	for (size_t i = 0; i < report->n; i++) {
		finding_format(&report->findings[i], line, sizeof(line));
		must(strpbrk(line, "\n\r\x1b") == NULL, "plain findings");
	}
}

void fuzz_document(const void *bytes, size_t len)
{
	struct document *document = NULL;
	struct report report = { 0 };
	struct policy *policy = NULL;
	int r = document_parse("f", bytes, len, &report, &document);

	must(r == 0 || r == -EBADMSG, "0 or -EBADMSG");
	must((r == 0) == (report.n_errors == 0), "errors when refused");
	must((r == 0) == (document != NULL), "document when good");
	check_findings(&report);
	check_pipe(document, &report);
	if (document && policy_compile(&document, 1, &report, &policy) == 0)
		policy_free(policy);
	document_free(document);
	report_clear(&report);
}

static void put_escaped(FILE *out, uint8_t byte)
{
	switch (byte) {
	case '<':
		fputs("&lt;", out);
		break;
	case '>':
		fputs("&gt;", out);
		break;
	case '&':
		fputs("&amp;", out);
		break;
	default:
		fputc(byte, out);
	}
}

void fuzz_wrapped(const char *head, const uint8_t *bytes, size_t len,
		  const char *tail)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	must(out != NULL, "memory");
	fputs(head, out);
	for (size_t i = 0; i < len; i++)
		put_escaped(out, bytes[i]);
	fputs(tail, out);
	must(fclose(out) == 0, "memory");
	fuzz_document(text, size);
	free(text);
}
