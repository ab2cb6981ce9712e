/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Budgets and floods; what is odd but accepted, and said of each key. */
#include <dirent.h>
#include <errno.h>

#include "tests/unit/policy_fixture.h"

/* A text of n bytes that is one huge value, for the budgets. */
static char *repeat(const char *head, const char *piece, size_t n,
		    const char *tail)
{
	size_t size = strlen(head) + n * strlen(piece) + strlen(tail) + 1;
	char *text = malloc(size), *p = text;

	assert_non_null(text);
	p = stpcpy(p, head);
	for (size_t i = 0; i < n; i++)
		p = stpcpy(p, piece);
	strcpy(p, tail);
	return text;
}

static void expect_refused(char *text, const char *code, const char *part)
{
	struct document *document = NULL;
	struct report report = { 0 };

	assert_int_equal(parse_text("f", text, &report, &document), -EBADMSG);
	assert_true(has_finding(&report, code, part));
	assert_null(document);
	report_clear(&report);
	free(text);
}

static void test_budgets(void **state)
{
	(void)state;
	expect_refused(repeat("<plist><dict><key>a</key><array>", "<true/>",
			      4097, "</array></dict></plist>"),
		       "E116", "array has more than 4096 items");
	expect_refused(
		repeat("<plist><array>",
		       "<array><true/><true/><true/><true/><true/></array>",
		       4000, "</array></plist>"),
		"E116", "more than");
	expect_refused(repeat("<plist><dict><key>a</key><string>", "xxxxxxxx",
			      8193, "</string></dict></plist>"),
		       "E116", "longer than 65536 bytes");
	/* Of base64 four bytes make three; white space costs nothing. */
	expect_refused(repeat("<plist><dict><key>a</key><data>", "AAAA",
			      (2 * 1024 * 1024 + 3) / 3,
			      "</data></dict></plist>"),
		       "E116", "longer than 2097152 bytes");
	expect_refused(repeat("", " ", (size_t)64 * 1024 * 1024 + 1, ""),
		       "E100", "limit is 67108864");
	expect_refused(repeat("<plist><dict><key>PayloadType</key>"
			      "<string>Configuration</string>",
			      "\n", (size_t)4 * 1024 * 1024, "</dict></plist>"),
		       "E100", "limit is 4194304");
}

/* What a host file may have is more. */
static void test_host_budget(void **state)
{
	struct document *document = NULL;
	struct report report = { 0 };
	char *text = repeat("<plist><dict><key>Tunnels</key><dict><key>u</key>"
			    "<dict><key>IncludedRoutes</key><array>",
			    "<string>10.0.0.0/8</string>", 30000,
			    "</array></dict></dict></dict></plist>");

	(void)state;
	assert_int_equal(parse_text("h", text, &report, &document), 0);
	assert_int_equal(report.n, 0);
	document_free(document);
	report_clear(&report);
	free(text);
}

/* Too many findings: the errors stay, the rest is counted. */
static void test_flood(void **state)
{
	struct document *document = NULL;
	struct report report = { 0 };
	char *text = repeat("<plist><dict><key>Tunnels</key><dict><key>u</key>"
			    "<dict><key>IncludedRoutes</key><array>",
			    "<string>10.0.0.1/8</string>", 300,
			    "<string>x</string></array></dict></dict></dict>"
			    "</plist>");

	(void)state;
	assert_int_equal(parse_text("h", text, &report, &document), -EBADMSG);
	assert_int_equal(report.n, 101);
	assert_int_equal(report.n_errors, 1);
	assert_int_equal(report.n_suppressed, 200);
	assert_true(has_finding(&report, "E474", "IncludedRoutes[300]"));
	report_clear(&report);
	free(text);
}

/* What crosses the sandbox's pipe, and what the daemon then holds. */
static void expect_no_secret(const struct document *document,
			     const struct report *report)
{
	void *bytes = NULL;
	size_t len;

	assert_int_equal(document_encode(document, report, &bytes, &len), 0);
	assert_null(memmem(bytes, len, "SECRET", 6));
	free(bytes);
}

/* Odd but accepted: a warning each, and never a secret. */
static void expect_warnings(const char *name)
{
	struct report report = { 0 };
	struct document *document = load(name, &report);
	char path[512], *found = NULL, *expected;
	const struct key_note *keys;
	size_t n, len = 0, size;
	FILE *out = open_memstream(&found, &size);

	assert_non_null(out);
	print_report(out, &report);
	keys = document_keys(document, &n);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s: %s: %s\n", keys[i].path,
			treatment_name(keys[i].treatment), keys[i].note);
	fclose(out);

	snprintf(path, sizeof(path), TEST_DATA "/%s.expect", name);
	expected = slurp(path, &len);
	assert_non_null(expected);
	assert_string_equal(found, expected);
	assert_null(strstr(found, "SECRET"));
	expect_no_secret(document, &report);
	free(found);
	free(expected);
	document_free(document);
	report_clear(&report);
}

static void test_warnings(void **state)
{
	DIR *dir = opendir(TEST_DATA "/warn");
	const struct dirent *entry;
	int cases = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char *end = strstr(entry->d_name, ".expect");
		char name[300];

		if (!end)
			continue;
		snprintf(name, sizeof(name), "warn/%.*s",
			 (int)(end - entry->d_name), entry->d_name);
		print_message("%s\n", name);
		expect_warnings(name);
		cases++;
	}
	closedir(dir);
	assert_true(cases >= 13);
}

/* Nothing that moves a terminal's cursor comes out of a finding. */
static void test_escapes(void **state)
{
	struct document *document = NULL;
	struct report report = { 0 };
	const char text[] = "<plist><dict><key>Tunnels</key><dict><key>u</key>"
			    "<dict><key>a\xe2\x80\xae\xc2\x9b"
			    "b</key><true/><key>Interface</key>"
			    "<string>\xc2\x9b"
			    "x</string></dict></dict></dict></plist>";

	(void)state;
	assert_int_equal(parse_text("h", text, &report, &document), -EBADMSG);
	assert_true(has_finding(&report, "E493", "'\\u{9b}x'"));
	assert_true(has_finding(&report, "W410", "[\"a\\u{202e}\\u{9b}b\"]"));
	report_clear(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_host_budget),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
