/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documents to a policy: joining, order, precedence, what is added. */
#include <errno.h>

#include "tests/unit/policy_fixture.h"

#define UUID		  "d2773557-b535-414f-968a-5447d9c02d52"

#define ROUTES(key, list) "<key>" key "</key><array>" list "</array>"
#define ROUTE(text)	  "<string>" text "</string>"
#define PAIR(key, text)	  "<key>" key "</key><string>" text "</string>"
#define TUNNEL(uuid, x)	  "<key>" uuid "</key><dict>" x "</dict>"
#define APP(id, x)	  "<key>" id "</key><array>" x "</array>"

static struct policy *compile_seed(const int order[3], struct report *report)
{
	static const char *const names[] = {
		"seed/per-app-vpn.mobileconfig",
		"seed/application-attributes.plist",
		"seed/host.plist",
	};
	struct document *documents[3];
	struct policy *policy = NULL;

	for (int i = 0; i < 3; i++)
		documents[i] = load(names[order[i]], report);
	assert_int_equal(policy_compile(documents, 3, report, &policy), 0);
	for (int i = 0; i < 3; i++)
		document_free(documents[i]);
	return policy;
}

static void test_seed(void **state)
{
	static const int order[] = { 0, 1, 2 };
	struct report report = { 0 };
	struct policy *policy = compile_seed(order, &report);
	const struct tunnel *tunnel = policy_find_tunnel(policy, UUID);
	const struct app *app =
		policy_find_app(policy, "com.google.chrome.ios");
	char text[64];

	(void)state;
	assert_non_null(tunnel);
	assert_string_equal(tunnel->interface, "tun0");
	assert_string_equal(tunnel->name, "TestVPNServerrra");
	assert_true(tunnel->has_profile);
	assert_int_equal(tunnel->n_prefixes, 1);
	prefix_format(&tunnel->prefixes[0], text, sizeof(text));
	assert_string_equal(text, "1.1.1.1/32");
	assert_non_null(app);
	assert_ptr_equal(&policy->tunnels[app->tunnel], tunnel);
	assert_int_equal(app->n_selectors, 1);
	assert_int_equal(app->selectors[0].kind, SELECTOR_EXE);
	assert_string_equal(app->selectors[0].path,
			    "/opt/google/chrome/chrome");
	assert_null(policy_find_app(policy, "com.google.Chrome.ios"));

	/* the malformed DOCTYPEs, a name, and a rule that per-app has not */
	assert_int_equal(report.n, 4);
	assert_true(has_finding(&report, "W130", "per-app-vpn"));
	assert_true(has_finding(&report, "W130", "application-attributes"));
	assert_true(has_finding(&report, "W412", "PayloadDisplayName"));
	assert_true(has_finding(&report, "N431", "'Connect'"));
	policy_free(policy);
	report_clear(&report);
}

static void test_seed_order(void **state)
{
	static const int orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 }
	};
	char *first = NULL;

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct report report = { 0 };
		struct policy *policy = compile_seed(orders[i], &report);
		char *text = policy_text(policy);

		if (first)
			assert_string_equal(text, first);
		else
			first = strdup(text);
		free(text);
		policy_free(policy);
		report_clear(&report);
	}
	free(first);
}

static void test_seed_keys(void **state)
{
	struct report report = { 0 };
	struct document *document =
		load("seed/per-app-vpn.mobileconfig", &report);
	const struct key_note *keys;
	bool seen = false;
	size_t n;

	(void)state;
	assert_int_equal(document_kind(document), DOCUMENT_PROFILE);
	keys = document_keys(document, &n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(keys[i].path,
			   "PayloadContent[0].VPN.OnDemandRules[0].Action") !=
		    0)
			continue;
		assert_int_equal(keys[i].treatment, TREATMENT_NOT_YET);
		seen = true;
	}
	assert_true(seen);
	assert_int_equal(n, 32);
	document_free(document);
	report_clear(&report);
}

/* The prefixes of tunnel "u" of a host file, as one line. */
static char *prefixes_of(const char *settings, struct report *report)
{
	char *texts[1], *tunnels = NULL, *line = NULL;
	struct policy *policy = NULL;
	size_t size;
	FILE *out;

	assert_true(asprintf(&tunnels, TUNNEL("u", "%s"), settings) > 0);
	texts[0] = host_text("", tunnels);
	free(tunnels);
	assert_int_equal(build(texts, 1, report, &policy), 0);

	out = open_memstream(&line, &size);
	assert_non_null(out);
	for (size_t i = 0; i < policy->tunnels[0].n_prefixes; i++) {
		const struct prefix *prefix = &policy->tunnels[0].prefixes[i];
		char text[64];

		prefix_format(prefix, text, sizeof(text));
		fprintf(out, "%s%s%s ", prefix->excluded ? "-" : "+", text,
			prefix->built_in ? "!" : "");
	}
	fprintf(out, "%zu %zu", policy->tunnels[0].n_included,
		policy->tunnels[0].n_excluded);
	fclose(out);
	policy_free(policy);
	return line;
}

