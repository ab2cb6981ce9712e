/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors of one file alone and errors between files; a check of all of them. */
#include "tests/unit/candidate_fixture.h"

static const struct {
	const char *file, *code;
} wrong_alone[] = {
	{ "reject/E322-mappings.plist", "E322" },
	{ "reject/E325-mappings.plist", "E325" },
	{ "reject/E330-type.plist", "E330" },
};

#define N_WRONG_ALONE (sizeof(wrong_alone) / sizeof(*wrong_alone))

/* A mistake that only the compiler sees: the new file is left out. */
static void test_alone_new(void **ctx)
{
	(void)ctx;
	put_host("");
	for (size_t i = 0; i < N_WRONG_ALONE; i++) {
		put_data("a.plist", "seed/application-attributes.plist");
		put_data("b.plist", wrong_alone[i].file);
		put_data("c.plist", "reject/E103-truncated.plist");
		assert_int_equal(read_all(), 0);
		assert_int_equal(count_code(wrong_alone[i].code), 1);
		assert_int_equal(count_code("E103"), 1);
		assert_int_equal(report.n_errors, 2);
		assert_int_equal(candidate.n_kept, 0);
		assert_int_equal(candidate.good.n, 2);
		assert_int_equal(candidate.policy->n_tunnels, 0);
		assert_int_equal(candidate.policy->n_apps, 1);
	}
	clear();
}

/* One that was good stays as it was; the other changed files apply. */
static void test_alone_kept(void **ctx)
{
	(void)ctx;
	put_host("");
	put_data("a.plist", "seed/application-attributes.plist");
	put_data("b.plist", "seed/per-app-vpn.mobileconfig");
	assert_int_equal(read_all(), 0);
	put_data("a.plist", "reject/E103-truncated.plist");
	put_data("c.plist", "reject/E322-links.plist");
	for (size_t i = 0; i < N_WRONG_ALONE; i++) {
		put_data("b.plist", wrong_alone[i].file);
		assert_int_equal(read_all(), 0);
		assert_int_equal(count_code(wrong_alone[i].code), 1);
		assert_int_equal(count_code("E103"), 1);
		assert_int_equal(report.n_errors, 2);
		assert_int_equal(candidate.n_kept, 2);
		assert_non_null(policy_find_tunnel(candidate.policy, TUNNEL));
		assert_int_equal(candidate.policy->n_apps, 2);
	}
	clear();
}

#define BOUND(uuid, interface)                                                 \
	"<key>" uuid                                                           \
	"</key><dict><key>Interface</key><string>" interface "</string></"     \
	"dict>"

/* The host file alone: its last good version, and the demands in that. */
static void test_alone_host(void **ctx)
{
	const struct tunnel *tunnel;

	(void)ctx;
	put_data("a.plist", "seed/per-app-vpn.mobileconfig");
	put_host("<key>Tunnels</key><dict>" BOUND(TUNNEL, "tun0") "</dict>");
	assert_int_equal(read_all(), 0);
	put_host("<key>RequireSignature</key><true/>"
		 "<key>AllowedSigners</key><array><string>" EC
		 "</string></array><key>Tunnels</key><dict>" BOUND(
			 TUNNEL, "tun1") BOUND("b", "tun1") "</dict>");
	put_data("b.plist", "seed/application-attributes.plist");
	assert_int_equal(read_all(), 0);
	assert_int_equal(count_code("E326"), 1);
	assert_int_equal(candidate.n_kept, 1);
	assert_int_equal(candidate.policy->n_apps, 1);
	tunnel = policy_find_tunnel(candidate.policy, TUNNEL);
	assert_non_null(tunnel);
	assert_string_equal(tunnel->interface, "tun0");
	clear();
}

/* A host file among the profiles is that file's mistake, and speaks for none.
 */
static void test_stray_host(void **ctx)
{
	(void)ctx;
	put_host("");
	put_data("a.plist", "seed/host.plist");
	put_data("b.plist", "seed/application-attributes.plist");
	assert_int_equal(read_all(), 0);
	assert_int_equal(count_code("E329"), 1);
	assert_int_equal(candidate.policy->n_apps, 1);
	assert_int_equal(candidate.policy->apps[0].n_selectors, 0);
	assert_int_equal(unlink_host(), 0);
	assert_int_equal(read_all(), 0);
	assert_int_equal(count_code("E329"), 1);
	assert_int_equal(candidate.policy->apps[0].n_selectors, 0);
	clear();
}

/* Nobody changed the profile: that it is unbound now is the host file's word.
 */
