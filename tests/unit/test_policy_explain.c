/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Explanations: verdict, reason, and what would have changed the answer. */
#include "tests/unit/policy_fixture.h"

struct question {
	const char *app; /* NULL: an unlisted process */
	const char *address;
	bool down, no_ipv6, is_host;
	const char *verdict, *reason, *near_miss;
};

static struct policy *make_policy(void)
{
	static const char tunnels[] =
		"<key>u</key><dict><key>Interface</key><string>t0</string>"
		"<key>IncludedRoutes</key><array><string>1.1.0.0/16</string>"
		"<string>9.9.9.9/32</string><string>2001:db8::/32</string>"
		"</array><key>ExcludedRoutes</key><array>"
		"<string>1.1.2.0/24</string></array></dict>"
		"<key>d</key><dict><key>Interface</key><string>t1</string>"
		"<key>WhenDown</key><string>direct</string>"
		"<key>IncludedRoutes</key><array><string>0.0.0.0/0</string>"
		"</array></dict>";
	static const char apps[] =
		"<key>A.b</key><array><string>exe:/a</string></array>";
	char *texts[] = { profile_text("u", ""),     profile_text("d", ""),
			  profile_text("x", ""),     command_text("a.b", "u"),
			  command_text("down", "d"), command_text("free", "x"),
			  command_text("wait", "U"), host_text(apps, tunnels) };
	struct report report = { 0 };
	struct policy *policy = NULL;

	assert_int_equal(build(texts, 8, &report, &policy), 0);
	report_clear(&report);
	return policy;
}

static const struct question questions[] = {
	{ NULL, "1.1.1.1", .verdict = "direct", .reason = "app_unlisted",
	  .near_miss = "" },
	{ "a.b", "1.1.1.1", .verdict = "tunnel",
	  .reason = "destination_included", .near_miss = "" },
	{ "a.b", "::ffff:1.1.1.1", .verdict = "tunnel",
	  .reason = "destination_included", .near_miss = "" },
	{ "a.b", "1.1.2.1", .verdict = "direct",
	  .reason = "destination_excluded", .near_miss = "1.1.0.0/16" },
	{ "a.b", "9.9.9.10", .verdict = "direct",
	  .reason = "destination_unlisted", .near_miss = "9.9.9.9/32" },
	{ "a.b", "2001:db9::1", .verdict = "direct",
	  .reason = "destination_unlisted", .near_miss = "2001:db8::/32" },
	{ "down", "2001:db8::1", .verdict = "direct",
	  .reason = "destination_unlisted",
	  .near_miss = "no included IPv6 route" },
	{ "down", "127.0.0.1", .verdict = "direct",
	  .reason = "destination_excluded", .near_miss = "0.0.0.0/0" },
	{ "down", "8.8.8.8", .down = true, .verdict = "direct",
	  .reason = "tunnel_down_direct", .near_miss = "" },
	{ "a.b", "1.1.1.1", .down = true, .verdict = "block",
	  .reason = "tunnel_down", .near_miss = "" },
	{ "a.b", "1.1.1.1", .is_host = true, .verdict = "direct",
	  .reason = "host_address", .near_miss = "" },
	{ "a.b", "2001:db8::1", .no_ipv6 = true, .verdict = "block",
	  .reason = "family_missing", .near_miss = "IPv6 address on t0" },
	{ "free", "1.1.1.1", .verdict = "direct", .reason = "app_unbound",
	  .near_miss = "" },
	{ "wait", "1.1.1.1", .verdict = "direct", .reason = "app_unbound",
	  .near_miss = "defines u; it differs only by letter case" },
	{ "A.b", "1.1.1.1", .verdict = "direct", .reason = "app_unbound",
	  .near_miss = "a.b is linked" },
};

