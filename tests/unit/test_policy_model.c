/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What real servers send, whose word counts, and what the flags mean. */
#include <dirent.h>
#include <errno.h>

#include "policy/plan/local.h"
#include "policy/read/signature.h"
#include "tests/unit/policy_fixture.h"

#define KEY_A "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define KEY_B "AgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICE="

/* Findings and policy of a file alone are the .expect file beside it. */
static void accept_case(const char *name)
{
	struct report report = { 0 };
	struct policy *policy = NULL;
	char path[512], file[300], *found = NULL, *expected, *text;
	struct document *document;
	size_t size, len = 0;
	FILE *out = open_memstream(&found, &size);

	assert_non_null(out);
	snprintf(file, sizeof(file), "accept/%s.plist", name);
	document = load(file, &report);
	assert_int_equal(policy_compile(&document, 1, &report, &policy), 0);
	print_report(out, &report);
	text = policy_text(policy);
	fputs(text, out);
	fclose(out);

	snprintf(path, sizeof(path), TEST_DATA "/accept/%s.expect", name);
	expected = slurp(path, &len);
	assert_non_null(expected);
	assert_string_equal(found, expected);
	assert_null(strstr(found, "SECRET"));
	free(text);
	free(found);
	free(expected);
	document_free(document);
	policy_free(policy);
	report_clear(&report);
}

static void test_accepted(void **state)
{
	DIR *dir = opendir(TEST_DATA "/accept");
	const struct dirent *entry;
	int cases = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char *end = strstr(entry->d_name, ".plist");
		char name[256];

		if (!end)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(end - entry->d_name),
			 entry->d_name);
		print_message("%s\n", name);
		accept_case(name);
		cases++;
	}
	closedir(dir);
	assert_true(cases >= 18);
}

/* A profile whose payload has these keys, and VPN and VendorConfig these. */
static char *payload_text(const char *keys, const char *vpn, const char *vendor)
{
	char *text = NULL, *plain = profile_text("u1", vendor);
	char *at = strstr(plain, "<key>VPN</key><dict/>");

	assert_non_null(at);
	*at = '\0';
	assert_true(asprintf(&text, "%s%s<key>VPN</key><dict>%s</dict>%s",
			     plain, keys, vpn,
			     at + strlen("<key>VPN</key><dict/>")) > 0);
	free(plain);
	return text;
}

#define ROUTES                                                                 \
	"<key>Interface</key><string>tun0</string>"                            \
	"<key>IncludedRoutes</key><array><string>10.0.0.0/8</string>"          \
	"<string>10.1.2.0/24</string><string>192.168.7.0/24</string></array>"

/* On the host's links: private within 10/8, private beside, public, named. */
static const char *const links[] = { "10.1.0.0", "192.168.1.0", "198.51.100.0",
				     "192.168.7.0" };
static const uint8_t link_lengths[] = { 112, 120, 120, 120 };

#define N_LINKS 4

static void get_links(struct prefix on_link[N_LINKS])
{
	memset(on_link, 0, N_LINKS * sizeof(*on_link));
	for (int i = 0; i < N_LINKS; i++) {
		assert_int_equal(address_parse(links[i], &on_link[i].addr), 0);
		on_link[i].len = link_lengths[i];
	}
}

static const char *verdict_of(const struct policy *policy, const char *address)
{
	struct explain_query query = {
		.app = policy_find_app(policy, "com.example.a"),
		.tunnel = { .up = true, .has_ipv4 = true, .has_ipv6 = true },
	};
	struct explanation explanation;

	assert_non_null(query.app);
	assert_int_equal(address_parse(address, &query.dst), 0);
	policy_explain(policy, &query, &explanation);
	return verdict_name(explanation.verdict);
}

/* A tunnel with the flags, on the host's links; and one app in it. */
static struct policy *build_flags(int all, int enforce, int local)
{
	struct report report = { 0 };
	struct policy *policy = NULL;
	char vpn[256], *texts[2];

	snprintf(vpn, sizeof(vpn),
		 "<key>IncludeAllNetworks</key><integer>%d</integer>"
		 "<key>EnforceRoutes</key><integer>%d</integer>"
		 "<key>ExcludeLocalNetworks</key><integer>%d</integer>",
		 all, enforce, local);
	texts[0] = payload_text("", vpn, ROUTES);
	texts[1] = command_text("com.example.a", "u1");
	assert_int_equal(build(texts, 2, &report, &policy), 0);
	assert_int_equal(policy->tunnels[0].exclude_local,
			 local && (all || enforce));
	report_clear(&report);
	return policy;
}

struct flag_row {
	int all, enforce, local;
	const char *listed, *other, *lan_listed, *lan_other;
};

