/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What files and installed items make together; whose signature is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/daemon/candidate.h"
#include "loader/daemon/check.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/moment.h"
#include "loader/daemon/store.h"
#include "loader/util/file.h"
#include "policy/model/document.h"
#include "policy/plan/policy.h"

#define EC                                                                     \
	"sha256:"                                                              \
	"af3a766360be705bd528c8b4a986573f4f7a163ab7b53dd515efb7c228d7e8b0"
#define TUNNEL "d2773557-b535-414f-968a-5447d9c02d52"

static char dir[64], policy_dir[80], host_path[80], state[80];
static struct store *store;
static struct installed *installed;

static int enter(void **ctx)
{
	(void)ctx;
	strcpy(dir, "/tmp/test_candidate.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(policy_dir, sizeof(policy_dir), "%s/p", dir);
	snprintf(host_path, sizeof(host_path), "%s/host.plist", dir);
	snprintf(state, sizeof(state), "%s/state", dir);
	if (store_open(state, &store) < 0)
		return -1;
	return installed_open(state, &installed);
}

static int leave(void **ctx)
{
	char command[96];

	(void)ctx;
	store_close(store);
	installed_close(installed);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? 0 : -1;
}

static void put_bytes(const char *folder, const char *name, const void *bytes,
		      size_t len)
{
	int fd;

	assert_int_equal(dir_make(folder, 0755, &fd), 0);
	assert_int_equal(file_replace_at(fd, name, bytes, len, 0644), 0);
	close(fd);
}

static int unlink_host(void)
{
	return unlink(host_path) == 0 || errno == ENOENT ? 0 : -errno;
}

static void put_host(const char *keys)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "<plist version=\"1.0\"><dict><key>Apps</key><dict/>%s</dict>"
		 "</plist>",
		 keys);
	put_bytes(dir, "host.plist", text, strlen(text));
}

/* A file of the test data under another name. */
static void *read_data(const char *from, size_t *ret_len)
{
	char path[128];
	void *bytes = malloc(1 << 16);
	FILE *f;

	snprintf(path, sizeof(path), "tests/data/%s", from);
	f = fopen(path, "rb");
	assert_non_null(f);
	assert_non_null(bytes);
	*ret_len = fread(bytes, 1, 1 << 16, f);
	fclose(f);
	return bytes;
}

static void put_data(const char *name, const char *from)
{
	size_t len;
	void *bytes = read_data(from, &len);

	put_bytes(policy_dir, name, bytes, len);
	free(bytes);
}

/* Commits the file's bytes to the store. */
static void install(const void *bytes, size_t len)
{
	const struct moment first = { .wall = 1 };
	struct installed_view view = { 0 };
	struct document *document = NULL;
	struct report report = { 0 };

	assert_int_equal(document_parse("f", bytes, len, &report, &document),
			 0);
	assert_int_equal(installed_view(installed, &view), 0);
	assert_int_equal(
		installed_put(&view, document, "f", bytes, len, &first), 0);
	assert_int_equal(installed_commit(installed, &view), 0);
	installed_view_clear(&view);
	document_free(document);
	report_clear(&report);
}

static void install_data(const char *from)
{
	size_t len;
	void *bytes = read_data(from, &len);

	install(bytes, len);
	free(bytes);
}

static struct candidate candidate;
static struct report report;

static void clear(void)
{
	candidate_clear(&candidate);
	report_clear(&report);
}

static size_t count_code(const char *code)
{
	size_t n = 0;

	for (size_t i = 0; i < report.n; i++)
		n += !strcmp(report.findings[i].code, code);
	return n;
}

static struct candidate_source source_of(const struct installed_view *view)
{
	return (struct candidate_source){ .policy_dir = policy_dir,
					  .host_path = host_path,
					  .store = store,
					  .installed = view };
}

/* Reads everything anew, and on success has it as last good versions. */
static int read_all(void)
{
	struct installed_view view = { 0 };
	struct candidate_source source;
	int r;

	clear();
	assert_int_equal(installed_view(installed, &view), 0);
	source = source_of(&view);
	r = candidate_read(&candidate, &source, &report);
	if (r == 0)
		assert_int_equal(store_write(store, &candidate.good), 0);
	installed_view_clear(&view);
	return r;
}

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

/* Nobody changed the profile: that it is unbound now is the host file's word.
 */
static void test_between(void **ctx)
{
	static const char *const pairs[][2] = {
		{ "reject/E321-files.plist", "reject/E321-files.2.plist" },
		{ "reject/E322-links.plist", "reject/E322-links.2.plist" },
		{ "reject/E325-facts.plist", "reject/E325-facts.2.plist" },
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
		TEST(test_required),   TEST(test_required_later),
		TEST(test_alone_new),  TEST(test_alone_kept),
		TEST(test_alone_host), TEST(test_between),
		TEST(test_sha1),       TEST(test_installed),
		TEST(test_links),      TEST(test_disabled),
		TEST(test_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
