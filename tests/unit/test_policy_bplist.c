/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binary property lists: what is read, where it is said to be, what is odd. */
#include <errno.h>

#include "tests/unit/policy_same.h"

#include "policy/read/arena.h"
#include "policy/read/bplist.h"
#include "policy/read/position.h"
#include "policy/read/sort.h"
#include "policy/read/value.h"

static const char *const host_keys[] = { "Apps", "Tunnels", NULL };

struct parsed {
	struct report report;
	struct arena *arena;
	struct value *root;
	int r;
};

static struct parsed parse(const char *name)
{
	struct parsed parsed = { .arena = arena_new() };
	const struct reader reader = { "f", 0, host_keys, &parsed.report,
				       parsed.arena };
	char path[512];
	size_t len = 0;
	char *bytes, *exact;

	snprintf(path, sizeof(path), TEST_DATA "/binary/%s.plist", name);
	bytes = slurp(path, &len);
	assert_non_null(bytes);
	exact = malloc(len); /* no byte more, for ASan */
	assert_non_null(exact);
	memcpy(exact, bytes, len);
	parsed.r = bplist_parse(&reader, exact, len, &parsed.root);
	free(exact);
	free(bytes);
	return parsed;
}

static void release(struct parsed *parsed)
{
	report_clear(&parsed->report);
	arena_free(parsed->arena);
}

static void test_strings(void **state)
{
	struct parsed empty = parse("empty-utf16"), pair = parse("pair");

	(void)state;
	assert_int_equal(empty.r, 0);
	assert_string_equal(value_get_string(empty.root, "a"), "");
	assert_int_equal(pair.r, 0);
	assert_string_equal(value_get_string(pair.root, "a"),
			    "\xf0\x9f\x98\x80");
	assert_int_equal(pair.report.n, 0);
	release(&empty);
	release(&pair);
}

static void test_numbers(void **state)
{
	struct parsed wide = parse("wide");

	(void)state;
	assert_int_equal(wide.r, 0);
	assert_int_equal(wide.root->n, 4);
	assert_int_equal(value_get(wide.root, "a")->integer, 5);
	assert_int_equal(value_get(wide.root, "b")->integer, -1);
	assert_int_equal(value_get(wide.root, "c")->integer, 255);
	assert_true(value_get(wide.root, "d")->real == 1.5);
	release(&wide);
}

/* One object used twice is two values with one place. */
static void test_shared(void **state)
{
	struct parsed shared = parse("shared");
	const struct value *a, *b;

	(void)state;
	assert_int_equal(shared.r, 0);
	a = value_get(shared.root, "a");
	b = value_get(shared.root, "b");
	assert_ptr_not_equal(a, b);
	assert_int_equal(a->n, 2);
	assert_int_equal(a->line, POSITION_OBJECT | 2);
	assert_int_equal(b->line, POSITION_OBJECT | 2);
	assert_int_equal(a->column, b->column);
	assert_int_equal(a->key_line, POSITION_OBJECT | 1);
	assert_int_equal(b->key_line, POSITION_OBJECT | 3);
	assert_int_equal(shared.report.n, 0);
	release(&shared);
}

/* As deep as XML may be, and no level more (reject/E116-binary-depth). */
static void test_deep(void **state)
{
	struct parsed deep = parse("deep");
	const struct value *value = deep.root;
	int depth = 1;

	(void)state;
	assert_int_equal(deep.r, 0);
	for (; value->first->type == VALUE_ARRAY; value = value->first)
		depth++;
	assert_int_equal(depth, 32);
	release(&deep);
}

static void test_odd(void **state)
{
	struct parsed unused = parse("unused"), gap = parse("gap");

	(void)state;
	assert_int_equal(unused.r, 0);
	assert_int_equal(unused.report.n, 1);
	assert_true(has_finding(&unused.report, "W155",
				"f:object #3 @0xe: 2 objects are not"));
	assert_int_equal(gap.r, 0);
	assert_int_equal(gap.report.n, 2);
	assert_true(has_finding(&gap.report, "W155",
				"4 bytes belong to no "
				"object, from 0xe on"));
	assert_true(has_finding(&gap.report, "W155", "trailer are not zero"));
	release(&unused);
	release(&gap);
}