static void check_row(const struct policy *policy, const struct flag_row *row)
{
	const struct {
		const char *address, *verdict;
	} cases[] = {
		{ "10.200.0.1", row->listed },
		{ "203.0.113.9", row->other },
		{ "10.1.9.9", row->lan_listed },
		{ "192.168.1.9", row->lan_other },
		/* longer, named, and public on-link prefixes change nothing */
		{ "10.1.2.3", "tunnel" },
		{ "192.168.7.9", "tunnel" },
		{ "198.51.100.9", row->other },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(verdict_of(policy, cases[i].address),
				    cases[i].verdict);
}

/* The combinations of Apple's three flags, as the reference tables them. */
static void test_flags(void **state)
{
	static const struct flag_row rows[] = {
		{ 0, 0, 0, "tunnel", "direct", "tunnel", "direct" },
		{ 0, 0, 1, "tunnel", "direct", "tunnel", "direct" },
		{ 0, 1, 0, "tunnel", "direct", "tunnel", "direct" },
		{ 0, 1, 1, "tunnel", "direct", "direct", "direct" },
		{ 1, 0, 0, "tunnel", "tunnel", "tunnel", "tunnel" },
		{ 1, 0, 1, "tunnel", "tunnel", "direct", "direct" },
		{ 1, 1, 0, "tunnel", "tunnel", "tunnel", "tunnel" },
		{ 1, 1, 1, "tunnel", "tunnel", "direct", "direct" },
	};
	struct prefix on_link[N_LINKS];

	(void)state;
	get_links(on_link);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy *policy = build_flags(
			rows[i].all, rows[i].enforce, rows[i].local);
		struct tunnel *tunnel = &policy->tunnels[0];
		struct prefix *prefixes = NULL;
		size_t n = 0;

		assert_int_equal(local_exempt(tunnel, on_link, N_LINKS,
					      &prefixes, &n),
				 0);
		tunnel->prefixes = prefixes; /* the old are the arena's */
		tunnel->n_prefixes = n;
		check_row(policy, &rows[i]);
		free(prefixes);
		policy_free(policy);
	}
}

/* Too many of something within one payload. */
static void test_budgets(void **state)
{
	static const char rule[] =
		"<dict><key>Action</key><string>Disconnect</string></dict>";
	char *list = NULL, *wg = NULL, *texts[2];
	size_t size;
	FILE *out = open_memstream(&list, &size);

	(void)state;
	assert_non_null(out);
	fputs("<key>OnDemandEnabled</key><integer>1</integer>"
	      "<key>OnDemandRules</key><array>",
	      out);
	for (int i = 0; i < 129; i++)
		fputs(rule, out);
	fputs("</array>", out);
	fclose(out);
	texts[0] = payload_text("", list, "");

	out = open_memstream(&wg, &size);
	assert_non_null(out);
	fputs("<key>WgQuickConfig</key><string>[Interface]\n[Peer]\n"
	      "PublicKey = " KEY_A "\nAllowedIPs = 10.0.0.1",
	      out);
	for (int i = 0; i < 4096; i++)
		fprintf(out, ",10.1.%d.%d", i / 256, i % 256);
	fputs("</string>", out);
	fclose(out);
	texts[1] = payload_text("", "", wg);

	for (int i = 0; i < 2; i++) {
		struct report report = { 0 };
		struct document *document = NULL;

		assert_int_equal(parse_text("p", texts[i], &report, &document),
				 -EBADMSG);
		assert_true(has_finding(&report, "E116",
					i ? "more than 4096 AllowedIPs" :
					    "more than 128 rules"));
		report_clear(&report);
		free(texts[i]);
	}
	free(list);
	free(wg);
}

/* What the host's links claim is neither doubled nor widened. */
static void test_local_exempt(void **state)
{
	struct tunnel tunnel = { .exclude_local = true };
	struct prefix on_link[6] = { { .len = 0 } }, *prefixes = NULL;
	struct prefix named = { .len = 112 };
	static const char *const addresses[] = { "10.1.2.3", "10.1.0.0",
						 "10.0.0.0", "fd00::1",
						 "fe80::1",  "2001:db8::1" };
	static const uint8_t lengths[] = { 112, 112, 100, 64, 64, 32 };
	char text[64];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 6; i++) {
		assert_int_equal(address_parse(addresses[i], &on_link[i].addr),
				 0);
		on_link[i].len = lengths[i];
	}
	assert_int_equal(local_exempt(&tunnel, on_link, 6, &prefixes, &n), 0);
	assert_int_equal(n, 3);
	prefix_format(&prefixes[0], text, sizeof(text));
	assert_string_equal(text, "10.1.0.0/16");
	prefix_format(&prefixes[1], text, sizeof(text));
	assert_string_equal(text, "fd00::/64");
	assert_true(prefixes[2].excluded && prefixes[2].built_in &&
		    prefixes[2].local);
	free(prefixes);

	/* named by the tunnel: included as before */
	tunnel.prefixes = &named;
	tunnel.n_prefixes = 1;
	assert_int_equal(address_parse("10.1.0.0", &named.addr), 0);
	assert_int_equal(local_exempt(&tunnel, on_link, 6, &prefixes, &n), 0);
	assert_int_equal(n, 3);
	assert_false(prefixes[0].excluded);
	free(prefixes);
	tunnel.n_prefixes = 0;

	tunnel.exclude_local = false;
	assert_int_equal(local_exempt(&tunnel, on_link, 6, &prefixes, &n), 0);
	assert_int_equal(n, 0);
	free(prefixes);
}

