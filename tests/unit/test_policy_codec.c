/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sandbox's pipe: what goes in comes out, what is damaged is refused. */
#include <errno.h>

#include "tests/unit/policy_fixture.h"

static const char *const files[] = {
	"seed/per-app-vpn.mobileconfig",
	"seed/application-attributes.plist",
	"seed/host.plist",
	"accept/mapping.plist",
	"accept/wireguard-template.plist",
	"warn/carried.plist",
	"warn/host.plist",
};

#define N_FILES (sizeof(files) / sizeof(files[0]))
#define N_SEED	3 /* of them, that make one policy */

static void *encode(const char *name, size_t *ret_len)
{
	struct report report = { 0 };
	struct document *document = load(name, &report);
	void *bytes = NULL;

	assert_int_equal(document_encode(document, &report, &bytes, ret_len),
			 0);
	document_free(document);
	report_clear(&report);
	return bytes;
}

/* Decoded documents compile to the same bytes, and encode to the same. */
static void test_round_trip(void **state)
{
	struct document *plain[N_FILES] = { NULL }, *decoded[N_FILES];
	struct report report = { 0 }, again = { 0 };
	struct policy *a = NULL, *b = NULL;
	char *text_a, *text_b;

	(void)state;
	for (size_t i = 0; i < N_FILES; i++) {
		struct report one = { 0 };
		size_t len, len_again;
		void *bytes = encode(files[i], &len), *bytes_again = NULL;

		plain[i] = load(files[i], &report);
		assert_int_equal(document_decode(bytes, len, &one, &decoded[i]),
				 0);
		assert_int_equal(document_encode(decoded[i], &one, &bytes_again,
						 &len_again),
				 0);
		assert_int_equal(len, len_again);
		assert_memory_equal(bytes, bytes_again, len);
		free(bytes);
		free(bytes_again);
		report_clear(&one);
	}
	assert_int_equal(policy_compile(plain, N_SEED, &report, &a), 0);
	assert_int_equal(policy_compile(decoded, N_SEED, &again, &b), 0);
	text_a = policy_text(a);
	text_b = policy_text(b);
	assert_string_equal(text_a, text_b);
	free(text_a);
	free(text_b);
	for (size_t i = 0; i < N_FILES; i++) {
		document_free(plain[i]);
		document_free(decoded[i]);
	}
	policy_free(a);
	policy_free(b);
	report_clear(&report);
	report_clear(&again);
}

static void test_failed_file(void **state)
{
	struct report report = { 0 }, decoded = { 0 };
	struct document *document = (void *)1;
	void *bytes = NULL;
	size_t len;

	(void)state;
	assert_int_equal(parse_text("f",
				    "<plist><dict><key>Apps</key>"
				    "<string>\xe2\x80\xae</string>"
				    "</dict></plist>",
				    &report, &document),
			 -EBADMSG);
	assert_int_equal(document_encode(NULL, &report, &bytes, &len), 0);
	assert_int_equal(document_decode(bytes, len, &decoded, &document), 0);
	assert_null(document);
	assert_int_equal(decoded.n, report.n);
	assert_int_equal(decoded.n_errors, report.n_errors);
	assert_string_equal(decoded.findings[0].value,
			    report.findings[0].value);
	assert_true(report_file_failed(&decoded, "f"));
	free(bytes);
	report_clear(&report);
	report_clear(&decoded);
}

/* Whatever decodes must also compile and encode without harm. */
static bool survives(const unsigned char *bytes, size_t len)
{
	struct document *document = NULL;
	struct report report = { 0 };
	struct policy *policy = NULL;
	unsigned char *copy = malloc(len ? len : 1); /* exact, for ASan */
	int r;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	r = document_decode(copy, len, &report, &document);
	free(copy);
	if (r == 0 && document) {
		policy_compile(&document, 1, &report, &policy);
		policy_free(policy);
	} else if (r < 0) {
		assert_int_equal(report.n, 0);
	}
	document_free(r == 0 ? document : NULL);
	report_clear(&report);
	return r == 0;
}

static void test_truncated(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FILES; i++) {
		size_t len;
		unsigned char *bytes = encode(files[i], &len);

		for (size_t n = 0; n < len; n++)
			assert_false(survives(bytes, n));
		assert_true(survives(bytes, len));
		free(bytes);
	}
}

static void test_flipped(void **state)
{
	static const unsigned char masks[] = { 0x01, 0x80, 0xff };

	(void)state;
	for (size_t i = 0; i < N_FILES; i++) {
		size_t len;
		unsigned char *bytes = encode(files[i], &len);

		for (size_t n = 0; n < len; n++) {
			for (size_t k = 0; k < sizeof(masks); k++) {
				bytes[n] ^= masks[k];
				survives(bytes, len);
				bytes[n] ^= masks[k];
			}
		}
		free(bytes);
	}
}

/* A lie about a value, not about its length, is refused as well. */
static void test_lies(void **state)
{
	static const struct {
		const char *from, *to;
	} lies[] = {
		{ "tun0", "tu/0" },
		{ "tun0", "tu\x1b"
			  "0" },
		{ "exe:/opt/google", "exe:/../google" },
		{ "exe:/opt/google", "uid:/opt/google" },
		{ "com.google.chrome.ios", "com google.chrome.ios" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		size_t len, n = strlen(lies[i].to);
		char *bytes = encode("seed/host.plist", &len);
		char *at =
			memmem(bytes, len, lies[i].from, strlen(lies[i].from));

		assert_non_null(at);
		memcpy(at, lies[i].to, n);
		assert_false(survives((unsigned char *)bytes, len));
		free(bytes);
	}
}

/* A profile names executables, never what only the host may name. */
static void test_profile_lies(void **state)
{
	static const char from[] = "exe:/usr/bin/a", to[] = "cgroup:/sys/ab";
	size_t len;
	char *bytes = encode("accept/mapping.plist", &len);
	char *at = memmem(bytes, len, from, strlen(from));

	(void)state;
	assert_non_null(at);
	memcpy(at, to, strlen(to));
	assert_false(survives((unsigned char *)bytes, len));
	free(bytes);
}

/* Bits behind the prefix length would break the order of prefixes. */
static void test_host_bits(void **state)
{
	static const unsigned char route[] = { 0xff, 0xff, 1, 1, 1, 1, 128 };
	size_t len;
	unsigned char *bytes = encode("seed/host.plist", &len);
	unsigned char *at = memmem(bytes, len, route, sizeof(route));

	(void)state;
	assert_non_null(at);
	at[6] = 120;
	assert_false(survives(bytes, len));
	at[6] = 129;
	assert_false(survives(bytes, len));
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_failed_file),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_profile_lies),
		cmocka_unit_test(test_host_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
