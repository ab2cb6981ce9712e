/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed profiles: the same policy, by the right signer, or none at all. */
#include <errno.h>

#include "tests/unit/policy_same.h"

#include "policy/read/ber.h"

#define YEAR_2200 7258118400

static const struct signature_policy anybody;

/* A signer's pin, as make-cms.py wrote it down. */
static struct pin pin_of(const char *name)
{
	char *text, *line, *save = NULL;
	struct pin pin = { { 0 } };
	size_t len = 0;

	text = slurp(TEST_DATA "/signed/signers.txt", &len);
	assert_non_null(text);
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *space = strchr(line, ' ');

		assert_non_null(space);
		*space = '\0';
		if (strcmp(line, name) == 0)
			assert_int_equal(pin_parse(space + 1, &pin), 0);
	}
	free(text);
	return pin;
}

static void expect_accepted(const char *name,
			    const struct signature_policy *policy,
			    struct report *report)
{
	struct document *document = NULL;
	char *seed = seed_policy(), *text, path[128];

	snprintf(path, sizeof(path), "signed/%s.mobileconfig", name);
	assert_int_equal(parse_as("a", path, policy, report, &document), 0);
	text = policy_with(document);
	assert_string_equal(text, seed);
	assert_true(document_signature(document)->n > 0);
	document_free(document);
	free(text);
	free(seed);
}

static void expect_refused(const char *path,
			   const struct signature_policy *policy,
			   const char *code, const char *part)
{
	struct document *document = NULL;
	struct report report = { 0 };

	assert_int_equal(parse_as("a", path, policy, &report, &document),
			 -EBADMSG);
	assert_true(has_finding(&report, code, part));
	assert_null(document);
	report_clear(&report);
}

/* DER, BER, without attributes, CRLF, binary inside, RSA, PSS, two signers. */
static void test_same_policy(void **state)
{
	static const char *const names[] = { "der",  "ber",    "bare",
					     "crlf", "binary", "pss",
					     "two",  "other",  "usage" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct report report = { 0 };

		print_message("%s\n", names[i]);
		expect_accepted(names[i], &anybody, &report);
		assert_int_equal(report.n_errors, 0);
		report_clear(&report);
	}
}

static void test_signers(void **state)
{
	const struct pin ec = pin_of("ec"), rsa = pin_of("rsa");
	struct document *document = NULL, *decoded = NULL;
	const struct signature *signature;
	struct report report = { 0 };
	void *bytes = NULL;
	size_t len;

	(void)state;
	assert_int_equal(parse_as("a", "signed/two.mobileconfig", &anybody,
				  &report, &document),
			 0);
	assert_int_equal(document_encode(document, &report, &bytes, &len), 0);
	assert_int_equal(document_decode(bytes, len, &report, &decoded), 0);
	signature = document_signature(decoded);
	assert_int_equal(signature->n, 2);
	for (int i = 0; i < 2; i++) {
		const struct pin *pin = &signature->signers[i];

		assert_true(memcmp(pin, &ec, sizeof(ec)) == 0 ||
			    memcmp(pin, &rsa, sizeof(rsa)) == 0);
	}
	free(bytes);
	document_free(document);
	document_free(decoded);
	report_clear(&report);
}

static void test_pins(void **state)
{
	const struct pin ec = pin_of("ec"), rsa = pin_of("rsa");
	const struct pin both[] = { pin_of("usage"), ec };
	const struct signature_policy by_ec = { .pins = &ec, .n_pins = 1 };
	const struct signature_policy by_rsa = { .pins = &rsa, .n_pins = 1 };
	const struct signature_policy by_both = { .pins = both, .n_pins = 2 };
	struct report report = { 0 };

	(void)state;
	expect_accepted("der", &by_ec, &report);
	expect_accepted("two", &by_rsa, &report);
	expect_accepted("ber", &by_both, &report);
	/* the other one of the two is named, and does no harm */
	assert_int_equal(report.n_errors, 0);
	assert_true(has_finding(&report, "W214", "CN=ec"));
	report_clear(&report);

	expect_refused("signed/other.mobileconfig", &by_ec, "E212",
		       "no signer is one of the 1");
	expect_refused("signed/other.mobileconfig", &by_ec, "W214",
		       "\"CN=other\" with key sha256:");
	expect_refused("signed/usage.mobileconfig", &by_both, "E209",
		       "\"CN=usage\"");
}

