/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that has not changed is not parsed again, and nobody can tell. */
#include <sys/stat.h>

#include "loader/daemon/answers.h"
#include "policy/plan/diff.h"
#include "policy/read/report.h"
#include "policy/read/signature.h"
#include "tests/unit/candidate_fixture.h"

#define ROUNDS 30

static struct answers *answers;

/* Its findings as lines, so that two readings can be compared. */
static char *told(const struct report *of)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	for (size_t i = 0; i < of->n; i++) {
		char *line = finding_text(&of->findings[i]);

		fprintf(out, "%s %s\n", of->findings[i].code, line);
		free(line);
	}
	fprintf(out, "%zu %zu", of->n_errors, of->n_suppressed);
	fclose(out);
	return text;
}

/* Reads with what is remembered and without, and compares. */
static void compare(void)
{
	struct candidate with = { 0 }, without = { 0 };
	struct report says = { 0 }, expected = { 0 };
	struct candidate_source source = source_of(NULL);
	struct change *changes = NULL;
	char *a, *b;
	size_t n = 0;
	int r, s;

	source.answers = answers;
	r = candidate_read(&with, &source, &says);
	source.answers = NULL;
	s = candidate_read(&without, &source, &expected);
	assert_int_equal(r, s);
	a = told(&says);
	b = told(&expected);
	assert_string_equal(a, b);
	assert_int_equal(with.n_kept, without.n_kept);
	assert_int_equal(with.good.n, without.good.n);
	assert_int_equal(!with.policy, !without.policy);
	if (with.policy) {
		assert_int_equal(policy_diff(with.policy, without.policy,
					     &changes, &n),
				 0);
		assert_int_equal(n, 0);
		assert_int_equal(store_write(store, &with.good), 0);
	}
	free(changes);
	free(a);
	free(b);
	candidate_clear(&with);
	candidate_clear(&without);
	report_clear(&says);
	report_clear(&expected);
}

/* Whatever is done to the files, good and bad, signed or not. */
static void test_same(void **ctx)
{
	static const char *const files[] = {
		"seed/per-app-vpn.mobileconfig",
		"seed/application-attributes.plist",
		"signed/der.mobileconfig",
		"signed/other.mobileconfig",
		"signed/sha1.mobileconfig",
	};
	static const char *const names[] = { "a.mobileconfig", "b.plist",
					     "c.xml" };
	static const char *const hosts[] = {
		"",
		"<key>Odd</key><true/>",
		"<key>RequireSignature</key><true/><key>AllowedSigners</key>"
		"<array><string>" EC "</string></array>",
		"<key>AllowSHA1</key><true/>",
		"<key>Tunnels</key><integer>1</integer>",
		/* wrong only when it is compiled */
		"<key>Tunnels</key><dict><key>x</key><dict><key>Interface"
		"</key><string>t0</string></dict><key>y</key><dict>"
		"<key>Interface</key><string>t0</string></dict></dict>",
	};

	(void)ctx;
	srand(22);
	put_host("");
	put_data("a.mobileconfig", files[0]);
	for (int round = 0; round < ROUNDS; round++) {
		const char *name = names[rand() % 3];
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", policy_dir, name);
		switch (rand() % 4) {
		case 0:
			put_host(hosts[rand() % 6]);
			break;
		case 1:
			(void)unlink(path);
			break;
		default:
			put_data(name, files[rand() % 5]);
		}
		compare();
	}
}

static int parse(const char *name, const char *from,
		 const struct signature_policy *demands)
{
	struct document *document = NULL;
	struct report says = { 0 };
	size_t len;
	void *bytes = read_data(from, &len);
	int r = answers_parse(answers, name, bytes, len, demands, &says,
			      &document);

	document_free(document);
	report_clear(&says);
	free(bytes);
	return r;
}

static void test_remembered(void **ctx)
{
	static const char file[] = "seed/per-app-vpn.mobileconfig";
	const struct signature_policy sign = { .required = true };

	(void)ctx;
	assert_int_equal(parse("a", file, NULL), 0);
	assert_int_equal(parse("a", file, NULL), 1);
	assert_int_equal(parse("b", file, NULL), 0);
	assert_int_equal(parse("a", file, &sign), -EBADMSG);
	assert_int_equal(parse("a", "seed/application-attributes.plist", NULL),
			 0);
	assert_int_equal(parse("a", file, NULL), 0);

	/* Asked for in every round it stays, left out of one it goes. */
	answers_sweep(answers);
	assert_int_equal(parse("a", file, NULL), 1);
	answers_sweep(answers);
	assert_int_equal(parse("a", file, NULL), 1);
	assert_int_equal(parse("b", file, NULL), 0);
	answers_forget(answers, "a");
	assert_int_equal(parse("a", file, NULL), 0);
}

/* A certificate may end: what is signed is looked at each time. */
static void test_signed(void **ctx)
{
	(void)ctx;
	assert_int_equal(parse("s", "signed/der.mobileconfig", NULL), 0);
	assert_int_equal(parse("s", "signed/der.mobileconfig", NULL), 0);
}

/* Who is told that files were touched must not overlook that one changed. */
static void test_news(void **ctx)
{
	struct candidate_source source = source_of(NULL);
	unsigned char digest[INPUTS_DIGEST];
	char path[128];

	(void)ctx;
	put_host("");
	put_data("a.mobileconfig", "seed/per-app-vpn.mobileconfig");
	assert_int_equal(read_all(), 0);
	memcpy(digest, candidate.digest, sizeof(digest));
	clear();
	source.dir_was_there = source.host_was_there = true;
	assert_true(candidate_same(&source, digest));
	put_data("a.mobileconfig", "seed/per-app-vpn.mobileconfig");
	assert_true(candidate_same(&source, digest));

	put_host("<key>AllowSHA1</key><true/>");
	assert_false(candidate_same(&source, digest));
	put_host("");
	put_data("b.mobileconfig", "seed/per-app-vpn.mobileconfig");
	assert_false(candidate_same(&source, digest));
	unlink_data("a.mobileconfig");
	assert_false(candidate_same(&source, digest));
	put_data("a.mobileconfig", "seed/per-app-vpn.mobileconfig");
	unlink_data("b.mobileconfig");
	assert_true(candidate_same(&source, digest));

	snprintf(path, sizeof(path), "%s/a.mobileconfig", policy_dir);
	assert_int_equal(chmod(path, 0666), 0);
	assert_false(candidate_same(&source, digest));
	assert_int_equal(chmod(path, 0644), 0);
	source.dir_was_there = false;
	assert_false(candidate_same(&source, digest));
}

static int open_all(void **ctx)
{
	answers = answers_open();
	return answers ? enter(ctx) : -1;
}

static int close_all(void **ctx)
{
	answers_close(answers);
	return leave(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_remembered, open_all,
						close_all),
		cmocka_unit_test_setup_teardown(test_signed, open_all,
						close_all),
		cmocka_unit_test_setup_teardown(test_news, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
