/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose word links an app, what a command leaves behind, who must sign. */
#include <errno.h>

#include "policy/model/document.h"
#include "policy/read/signature.h"
#include "tests/unit/policy_fixture.h"

#define HOST_LINK(uuid)                                                        \
	"<plist><dict><key>Links</key><dict><key>com.example.a</key>"          \
	"<string>" uuid "</string></dict></dict></plist>"

/* A profile that maps com.example.a to a tunnel, by one executable. */
static char *mapping_text(const char *uuid, const char *path)
{
	char *text = NULL;

	assert_true(asprintf(&text,
			     "<plist><dict><key>PayloadType</key>"
			     "<string>Configuration</string>"
			     "<key>PayloadVersion</key><integer>1</integer>"
			     "<key>PayloadIdentifier</key><string>m</string>"
			     "<key>PayloadUUID</key><string>5f0c2a1e-0000-4000-"
			     "8000-000000000009</string>"
			     "<key>PayloadContent</key><array><dict>"
			     "<key>PayloadType</key><string>"
			     "com.apple.vpn.managed.appmapping</string>"
			     "<key>PayloadVersion</key><integer>1</integer>"
			     "<key>PayloadIdentifier</key><string>n</string>"
			     "<key>PayloadUUID</key><string>5f0c2a1e-0000-4000-"
			     "8000-00000000000a</string>"
			     "<key>AppLayerVPNMapping</key><array><dict>"
			     "<key>Identifier</key>"
			     "<string>com.example.a</string>"
			     "<key>VPNUUID</key><string>%s</string>"
			     "<key>DesignatedRequirement</key>"
			     "<string>x</string>"
			     "<key>SigningIdentifier</key><string>y</string>"
			     "<key>Path</key><string>%s</string>"
			     "</dict></array></dict></array></dict></plist>",
			     uuid, path) > 0);
	return text;
}

static char *copy(const char *text)
{
	char *copied = strdup(text);

	assert_non_null(copied);
	return copied;
}