/* Whoever pins and does not require takes unsigned files, and says so. */
static void test_required(void **state)
{
	const struct signature_policy required = { .required = true };
	const struct pin ec = pin_of("ec");
	const struct signature_policy pinned = { .pins = &ec, .n_pins = 1 };
	struct document *document = NULL;
	struct report report = { 0 };

	(void)state;
	expect_refused("seed/per-app-vpn.mobileconfig", &required, "E212",
		       "the file is not signed");
	expect_refused("binary/per-app-vpn.mobileconfig", &required, "E212",
		       "the file is not signed");
	expect_accepted("der", &required, &report);
	assert_int_equal(parse_as("a", "seed/per-app-vpn.mobileconfig", &pinned,
				  &report, &document),
			 0);
	assert_int_equal(document_signature(document)->n, 0);
	document_free(document);
	report_clear(&report);
}

static void test_sha1(void **state)
{
	const struct signature_policy lax = { .allow_sha1 = true };
	struct report report = { 0 };

	(void)state;
	expect_refused("signed/sha1.mobileconfig", &anybody, "E210",
		       "digest sha1");
	expect_accepted("sha1", &lax, &report);
	report_clear(&report);
	expect_refused("reject/E210-md5.plist", &lax, "E210", "digest md5");
}

static void test_times(void **state)
{
	const struct pin ec = pin_of("ec");
	const struct signature_policy late = { .at_time = YEAR_2200 };
	const struct signature_policy pinned_late = { .pins = &ec,
						      .n_pins = 1,
						      .at_time = YEAR_2200 };
	const struct signature_policy pinned_early = { .pins = &ec,
						       .n_pins = 1,
						       .at_time = 1 };
	struct report report = { 0 };

	(void)state;
	expect_accepted("der", &late, &report);
	assert_true(has_finding(&report, "W213", "\"CN=ec\" expired on 21"));
	report_clear(&report);
	expect_accepted("der", &pinned_late, &report);
	assert_true(has_finding(&report, "W213", "\"CN=ec\" expired on 21"));
	report_clear(&report);
	expect_refused("signed/der.mobileconfig", &pinned_early, "E209",
		       "certificate is not yet valid");
}

static void test_pin_text(void **state)
{
	struct pin pin = pin_of("ec"), again;
	char text[PIN_TEXT];

	(void)state;
	pin_format(&pin, text);
	assert_int_equal(pin_parse(text, &again), 0);
	assert_memory_equal(&pin, &again, sizeof(pin));
	assert_int_equal(pin_parse(text + 7, &again), 0);
	text[PIN_TEXT - 2] = 'g';
	assert_int_equal(pin_parse(text, &again), -EINVAL);
	text[PIN_TEXT - 2] = 0x10; /* '0' without a bit */
	assert_int_equal(pin_parse(text, &again), -EINVAL);
	text[PIN_TEXT - 2] = '\0';
	assert_int_equal(pin_parse(text, &again), -EINVAL);
	assert_int_equal(pin_parse("", &again), -EINVAL);
}

/*
 * A changed byte is refused, or it is one that nobody signed (the order of
 * certificates, an unsigned field) and the policy is what it was.
 */
static void test_damage(void **state)
{
	size_t len = 0;
	char *bytes = slurp(TEST_DATA "/signed/ber.mobileconfig", &len);
	char *seed = seed_policy();

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++) {
		struct document *document = NULL;
		struct report report = { 0 };
		char *copy = malloc(len), *text;

		assert_non_null(copy);
		memcpy(copy, bytes, len);
		copy[i] ^= 0x01;
		if (document_parse("a", copy, len, &report, &document) == 0) {
			text = policy_with(document);
			assert_string_equal(text, seed);
			free(text);
		} else {
			assert_true(report.n_errors > 0);
		}
		free(copy);
		document_free(document);
		report_clear(&report);
	}
	free(seed);
	free(bytes);
}

/* Cut off anywhere it is not whole, and longer it is not one message. */
static void test_whole(void **state)
{
	size_t len = 0, at;
	char *bytes = slurp(TEST_DATA "/signed/ber.mobileconfig", &len);

	(void)state;
	assert_non_null(bytes);
	for (size_t n = 0; n < len; n++) {
		unsigned char *copy = malloc(n + !n);

		assert_non_null(copy);
		memcpy(copy, bytes, n);
		assert_int_equal(ber_check(copy, n, &at), -EBADMSG);
		assert_true(at <= n);
		free(copy);
	}
	assert_int_equal(ber_check((unsigned char *)bytes, len, &at), 0);
	assert_int_equal(at, len);
	assert_int_equal(ber_check((unsigned char *)bytes, len + 1, &at), 0);
	assert_int_equal(at, len);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_policy),
		cmocka_unit_test(test_signers),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_required),
		cmocka_unit_test(test_sha1),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_pin_text),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