static void test_same_policy(void **state)
{
	static const struct signature_policy anybody;
	static const char *const names[] = {
		"binary/per-app-vpn.mobileconfig",
		"binary/application-attributes.plist",
		"binary/host.plist",
	};
	struct document *documents[3] = { NULL };
	struct report report = { 0 };
	struct policy *policy = NULL;
	char *xml = seed_policy(), *binary;

	(void)state;
	for (int i = 0; i < 3; i++) {
		const char name[] = { (char)('a' + i), '\0' };

		assert_int_equal(parse_as(name, names[i], &anybody, &report,
					  &documents[i]),
				 0);
	}
	assert_int_equal(policy_compile(documents, 3, &report, &policy), 0);
	binary = policy_text(policy);
	strip_positions(binary);
	assert_string_equal(binary, xml);
	assert_int_equal(report.n_errors, 0);
	for (int i = 0; i < 3; i++)
		document_free(documents[i]);
	policy_free(policy);
	report_clear(&report);
	free(xml);
	free(binary);
}

/* The position survives the sandbox's pipe. */
static void test_codec(void **state)
{
	static const struct signature_policy anybody;
	static const char *const names[] = { "reject/E148-types.plist",
					     "reject/E148-signed.plist" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct report report = { 0 }, decoded = { 0 };
		struct document *document = NULL;
		char before[512], after[512];
		void *bytes = NULL;
		size_t len;

		assert_int_equal(parse_as("f", names[i], &anybody, &report,
					  &document),
				 -EBADMSG);
		assert_int_equal(document_encode(NULL, &report, &bytes, &len),
				 0);
		assert_int_equal(
			document_decode(bytes, len, &decoded, &document), 0);
		finding_format(&report.findings[0], before, sizeof(before));
		finding_format(&decoded.findings[0], after, sizeof(after));
		assert_string_equal(before, after);
		assert_non_null(strstr(after, i ? "f:inner object #8 @0x25: a" :
						  "f:object #8 @0x25: a"));
		assert_int_equal(decoded.findings[0].line, 0);
		assert_int_equal(decoded.findings[0].object, 8);
		assert_int_equal(decoded.findings[0].offset, 0x25);
		free(bytes);
		report_clear(&report);
		report_clear(&decoded);
	}
}

/* No byte that is changed, and no end that is cut off, does harm. */
static void test_damage(void **state)
{
	static const unsigned char masks[] = { 0x01, 0x10, 0x80, 0xff };
	size_t len = 0;
	char *bytes = slurp(TEST_DATA "/binary/host.plist", &len);

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < len * sizeof(masks) + len; i++) {
		bool cut = i >= len * sizeof(masks);
		size_t n = cut ? i - len * sizeof(masks) : len;
		struct document *document = NULL;
		struct report report = { 0 };
		char *copy = malloc(n + !n);

		assert_non_null(copy);
		memcpy(copy, bytes, n);
		if (!cut)
			copy[i / sizeof(masks)] ^=
				(char)masks[i % sizeof(masks)];
		if (document_parse("f", copy, n, &report, &document) < 0)
			assert_true(report.n_errors > 0);
		else
			assert_false(cut);
		free(copy);
		document_free(document);
		report_clear(&report);
	}
	free(bytes);
}

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void test_sort(void **state)
{
	uint32_t items[200], state_of_chance = 1;

	(void)state;
	for (size_t n = 0; n < 200; n++) {
		for (size_t i = 0; i < n; i++) {
			state_of_chance = state_of_chance * 1103515245 + 12345;
			items[i] = state_of_chance >> 16 & 0x7f;
		}
		sort_items(items, n, sizeof(items[0]), compare_numbers);
		for (size_t i = 1; i < n; i++)
			assert_true(items[i - 1] <= items[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_same_policy),
		cmocka_unit_test(test_codec),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_sort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