/* Host file, then command, then mapping; whoever is overruled is told. */
static void test_precedence(void **state)
{
	static const struct {
		bool host, command, unlinks, mapping;
		const char *uuid;
		size_t overruled;
	} rows[] = {
		{ true, true, false, true, "u1", 2 },
		{ false, true, false, true, "u2", 1 },
		{ false, false, false, true, "u3", 0 },
		{ true, false, false, true, "u1", 1 },
		{ true, true, true, false, "u1", 1 },
		{ false, true, true, true, NULL, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct report report = { 0 };
		struct policy *policy = NULL;
		const struct app *app;
		size_t n = 0, overruled = 0;
		char *texts[3];

		if (rows[i].mapping)
			texts[n++] = mapping_text("u3", "/usr/bin/a");
		if (rows[i].command)
			texts[n++] = command_text(
				"com.example.a", rows[i].unlinks ? NULL : "u2");
		if (rows[i].host)
			texts[n++] = copy(HOST_LINK("u1"));
		assert_int_equal(build(texts, n, &report, &policy), 0);
		app = policy_find_app(policy, "com.example.a");
		if (rows[i].uuid)
			assert_string_equal(app->linked_uuid, rows[i].uuid);
		else
			assert_null(app->linked_uuid);
		if (rows[i].mapping)
			assert_string_equal(app->selectors[0].text,
					    "exe:/usr/bin/a");
		for (size_t k = 0; k < report.n; k++)
			overruled += strcmp(report.findings[k].code, "W325") ==
				     0;
		assert_int_equal(overruled, rows[i].overruled);
		policy_free(policy);
		report_clear(&report);
	}
}

/* The host knows the app: a mapping's Path adds nothing. */
static void test_path_overruled(void **state)
{
	char *texts[] = {
		mapping_text("u1", "/usr/bin/b"),
		host_text("<key>com.example.a</key><array>"
			  "<string>exe:/usr/bin/a</string></array>",
			  ""),
	};
	struct report report = { 0 };
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(build(texts, 2, &report, &policy), 0);
	assert_int_equal(policy->apps[0].n_selectors, 1);
	assert_string_equal(policy->apps[0].selectors[0].path, "/usr/bin/a");
	assert_true(has_finding(&report, "W325", "Path"));
	policy_free(policy);
	report_clear(&report);
}

static char *ikev2_text(void)
{
	char *plain = profile_text("u1", "<key>IncludedRoutes</key><array>"
					 "<string>10.0.0.0/8</string></array>");
	static const char from[] = "<string>VPN</string>";
	static const char keys[] =
		"<key>IKEv2</key><dict><key>RemoteAddress</key>"
		"<string>x</string><key>LocalIdentifier</key><string>x"
		"</string><key>RemoteIdentifier</key><string>x</string>"
		"<key>AuthenticationMethod</key><string>None</string>"
		"<key>IncludeAllNetworks</key><integer>1</integer></dict>";
	char *at = strstr(plain, from), *text = NULL;

	assert_non_null(at);
	*at = '\0';
	assert_true(asprintf(&text, "%s<string>IKEv2</string>%s%s", plain, keys,
			     at + strlen(from)) > 0);
	free(plain);
	return text;
}

/* A VPN of a type that splitd does not drive, brought up by another. */
static void test_foreign_bound(void **state)
{
	char *texts[] = {
		ikev2_text(),
		host_text("", "<key>u1</key><dict><key>Interface</key>"
			      "<string>ipsec0</string></dict>"),
	};
	char *alone[] = { ikev2_text() };
	struct report report = { 0 };
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(build(alone, 1, &report, &policy), -EBADMSG);
	assert_true(has_finding(&report, "E330", "'IKEv2'"));
	assert_false(has_finding(&report, "W460", ""));
	report_clear(&report);

	assert_int_equal(build(texts, 2, &report, &policy), 0);
	assert_string_equal(policy->tunnels[0].interface, "ipsec0");
	assert_int_equal(policy->tunnels[0].routing_mode, ROUTING_APP_ONLY);
	policy_free(policy);
	report_clear(&report);
}

static void test_identity_profile(void **state)
{
	struct report report = { 0 };
	struct document *document = load("warn/rich.plist", &report);
	const struct document_identity *identity = document_identity(document);

	(void)state;
	assert_string_equal(identity->identifier, "com.example.profile");
	assert_string_equal(identity->name, " padded");
	assert_true(identity->removal_disallowed);
	assert_true(identity->has_removal_date);
	assert_int_equal(identity->removal_date, 1893553445);
	assert_int_equal(identity->duration, 3601);
	assert_null(identity->request);
	assert_int_equal(document_links(document), 2); /* of its mapping */
	assert_int_equal(document_signature(document)->n, 0);

	report_clear(&report);
	assert_int_equal(document_check_dates(document, 1893455999, &report),
			 0);
	assert_int_equal(report.n, 0);
	assert_int_equal(document_check_dates(document, 1893553446, &report),
			 0);
	assert_true(has_finding(&report, "W370", "RemovalDate"));
	assert_true(has_finding(&report, "W403", "PayloadExpirationDate"));
	document_free(document);
	report_clear(&report);
}

static void test_identity_commands(void **state)
{
	struct report report = { 0 };
	struct document *settings = load("warn/settings.plist", &report);
	struct document *removal = load("warn/remove.plist", &report);
	struct document *profile = load("warn/remove-profile.plist", &report);
	struct document *carried = load("warn/carried.plist", &report);

	(void)state;
	assert_string_equal(document_identity(settings)->request, "Settings");
	assert_string_equal(document_identity(settings)->command, "0001");
	assert_int_equal(document_links(settings), 2);
	assert_string_equal(document_link(settings, 0).uuid, "u1");
	assert_null(document_link(settings, 1).uuid);
	assert_string_equal(document_link(removal, 0).id, "com.example.a");
	assert_null(document_link(removal, 0).uuid);
	assert_string_equal(document_identity(profile)->removes,
			    "com.example.profile");
	assert_string_equal(document_identity(carried)->request,
			    "InstallProfile");
	assert_string_equal(document_identity(carried)->identifier,
			    "com.example.profile");
	document_free(settings);
	document_free(removal);
	document_free(profile);
	document_free(carried);
	report_clear(&report);
}

static void test_demands(void **state)
{
	struct report report = { 0 };
	struct document *host = load("warn/host.plist", &report);
	const struct signature_policy *demands = document_demands(host);

	(void)state;
	assert_true(demands->required);
	assert_true(demands->allow_sha1);
	assert_int_equal(demands->n_pins, 1);
	for (size_t i = 0; i < sizeof(demands->pins[0].bytes); i++)
		assert_int_equal(demands->pins[0].bytes[i], 0xab);
	document_free(host);
	report_clear(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_path_overruled),
		cmocka_unit_test(test_foreign_bound),
		cmocka_unit_test(test_identity_profile),
		cmocka_unit_test(test_identity_commands),
		cmocka_unit_test(test_demands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