/* ExcludedDomains are kept in one form, in order, each once. */
static void test_excluded_domains(void **state)
{
	struct report report = { 0 };
	struct policy *policy = NULL;
	char *texts[1] = { payload_text(
		"<key>ExcludedDomains</key><array><string>b.example.</string>"
		"<string>*.A.example</string><string>b.Example</string>"
		"</array>",
		"", ROUTES) };
	const struct tunnel *tunnel;

	(void)state;
	assert_int_equal(build(texts, 1, &report, &policy), 0);
	tunnel = &policy->tunnels[0];
	assert_int_equal(tunnel->n_excluded_domains, 2);
	assert_string_equal(tunnel->excluded_domains[0], "*.a.example");
	assert_string_equal(tunnel->excluded_domains[1], "b.example");
	policy_free(policy);
	report_clear(&report);
}

static char *wg_vendor(const char *text)
{
	char *vendor = NULL;

	assert_true(asprintf(&vendor,
			     "<key>Interface</key><string>wg0</string>"
			     "<key>WgQuickConfig</key><string>%s</string>",
			     text) > 0);
	return vendor;
}

/* The host repeats AllowedIPs, Address says one of them again: no quarrel. */
static void test_wg_routes(void **state)
{
	char *vendor = wg_vendor("[Interface]\nAddress = 10.1.0.2/16, "
				 "fd00::2/64\n[Peer]\nPublicKey=" KEY_A
				 "\nAllowedIPs = 10.1.0.0/16, 192.0.2.1\n"
				 "[PEER]\npublickey = " KEY_B
				 "\nallowedips=192.0.2.1/32");
	char *texts[] = {
		payload_text("", "", vendor),
		host_text("", "<key>u1</key><dict><key>IncludedRoutes</key>"
			      "<array><string>192.0.2.1/32</string>"
			      "<string>10.1.0.0/16</string></array></dict>"),
	};
	struct report report = { 0 };
	struct policy *policy = NULL;
	const struct tunnel *tunnel;
	char text[64];

	(void)state;
	assert_int_equal(build(texts, 2, &report, &policy), 0);
	tunnel = &policy->tunnels[0];
	assert_string_equal(tunnel->interface, "wg0");
	assert_int_equal(tunnel->n_prefixes, 3);
	assert_int_equal(tunnel->n_included, 3);
	prefix_format(&tunnel->prefixes[2], text, sizeof(text));
	assert_string_equal(text, "fd00::/64");
	assert_string_equal(
		policy->origins[tunnel->prefixes[2].origin].key_path,
		"PayloadContent[0].VendorConfig.WgQuickConfig:2 (implied by "
		"Address)");
	/* two peers with one prefix, and nothing else */
	assert_int_equal(report.n, 1);
	assert_true(has_finding(&report, "W476", "WgQuickConfig:8"));
	free(vendor);
	policy_free(policy);
	report_clear(&report);
}

/* Key material in every place where a person might put it by mistake. */
static void test_wg_secrets(void **state)
{
	static const char *const texts[] = {
		"[Interface]\nPrivateKey = %s\n",
		"%s\n",
		"[%s]\n",
		"[Interface]\n%s = 1\n",
		"[Interface]\nPrivateKey %s",
		"[Interface]\nAddress = 10.0.0.1/8 %s\n",
		"[Interface]\nMTU = %s\n",
		"[Interface]\nDNS = %s\n",
		"[Interface]\nTable = %s\n",
		"[Interface]\nFwMark = %s\n",
		"[Interface]\nPostUp = %s\n",
		"[Interface]\nListenPort = %s\n",
		"[Peer]\nPublicKey = x%s\n",
		"[Peer]\nEndpoint = %s\n",
		"[Peer]\nAllowedIPs = %s\n",
		"[Peer]\nPresharedKey = %s%s\n",
	};
	static const char key[] =
		"SECRETSECRETSECRETSECRETSECRETSECRETSECRETA=";

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct report report = { 0 };
		struct document *document = NULL;
		char text[256], *vendor, *profile, *found = NULL;
		size_t size;
		FILE *out = open_memstream(&found, &size);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), texts[i], key, key);
#pragma GCC diagnostic pop
		vendor = wg_vendor(text);
		profile = payload_text("", "", vendor);
		parse_text("p", profile, &report, &document);
		print_report(out, &report);
		fclose(out);
		assert_null(strstr(found, "SECRET"));
		document_free(document);
		report_clear(&report);
		free(found);
		free(vendor);
		free(profile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_local_exempt),
		cmocka_unit_test(test_excluded_domains),
		cmocka_unit_test(test_wg_routes),
		cmocka_unit_test(test_wg_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
