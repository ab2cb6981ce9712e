/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What files and installed items make together; whose signature is asked. */
#include "tests/unit/candidate_fixture.h"

static const char demand[] = "<key>RequireSignature</key><true/>"
			     "<key>AllowedSigners</key><array><string>" EC
			     "</string></array>";

static void test_required(void **ctx)
{
	(void)ctx;
	put_host(demand);
	put_data("a.mobileconfig", "signed/der.mobileconfig");
	assert_int_equal(read_all(), 0);
	assert_int_equal(report.n_errors, 0);
	assert_non_null(policy_find_tunnel(candidate.policy, TUNNEL));

	/* Unsigned, or by somebody else: the last good version stays. */
	put_data("a.mobileconfig", "seed/per-app-vpn.mobileconfig");
	assert_int_equal(read_all(), 0);
	assert_int_equal(count_code("E212"), 1);
	assert_int_equal(candidate.n_kept, 1);
	assert_non_null(policy_find_tunnel(candidate.policy, TUNNEL));
	put_data("a.mobileconfig", "signed/other.mobileconfig");
	assert_int_equal(read_all(), 0);
	assert_int_equal(count_code("E212"), 1);
	assert_int_equal(candidate.n_kept, 1);

	/* One that never was good is left out. */
	put_data("a.mobileconfig", "signed/der.mobileconfig");
	put_data("b.plist", "seed/application-attributes.plist");
	assert_int_equal(read_all(), 0);
	assert_int_equal(count_code("E212"), 1);
	assert_int_equal(candidate.n_kept, 0);
	clear();
}

/* The demand comes when unsigned files are in force: nothing changes. */
static void test_required_later(void **ctx)
{
	(void)ctx;
	put_host("");
	put_data("a.mobileconfig", "seed/per-app-vpn.mobileconfig");
	assert_int_equal(read_all(), 0);
	put_host(demand);
	assert_int_equal(read_all(), -EBADMSG);
	assert_true(count_code("E212") >= 1);
	clear();
}

static void test_sha1(void **ctx)
{
	(void)ctx;
	put_data("a.mobileconfig", "signed/sha1.mobileconfig");
	put_host("");
	assert_int_equal(read_all(), 0);
	assert_int_equal(count_code("E210"), 1);
	assert_null(policy_find_tunnel(candidate.policy, TUNNEL));
	put_host("<key>AllowSHA1</key><true/>");
	assert_int_equal(read_all(), 0);
	assert_int_equal(report.n_errors, 0);
	assert_non_null(policy_find_tunnel(candidate.policy, TUNNEL));
	clear();
}

/* Is there an E321 of the one kind that speaks of the other? */
static bool names_both(void)
{
	for (size_t i = 0; i < report.n; i++) {
		const struct finding *f = &report.findings[i];

		if (!strcmp(f->code, "E321") &&
		    !strncmp(f->file, "installed:", 10) &&
		    strstr(f->message, policy_dir))
			return true;
	}
	return false;
}

static void test_installed(void **ctx)
{
	struct candidate_source source = source_of(NULL);
	char *file = NULL;

	(void)ctx;
	put_host("");
	install_data("seed/per-app-vpn.mobileconfig");
	install_data("seed/application-attributes.plist");
	assert_int_equal(read_all(), 0);
	assert_int_equal(report.n_errors, 0);
	assert_non_null(policy_find_tunnel(candidate.policy, TUNNEL));
	assert_int_equal(candidate.policy->n_apps, 1);
	assert_int_equal(candidate.policy->apps[0].tunnel, 0);
	assert_int_equal(candidate.good.n, 1);

	/* In the directory as well: an error that names both. */
	put_data("a.mobileconfig", "seed/per-app-vpn.mobileconfig");
	assert_int_equal(read_all(), -EBADMSG);
	assert_true(count_code("E321") >= 1);
	assert_true(names_both());
	assert_int_equal(candidate_find(&source, "no", &file), -ENOENT);
	clear();
}

static void test_links(void **ctx)
{
	static const char unlink_command[] =
		"<plist version=\"1.0\"><dict><key>Command</key><dict>"
		"<key>RequestType</key><string>RemoveApplication</string>"
		"<key>Identifier</key><string>%s</string></dict>"
		"<key>CommandUUID</key><string>c</string></dict></plist>";
	char text[512];

	(void)ctx;
	put_host("");
	install_data("seed/application-attributes.plist");
	assert_int_equal(read_all(), 0);
	assert_int_equal(candidate.policy->n_apps, 1);
	assert_string_equal(candidate.policy->apps[0].linked_uuid, TUNNEL);
	snprintf(text, sizeof(text), unlink_command,
		 candidate.policy->apps[0].id);
	install(text, strlen(text));
	assert_int_equal(read_all(), 0);
	assert_int_equal(candidate.policy->n_apps, 0);
	clear();
}

static void test_disabled(void **ctx)
{
	struct installed_view view = { 0 };
	const struct tunnel *tunnel;

	(void)ctx;
	put_host("<key>Tunnels</key><dict><key>" TUNNEL "</key><dict>"
		 "<key>Interface</key><string>tun0</string></dict></dict>");
	install_data("seed/per-app-vpn.mobileconfig");
	assert_int_equal(read_all(), 0);
	tunnel = policy_find_tunnel(candidate.policy, TUNNEL);
	assert_string_equal(tunnel->interface, "tun0");
	assert_false(tunnel->disabled);

	assert_int_equal(installed_view(installed, &view), 0);
	assert_int_equal(installed_disable(&view, TUNNEL, true), 0);
	assert_int_equal(installed_commit(installed, &view), 0);
	installed_view_clear(&view);
	assert_int_equal(read_all(), 0);
	tunnel = policy_find_tunnel(candidate.policy, TUNNEL);
	assert_null(tunnel->interface);
	assert_true(tunnel->disabled);
	clear();
}

/* Where a finding is in a text, in a binary and in a signed file. */
static void test_findings(void **ctx)
{
	static const char *const files[] = { "seed/per-app-vpn.mobileconfig",
					     "binary/per-app-vpn.mobileconfig",
					     "signed/der.mobileconfig" };

	(void)ctx;
	for (size_t i = 0; i < 3; i++) {
		struct document *document = NULL;
		size_t len;
		void *bytes = read_data(files[i], &len);
		json_t *array, *first;

		clear();
		assert_int_equal(
			document_parse("f", bytes, len, &report, &document), 0);
		array = findings_json(&report);
		assert_true(json_array_size(array) > 0);
		first = json_array_get(array, 0);
		assert_int_equal(json_is_null(json_object_get(first, "line")),
				 i == 1);
		assert_int_equal(
			json_is_integer(json_object_get(first, "object")),
			i == 1);
		assert_int_equal(
			json_is_integer(json_object_get(first, "offset")),
			i == 1);
		assert_int_equal(json_is_true(json_object_get(first, "inner")),
				 i == 2);
		json_decref(array);
		document_free(document);
		free(bytes);
	}
	clear();
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, enter, leave)
	const struct CMUnitTest tests[] = {
		TEST(test_required), TEST(test_required_later),
		TEST(test_sha1),     TEST(test_installed),
		TEST(test_links),    TEST(test_disabled),
		TEST(test_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