static void test_between(void **ctx)
{
	static const char *const pairs[][2] = {
		{ "reject/E321-files.plist", "reject/E321-files.2.plist" },
		{ "reject/E322-links.plist", "reject/E322-links.2.plist" },
	};

	(void)ctx;
	put_host("<key>Tunnels</key><dict>" BOUND("u1", "tun0") "</dict>");
	put_data("a.plist", "reject/E330-type.plist");
	assert_int_equal(read_all(), 0);
	assert_int_equal(report.n_errors, 0);
	put_host("");
	assert_int_equal(read_all(), -EBADMSG);
	assert_int_equal(count_code("E330"), 1);

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		put_data("a.plist", pairs[i][0]);
		put_data("b.plist", pairs[i][1]);
		assert_int_equal(unlink_host(), 0);
		assert_int_equal(read_all(), -EBADMSG);
		assert_null(candidate.policy);
	}
	put_data("b.plist", "reject/E325-facts.plist");
	unlink_data("a.plist");
	put_host_data("reject/E325-facts.2.plist");
	assert_int_equal(read_all(), -EBADMSG);
	assert_true(count_code("E325") > 0);
	clear();
}

/* A check of the files counts what is installed in, and only looks at it. */
static void test_check(void **ctx)
{
	struct installed_view view = { 0 };
	struct installed *peeked = NULL;
	struct input_list inputs = { 0 };
	struct check check = { 0 };
	char missing[128];

	(void)ctx;
	put_host("");
	install_data("seed/per-app-vpn.mobileconfig");
	put_data("a.plist", "seed/application-attributes.plist");
	assert_int_equal(installed_peek(state, &peeked), 0);
	assert_int_equal(installed_view(peeked, &view), 0);
	assert_int_equal(installed_disable(&view, TUNNEL, true), 0);
	assert_int_equal(inputs_add_dir(&inputs, policy_dir, INPUT_ANYONE,
					&check.report),
			 0);
	assert_int_equal(check_run(&check, &inputs, &view), 0);
	assert_true(check_valid(&check));
	assert_int_equal(check.all.n, 2);
	assert_int_equal(check.policy->apps[0].tunnel, 0);
	assert_true(check.policy->tunnels[0].disabled);
	check_clear(&check);

	assert_int_equal(check_run(&check, &inputs, NULL), 0);
	assert_int_equal(check.policy->n_tunnels, 0);
	check_clear(&check);
	inputs_clear(&inputs);

	put_data("b.plist", "seed/per-app-vpn.mobileconfig");
	assert_int_equal(inputs_add_dir(&inputs, policy_dir, INPUT_ANYONE,
					&check.report),
			 0);
	assert_int_equal(check_run(&check, &inputs, &view), 0);
	assert_false(check_valid(&check));
	assert_int_equal(check.report.n_errors, 2);
	check_clear(&check);
	inputs_clear(&inputs);
	installed_view_clear(&view);
	installed_close(peeked);

	snprintf(missing, sizeof(missing), "%s/none", dir);
	assert_int_equal(installed_peek(missing, &peeked), 0);
	assert_int_equal(installed_view(peeked, &view), 0);
	assert_int_equal(json_array_size(installed_items(&view)), 0);
	assert_int_equal(access(missing, F_OK), -1);
	installed_view_clear(&view);
	installed_close(peeked);
}

/* A profile whose time is over is told of, and governs nothing. */
static void test_check_over(void **ctx)
{
	struct input_list inputs = { 0 };
	struct check check = { 0 };

	(void)ctx;
	put_data("a.plist", "together/W370-removal.plist");
	assert_int_equal(inputs_add_dir(&inputs, policy_dir, INPUT_ANYONE,
					&check.report),
			 0);
	assert_int_equal(check_run(&check, &inputs, NULL), 0);
	assert_true(check_valid(&check));
	assert_int_equal(check.over.n, 1);
	assert_int_equal(check.policy->n_tunnels, 0);
	check_clear(&check);
	inputs_clear(&inputs);
}

/* However long the key path, place and code of a finding are printed. */
static void test_long_path(void **ctx)
{
	char path[100000], *text = NULL;
	const struct place place = {
		.file = "f", .line = 3, .column = 7, .path = path
	};
	struct report long_one = { 0 };
	FILE *out;
	size_t n;

	(void)ctx;
	memset(path, 'k', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	out = open_memstream(&text, &n);
	assert_non_null(out);
	assert_int_equal(report_add(&long_one, "E312", &place, "v", "wrong"),
			 0);
	findings_print(&long_one, out);
	fclose(out);
	assert_int_equal(n, strlen("f:3:7: : wrong: 'v' [E312]\n") +
				    sizeof(path) - 1);
	assert_int_equal(strncmp(text, "f:3:7: k", 8), 0);
	assert_string_equal(text + n - 7, "[E312]\n");
	report_clear(&long_one);
	free(text);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, enter, leave)
	const struct CMUnitTest tests[] = {
		TEST(test_alone_new),  TEST(test_alone_kept),
		TEST(test_alone_host), TEST(test_between),
		TEST(test_stray_host), TEST(test_check),
		TEST(test_check_over), TEST(test_long_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
