/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small texts: prefixes, selectors, interface names, scalars, suggestions. */
#include <errno.h>

#include "policy/model/prefix.h"
#include "policy/model/selector.h"
#include "policy/read/doctype.h"
#include "policy/read/scalar.h"
#include "policy/read/text.h"
#include "tests/unit/policy_fixture.h"

static void test_prefixes(void **state)
{
	static const struct {
		const char *text, *shown;
		bool had_host_bits;
	} good[] = {
		{ "1.1.1.1/32", "1.1.1.1/32", false },
		{ "0.0.0.0/0", "0.0.0.0/0", false },
		{ "10.1.2.3/8", "10.0.0.0/8", true },
		{ "10.1.2.3/31", "10.1.2.2/31", true },
		{ "::/0", "::/0", false },
		{ "2001:DB8::1/32", "2001:db8::/32", true },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8", false },
		{ "::ffff:0:0/96", "0.0.0.0/0", false },
		{ "::ffff:0:0/95", "::fffe:0:0/95", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct prefix prefix = { .len = 0 };
		const char *problem;
		bool had;
		char text[64];

		assert_int_equal(prefix_parse(good[i].text, &prefix.addr,
					      &prefix.len, &had, &problem),
				 0);
		prefix_format(&prefix, text, sizeof(text));
		assert_string_equal(text, good[i].shown);
		assert_int_equal(had, good[i].had_host_bits);
	}
}

static void expect_selector(const char *text, int kind, const char *path)
{
	struct selector_parse parse;

	assert_int_equal(selector_parse(text, &parse), 0);
	assert_int_equal(parse.kind, kind);
	assert_int_equal(parse.path_len, strlen(path));
	assert_memory_equal(parse.path, path, parse.path_len);
}

static void test_selectors(void **state)
{
	char text[600] = "cgroup:/";
	struct selector_parse parse;

	(void)state;
	expect_selector("cgroup:/a/b.scope", SELECTOR_CGROUP, "/a/b.scope");
	expect_selector("cgroup:/a/**", SELECTOR_CGROUP_TREE, "/a");
	expect_selector("cgroup:/**", SELECTOR_CGROUP_TREE, "/");
	expect_selector("cgroup:/..a", SELECTOR_CGROUP, "/..a");
	expect_selector("exe:/usr/bin/x y", SELECTOR_EXE, "/usr/bin/x y");

	/* the limits themselves are inside */
	memset(text + 8, 'a', 254);
	assert_int_equal(selector_parse(text, &parse), 0);
	text[8 + 254] = 'a';
	assert_int_equal(selector_parse(text, &parse), -EINVAL);
	memset(text, 0, sizeof(text));
	strcpy(text, "exe:/");
	memset(text + 5, 'a', 126);
	assert_int_equal(selector_parse(text, &parse), 0);
	text[5 + 126] = 'a';
	assert_int_equal(selector_parse(text, &parse), -EINVAL);
}

static void test_interfaces(void **state)
{
	(void)state;
	assert_true(interface_valid("tun0"));
	assert_true(interface_valid("wg-vpn.100_abcd"));
	assert_false(interface_valid("wg-vpn.100_abcde"));
	assert_false(interface_valid(""));
	assert_false(interface_valid("."));
	assert_false(interface_valid(".."));
	assert_false(interface_valid("a b"));
	assert_false(interface_valid("a:1"));
	assert_false(interface_valid("a/b"));
	assert_false(interface_valid("w%d"));
}

static void test_scalars(void **state)
{
	unsigned char data[8];
	const char *problem;
	int64_t number;
	double real;
	size_t len;

	(void)state;
	assert_int_equal(scalar_integer("-9223372036854775808", &number), 0);
	assert_true(number == INT64_MIN);
	assert_int_equal(scalar_integer("9223372036854775807", &number), 0);
	assert_true(number == INT64_MAX);
	assert_int_equal(scalar_integer("-0", &number), -EINVAL);
	assert_int_equal(scalar_real("-1.5e3", &real), 0);
	assert_true(real == -1500.0);
	assert_int_equal(scalar_real("1e", &real), -EINVAL);
	assert_int_equal(scalar_date("2024-02-29T23:59:59Z", &number), 0);
	assert_int_equal(number, 1709251199);
	assert_int_equal(scalar_data(" Zm9v\n YmE= ", 12, data, &len, &problem),
			 0);
	assert_int_equal(len, 5);
	assert_memory_equal(data, "fooba", 5);
	assert_int_equal(scalar_data("Zg==", 4, data, &len, &problem), 0);
	assert_int_equal(len, 1);
}

static void test_suggestions(void **state)
{
	static const char *const words[] = { "Settings", "Interface", "exe",
					     NULL };

	(void)state;
	assert_string_equal(suggest("settings", words), "Settings");
	assert_string_equal(suggest("Interfaec", words), "Interface");
	assert_null(suggest("Int", words));
	assert_null(suggest("Something", words));
}

static void expect_doctype(const char *text, const char *found, bool malformed,
			   bool subset)
{
	struct doctype doctype;

	doctype_find(text, strlen(text), &doctype);
	assert_int_equal(doctype.malformed, malformed);
	assert_int_equal(doctype.has_subset, subset);
	if (subset)
		return;
	assert_int_equal(doctype.end - doctype.start, strlen(found));
	assert_memory_equal(text + doctype.start, found, strlen(found));
}

static void test_doctypes(void **state)
{
	(void)state;
	expect_doctype("<!DOCTYPE plist><plist/>", "<!DOCTYPE plist>", false,
		       false);
	expect_doctype("<?x?><!-- <!DOCTYPE a> --> <!DOCTYPE p SYSTEM 'a>b'>",
		       "<!DOCTYPE p SYSTEM 'a>b'>", false, false);
	expect_doctype("<!DOCTYPE p PUBLIC \"a\" http://b><p/>",
		       "<!DOCTYPE p PUBLIC \"a\" http://b>", true, false);
	expect_doctype("<!DOCTYPE p SYSTEM \"[\"><p/>",
		       "<!DOCTYPE p SYSTEM \"[\">", false, false);
	expect_doctype("<!DOCTYPE p SYSTEM \"a\" [ ]><p/>", NULL, false, true);
	expect_doctype("<p/><!DOCTYPE p>", "", false, false);
}

static void test_utf8(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xc0\x80",
		"\xe0\x80\x80",
		"\xed\xa0\x80",
		"\xf4\x90\x80\x80",
		"\xc3",
		"\xf8\x88\x80\x80\x80",
	};
	char text[64];

	(void)state;
	assert_true(utf8_valid("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));

	text_escape("a\x1b[\xff", 4, 64, text, sizeof(text));
	assert_string_equal(text, "a\\x1b[\\xff");
	text_escape("abcdef", 6, 4, text, sizeof(text));
	assert_string_equal(text, "abcd...");
	text_escape("abcdef", 6, 64, text, 4);
	assert_string_equal(text, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_doctypes),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