static void ask(const struct policy *policy, const struct question *q)
{
	struct explain_query query = {
		.app = q->app ? policy_find_app(policy, q->app) : NULL,
		.dst_is_host = q->is_host,
		.tunnel = { !q->down, true, !q->no_ipv6 },
	};
	struct explanation answer;

	assert_int_equal(address_parse(q->address, &query.dst), 0);
	assert_true(!q->app || query.app);
	policy_explain(policy, &query, &answer);
	assert_string_equal(verdict_name(answer.verdict), q->verdict);
	assert_string_equal(reason_name(answer.reason), q->reason);
	assert_true(answer.text[0] != '\0');
	if (q->near_miss[0])
		assert_non_null(strstr(answer.near_miss, q->near_miss));
	else
		assert_string_equal(answer.near_miss, "");
}

static void test_questions(void **state)
{
	struct policy *policy = make_policy();

	(void)state;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		ask(policy, &questions[i]);
	policy_free(policy);
}

/* Switched off is something else than bound to nothing. */
static void test_disabled(void **state)
{
	struct policy *policy = make_policy();
	struct explain_query query = { .app = policy_find_app(policy, "a.b") };
	struct tunnel *tunnel = &policy->tunnels[query.app->tunnel];
	struct explanation answer;

	(void)state;
	tunnel->disabled = true;
	tunnel->interface = NULL;
	assert_int_equal(address_parse("1.1.1.1", &query.dst), 0);
	policy_explain(policy, &query, &answer);
	assert_string_equal(reason_name(answer.reason), "app_unbound");
	assert_non_null(strstr(answer.text, "disabled"));
	assert_string_equal(answer.near_miss,
			    "`splitctl enable u' lets it govern again");
	policy_free(policy);
}

/* Where the host exempts a local network, explain says so. */
static void test_local(void **state)
{
	struct policy *policy = make_policy();
	struct prefix exempt = {
		.len = 128, .excluded = true, .built_in = true, .local = true
	};
	struct explain_query query = {
		.app = policy_find_app(policy, "a.b"),
		.tunnel = { .up = true,
			    .has_ipv4 = true,
			    .has_ipv6 = true,
			    .prefixes = &exempt,
			    .n_prefixes = 1 },
	};
	struct explanation answer;

	(void)state;
	assert_int_equal(address_parse("1.1.1.1", &exempt.addr), 0);
	query.dst = exempt.addr;
	policy_explain(policy, &query, &answer);
	assert_string_equal(verdict_name(answer.verdict), "direct");
	assert_string_equal(reason_name(answer.reason), "destination_excluded");
	assert_non_null(strstr(answer.text, "local network"));
	assert_ptr_equal(answer.prefix, &exempt);
	policy_free(policy);
}

/* The seed case's three golden answers. */
static void test_seed(void **state)
{
	struct report report = { 0 };
	struct document *documents[] = {
		load("seed/per-app-vpn.mobileconfig", &report),
		load("seed/application-attributes.plist", &report),
		load("seed/host.plist", &report),
	};
	static const struct question seed[] = {
		{ "com.google.chrome.ios", "1.1.1.1", .verdict = "tunnel",
		  .reason = "destination_included", .near_miss = "" },
		{ "com.google.chrome.ios", "9.9.9.9", .verdict = "direct",
		  .reason = "destination_unlisted", .near_miss = "1.1.1.1/32" },
		{ NULL, "1.1.1.1", .verdict = "direct",
		  .reason = "app_unlisted", .near_miss = "" },
	};
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(policy_compile(documents, 3, &report, &policy), 0);
	for (size_t i = 0; i < 3; i++) {
		ask(policy, &seed[i]);
		document_free(documents[i]);
	}
	policy_free(policy);
	report_clear(&report);
}

static void test_names(void **state)
{
	struct in6_addr addr;
	char text[64];

	(void)state;
	assert_string_equal(reason_name(63), "unknown");
	assert_string_equal(reason_name(4000), "unknown");
	assert_string_equal(verdict_name(2), "block");
	assert_true(address_parse("example.com", &addr) < 0);
	assert_true(address_parse("1.1.1.1:53", &addr) < 0);
	assert_int_equal(address_parse("::ffff:10.0.0.1", &addr), 0);
	address_format(&addr, text, sizeof(text));
	assert_string_equal(text, "10.0.0.1");
	assert_int_equal(address_parse("2001:DB8::1", &addr), 0);
	address_format(&addr, text, sizeof(text));
	assert_string_equal(text, "2001:db8::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_disabled),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_seed),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