static void expect_prefixes(const char *settings, const char *expected,
			    const char *code)
{
	struct report report = { 0 };
	char *line = prefixes_of(settings, &report);

	assert_string_equal(line, expected);
	assert_int_equal(report.n, code != NULL);
	if (code)
		assert_string_equal(report.findings[0].code, code);
	free(line);
	report_clear(&report);
}

static void test_prefixes(void **state)
{
	(void)state;
	/* sorted, masked with a warning, mapped form is IPv4 */
	expect_prefixes(
		ROUTES("IncludedRoutes",
		       ROUTE("10.0.0.0/8") ROUTE("2001:db8::/32")
			       ROUTE("1.2.3.4/24"))
			ROUTES("ExcludedRoutes", ROUTE("::ffff:10.1.0.0/112")),
		"+1.2.3.0/24 +10.0.0.0/8 -10.1.0.0/16 +2001:db8::/32 3 1",
		"W475");
	/* an excluded prefix wins over an equal included one */
	expect_prefixes(ROUTES("IncludedRoutes", ROUTE("10.0.0.0/8"))
				ROUTES("ExcludedRoutes", ROUTE("10.0.0.0/8")),
			"-10.0.0.0/8 0 1", "W476");
	expect_prefixes(ROUTES("IncludedRoutes",
			       ROUTE("10.0.0.0/8") ROUTE("10.0.0.0/8")),
			"+10.0.0.0/8 1 0", "W476");
}

static void test_built_ins(void **state)
{
	(void)state;
	expect_prefixes(ROUTES("IncludedRoutes", ROUTE("0.0.0.0/0")),
			"+0.0.0.0/0 -127.0.0.0/8! -169.254.0.0/16! "
			"-224.0.0.0/4! -255.255.255.255/32! 1 0",
			NULL);
	/* ::/0 holds no IPv4 address, though the mapped form lies in it */
	expect_prefixes(ROUTES("IncludedRoutes", ROUTE("::/0")),
			"+::/0 -::1/128! -0.0.0.0/0! -fe80::/10! -ff00::/8! "
			"1 0",
			NULL);
	/* who names a range exactly, means it; a longer one is no cover */
	expect_prefixes(ROUTES("IncludedRoutes",
			       ROUTE("224.0.0.0/3") ROUTE("224.0.0.0/4")),
			"+224.0.0.0/3 +224.0.0.0/4 -255.255.255.255/32! 2 0",
			NULL);
	expect_prefixes(ROUTES("IncludedRoutes",
			       ROUTE("127.0.0.1/32") ROUTE("fe80::/64")),
			"+127.0.0.1/32 +fe80::/64 2 0", NULL);
}

static void test_app_only(void **state)
{
	(void)state;
	expect_prefixes(PAIR("RoutingMode", "app-only") ROUTES(
				"ExcludedRoutes", ROUTE("10.0.0.0/8"))
				ROUTES("IncludedRoutes", ROUTE("0.0.0.0/0")),
			"+::/0 -::1/128! +0.0.0.0/0 -10.0.0.0/8 "
			"-127.0.0.0/8! -169.254.0.0/16! -224.0.0.0/4! "
			"-255.255.255.255/32! -fe80::/10! -ff00::/8! 1 1",
			NULL);
}

static void test_pending(void **state)
{
	char *texts[] = { profile_text("ABC", ""), command_text("a.b", "abc"),
			  host_text(APP("A.B", ROUTE("exe:/bin/a")),
				    TUNNEL("abc", PAIR("Interface", "t0"))) };
	struct report report = { 0 };
	struct policy *policy = NULL;
	const struct app *app;

	(void)state;
	assert_int_equal(build(texts, 3, &report, &policy), 0);
	app = policy_find_app(policy, "a.b");
	assert_int_equal(app->tunnel, TUNNEL_NONE);
	assert_string_equal(app->linked_uuid, "abc");
	assert_null(policy_find_tunnel(policy, "ABC")->interface);
	assert_false(policy_find_tunnel(policy, "abc")->has_profile);
	assert_true(has_finding(&report, "W323", "b.plist:1:"));
	assert_true(has_finding(&report, "W324", "ABC"));
	assert_true(has_finding(&report, "W452", "has A.B"));
	assert_true(has_finding(&report, "W460", "a.plist:1:"));
	policy_free(policy);
	report_clear(&report);
}

/* Taking a link off that nobody made leaves the app without one. */
static void test_unlink(void **state)
{
	char *texts[] = { command_text("a.b", NULL), command_text("c.d", NULL),
			  host_text(APP("a.b", ROUTE("exe:/bin/a")), "") };
	struct report report = { 0 };
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(build(texts, 3, &report, &policy), 0);
	assert_int_equal(policy->n_apps, 1);
	assert_null(policy->apps[0].linked_uuid);
	assert_int_equal(report.n, 0);
	policy_free(policy);
	report_clear(&report);
}

/* VendorConfig needs no host file; both may say the same. */
static void test_vendor(void **state)
{
	static const char same[] = PAIR("Interface", "wg0")
		ROUTES("IncludedRoutes",
		       ROUTE("10.0.0.0/8") ROUTE("11.0.0.0/8"))
			PAIR("WhenDown", "direct") PAIR("Inbound", "deny");
	char *texts[] = {
		profile_text("u", same), command_text("a.b", "u"),
		host_text("", TUNNEL("u", PAIR("Interface", "wg0") ROUTES(
						  "IncludedRoutes",
						  ROUTE("11.0.0.0/8") ROUTE(
							  "10.0.0.0/8")))),
		command_text("a.b", "u")
	};
	struct report report = { 0 };
	struct policy *policy = NULL;
	const struct tunnel *tunnel;

	(void)state;
	assert_int_equal(build(texts, 4, &report, &policy), 0);
	tunnel = policy_find_tunnel(policy, "u");
	assert_string_equal(tunnel->interface, "wg0");
	assert_int_equal(tunnel->when_down, WHEN_DOWN_DIRECT);
	assert_int_equal(tunnel->inbound, INBOUND_DENY);
	assert_int_equal(tunnel->n_included, 2);
	assert_int_equal(policy_find_app(policy, "a.b")->tunnel, 0);
	policy_free(policy);
	report_clear(&report);
}

static void test_limits(void **state)
{
	struct report report = { 0 };
	struct policy *policy = NULL;
	char *texts[1], *tunnels, *p;

	(void)state;
	tunnels = p = calloc(256, 32);
	assert_non_null(p);
	for (int i = 0; i < 256; i++)
		p += sprintf(p, "<key>u%d</key><dict/>", i);
	texts[0] = host_text("", tunnels);
	free(tunnels);
	assert_int_equal(build(texts, 1, &report, &policy), -EBADMSG);
	assert_null(policy);
	assert_true(has_finding(&report, "E328", "more than 255 tunnels"));
	report_clear(&report);
}

/* A host file with so many tunnels. */
static char *crowd(size_t n)
{
	char *tunnels = NULL, *text;
	size_t size;
	FILE *out = open_memstream(&tunnels, &size);

	assert_non_null(out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "<key>u%zu</key><dict/>", i);
	fclose(out);
	text = host_text("", tunnels);
	free(tunnels);
	return text;
}

/* Whose error is it: one file's, or of all together? */
static void test_blame(void **state)
{
	(void)state;
	for (size_t n = 254; n <= 256; n++) {
		struct document *documents[2] = { NULL };
		bool is_wrong[2] = { false };
		struct report report = { 0 };
		struct policy *policy = NULL;
		char *host = crowd(n), *profile = profile_text("z", "");
		int r;

		assert_int_equal(parse_text("a.plist", profile, &report,
					    &documents[0]),
				 0);
		assert_int_equal(
			parse_text("h.plist", host, &report, &documents[1]), 0);
		r = policy_compile_each(documents, 2, is_wrong, &report,
					&policy);
		assert_int_equal(r, n < 255 ? 0 : -EBADMSG);
		assert_false(is_wrong[0]);
		assert_int_equal(is_wrong[1], n > 255);
		if (n == 255)
			assert_true(has_finding(&report, "E328",
						"more than 255 tunnels in all "
						"files"));
		if (n > 255)
			assert_true(has_finding(&report, "E328",
						"more than 255 tunnels ["));
		document_free(documents[0]);
		document_free(documents[1]);
		report_clear(&report);
		policy_free(policy);
		free(host);
		free(profile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blame),
		cmocka_unit_test(test_seed),
		cmocka_unit_test(test_seed_order),
		cmocka_unit_test(test_seed_keys),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_built_ins),
		cmocka_unit_test(test_app_only),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_unlink),
		cmocka_unit_test(test_vendor),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
