/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reload makes of good, bad and contradicting files; who may ask. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <seccomp.h>

#include "loader/daemon/candidate.h"
#include "loader/daemon/daemon.h"
#include "loader/daemon/loop.h"
#include "loader/daemon/requests.h"
#include "loader/daemon/store.h"
#include "loader/daemon/watch.h"
#include "loader/util/file.h"
#include "policy/plan/policy.h"

static char dir[64];
static struct store *store;

static int enter_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_reload.XXXXXX");
	return mkdtemp(dir) && chdir(dir) == 0 ? store_open("state", &store) :
						 -1;
}

static int leave_dir(void **state)
{
	char command[128];

	(void)state;
	store_close(store);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void put(const char *folder, const char *name, const char *text)
{
	int fd;

	assert_int_equal(dir_make(folder, 0755, &fd), 0);
	assert_int_equal(file_replace_at(fd, name, text, strlen(text), 0644),
			 0);
	close(fd);
}

/* A command that links the app to the tunnel. */
static void put_link(const char *name, const char *app, const char *uuid)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "<plist version=\"1.0\"><dict><key>Command</key><dict>"
		 "<key>RequestType</key><string>Settings</string>"
		 "<key>Settings</key><array><dict>"
		 "<key>Item</key><string>ApplicationAttributes</string>"
		 "<key>Identifier</key><string>%s</string>"
		 "<key>Attributes</key><dict><key>VPNUUID</key>"
		 "<string>%s</string></dict></dict></array></dict>"
		 "<key>CommandUUID</key><string>c</string></dict></plist>",
		 app, uuid);
	put("p", name, text);
}

static struct candidate_source source(void)
{
	return (struct candidate_source){
		.policy_dir = "p",
		.host_path = "host.plist",
		.store = store,
	};
}

/* Reads everything; on success the apps' ids and the store are as expected. */
static int read_all(const char *first, const char *second, size_t n_errors)
{
	struct candidate candidate = { 0 };
	const struct candidate_source from = source();
	struct report report = { 0 };
	int r = candidate_read(&candidate, &from, &report);

	assert_int_equal(report.n_errors, n_errors);
	if (r == 0) {
		assert_int_equal(candidate.policy->n_apps, !!first + !!second);
		if (first)
			assert_string_equal(candidate.policy->apps[0].id,
					    first);
		if (second)
			assert_string_equal(candidate.policy->apps[1].id,
					    second);
		assert_int_equal(store_write(store, &candidate.good), 0);
	}
	candidate_clear(&candidate);
	report_clear(&report);
	return r;
}

static void test_nothing(void **state)
{
	(void)state;
	assert_int_equal(read_all(NULL, NULL, 0), 0);
}

static void test_last_good(void **state)
{
	(void)state;
	put_link("a.plist", "app.a", "u");
	put_link("b.plist", "app.b", "u");
	assert_int_equal(read_all("app.a", "app.b", 0), 0);

	/* a is bad and stays as it was; b's change applies. */
	put("p", "a.plist", "<plist");
	put_link("b.plist", "app.c", "u");
	assert_int_equal(read_all("app.a", "app.c", 1), 0);
	/* The bad one did not get into the store. */
	assert_int_equal(read_all("app.a", "app.c", 1), 0);

	/* A file that is gone is gone, bad or not. */
	assert_int_equal(unlink("p/a.plist"), 0);
	assert_int_equal(read_all("app.c", NULL, 0), 0);
	put("p", "a.plist", "<plist");
	assert_int_equal(read_all("app.c", NULL, 1), 0);
}

/* Of a VPN type that nothing binds. */
#define BAD_TYPE                                                               \
	"<dict><key>PayloadType</key>"                                         \
	"<string>com.apple.vpn.managed.applayer</string>"                      \
	"<key>PayloadVersion</key><integer>1</integer>"                        \
	"<key>PayloadIdentifier</key><string>p.v</string>"                     \
	"<key>PayloadUUID</key>"                                               \
	"<string>00000000-0000-0000-0000-000000000002</string>"                \
	"<key>UserDefinedName</key><string>n</string>"                         \
	"<key>VPNUUID</key><string>u</string>"                                 \
	"<key>VPNType</key><string>L2TP</string></dict>"

/* A last good version that cannot be read is not the same as none. */
static void test_unreadable(void **state)
{
	(void)state;
	put_link("a.plist", "app.a", "u");
	assert_int_equal(read_all("app.a", NULL, 0), 0);
	put("p", "a.plist", "<plist");
	assert_int_equal(unlink("state/last-good/policy/a.plist"), 0);
	assert_int_equal(mkdir("state/last-good/policy/a.plist", 0700), 0);
	assert_int_equal(read_all(NULL, NULL, 1), -EISDIR);

	/* Nor where only the compiler sees that the file is wrong. */
	put("p", "a.plist",
	    "<plist version=\"1.0\"><dict><key>PayloadType</key>"
	    "<string>Configuration</string><key>PayloadVersion</key>"
	    "<integer>1</integer><key>PayloadIdentifier</key><string>p</string>"
	    "<key>PayloadUUID</key>"
	    "<string>00000000-0000-0000-0000-000000000001</string>"
	    "<key>PayloadContent</key><array>" BAD_TYPE "</array>"
	    "</dict></plist>");
	assert_int_equal(read_all(NULL, NULL, 1), -EISDIR);
}

/* From here on every parser fails: write kills it, or no limit can be set. */
static void break_parsers(bool confined)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	assert_non_null(filter);
	if (confined)
		r = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS,
				     SCMP_SYS(write), 1,
				     SCMP_A0(SCMP_CMP_EQ, 3));
	else
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
				     SCMP_SYS(prlimit64), 0);
	assert_int_equal(r, 0);
	assert_int_equal(seccomp_load(filter), 0);
	seccomp_release(filter);
}

static int read_broken(bool confined, bool stored)
{
	struct candidate candidate = { 0 };
	const struct candidate_source from = source();
	struct report report = { 0 };
	int r;

	break_parsers(confined);
	r = stored ? candidate_restore(&candidate, &from, &report) :
		     candidate_read(&candidate, &from, &report);
	if (candidate.policy || !report.n ||
	    strcmp(report.findings[report.n - 1].code, "E199") != 0)
		return 0;
	return -r;
}

/* In a child, since there is no way back; the errno it came to. */
static int try_broken(bool confined, bool stored)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(read_broken(confined, stored));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* What was good stays in force when it is its parser that fails. */
static void test_parser(void **state)
{
	(void)state;
	put_link("a.plist", "app.a", "u");
	assert_int_equal(read_all("app.a", NULL, 0), 0);
	assert_int_equal(try_broken(true, false), EIO);
	assert_int_equal(try_broken(true, true), EIO);
	assert_int_equal(try_broken(false, false), EPERM);
	assert_int_equal(try_broken(false, true), EPERM);
}

#define HOST                                                                   \
	"<plist version=\"1.0\"><dict><key>Apps</key><dict/></dict></plist>"

/* Nobody knows whose signatures a host file demands that never was good. */
static void test_blind(void **state)
{
	struct candidate candidate = { 0 };
	const struct candidate_source from = source();
	struct document *document = NULL;
	struct report report = { 0 };

	(void)state;
	put_link("a.plist", "app.a", "u");
	put(".", "host.plist", "<plist");
	assert_int_equal(candidate_read(&candidate, &from, &report), -EBADMSG);
	assert_true(candidate.blind);
	assert_null(candidate.policy);
	assert_int_equal(report.n_errors, 1);
	candidate_clear(&candidate);
	report_clear(&report);

	/* Nor what is to be installed. */
	assert_int_equal(candidate_parse(&from, "f", HOST, strlen(HOST),
					 &report, &document),
			 -EBADMSG);
	assert_null(document);
	assert_string_equal(report.findings[0].file, "host.plist");
	report_clear(&report);

	/* What was in force without it can be had back; and it does not last.
	 */
	put(".", "host.plist", HOST);
	assert_int_equal(read_all("app.a", NULL, 0), 0);
	put(".", "host.plist", "<plist");
	assert_int_equal(read_all("app.a", NULL, 1), 0);
}

/* What was there is told by what was read, not by another look. */
static void test_gone(void **state)
{
	struct candidate candidate = { 0 };
	struct candidate_source from = source();
	struct report report = { 0 };

	(void)state;
	assert_int_equal(candidate_read(&candidate, &from, &report), 0);
	assert_false(candidate.good.had_dir);
	assert_false(candidate.good.had_host);
	candidate_clear(&candidate);

	put_link("a.plist", "app.a", "u");
	put(".", "host.plist", HOST);
	from.dir_was_there = from.host_was_there = true;
	assert_int_equal(candidate_read(&candidate, &from, &report), 0);
	assert_true(candidate.good.had_dir);
	assert_true(candidate.good.had_host);
	assert_int_equal(store_write(store, &candidate.good), 0);
	candidate_clear(&candidate);

	assert_int_equal(candidate_restore(&candidate, &from, &report), 0);
	assert_true(candidate.good.had_dir);
	assert_true(candidate.good.had_host);
	candidate_clear(&candidate);

	assert_int_equal(unlink("host.plist"), 0);
	assert_int_equal(candidate_read(&candidate, &from, &report), -EBADMSG);
	assert_string_equal(report.findings[report.n - 1].file, "host.plist");
	candidate_clear(&candidate);
	report_clear(&report);
}

/* As long as a name may be: it and its neighbours are stored. */
static void test_long_name(void **state)
{
	char name[256];

	(void)state;
	memset(name, 'a', 255);
	strcpy(name + 255 - 6, ".plist");
	put_link(name, "app.a", "u");
	put_link("b.plist", "app.b", "u");
	assert_int_equal(read_all("app.a", "app.b", 0), 0);
	put("p", name, "<plist");
	put("p", "b.plist", "<plist");
	assert_int_equal(read_all("app.a", "app.b", 2), 0);
}

static void test_contradiction(void **state)
{
	struct candidate candidate = { 0 };
	const struct candidate_source from = source();
	struct report report = { 0 };

	(void)state;
	assert_int_equal(candidate_restore(&candidate, &from, &report),
			 -ENOENT);
	put_link("a.plist", "app.a", "u");
	assert_int_equal(read_all("app.a", NULL, 0), 0);
	put_link("b.plist", "app.a", "other");
	assert_int_equal(read_all(NULL, NULL, 1), -EBADMSG);

	/* What was in force can be had back. */
	assert_int_equal(candidate_restore(&candidate, &from, &report), 0);
	assert_int_equal(candidate.policy->n_apps, 1);
	assert_string_equal(candidate.policy->apps[0].linked_uuid, "u");
	candidate_clear(&candidate);
	report_clear(&report);
}

/* ---- requests ---------------------------------------------------------- */

static void expect_refused(uid_t uid, const char *request, const char *why)
{
	const struct ucred peer = { .uid = uid };
	json_t *json = json_loads(request, 0, NULL);
	json_t *answer = NULL;
	const char *error;

	assert_int_equal(request_answer(NULL, &peer, json, 1, &answer), 0);
	error = json_string_value(json_object_get(answer, "error"));
	assert_true(json_is_false(json_object_get(answer, "ok")));
	assert_non_null(strstr(error, why));
	json_decref(answer);
	json_decref(json);
}

static void test_requests(void **state)
{
	uid_t other = geteuid() + 1000;

	(void)state;
	expect_refused(other, "{\"command\":\"reload\"}", "is for root");
	expect_refused(other, "{\"command\":\"reload\",\"plan\":true}",
		       "is for root");
	expect_refused(0, "{\"command\":\"format\"}", "unknown command");
	expect_refused(0, "{\"command\":1}", "no command");
	expect_refused(0, "{\"command\":\"explain\"}", "not an address");
	expect_refused(other,
		       "{\"command\":\"explain\",\"address\":\"example.org\"}",
		       "not an address");
}

/* ---- watch ------------------------------------------------------------- */

static bool woken;

static void wake(void *ctx)
{
	(void)ctx;
	woken = true;
}

/* alarm() bounds it: a change that goes unnoticed kills the test. */
static void expect_wake(int loop)
{
	woken = false;
	alarm(10);
	assert_int_equal(loop_run(loop, &woken), 0);
	alarm(0);
}

static void test_watch(void **state)
{
	struct watch *watch = NULL;
	int loop = loop_new();
	char policy[96], host[96];

	(void)state;
	snprintf(policy, sizeof(policy), "%s/etc/splitd/policy.d", dir);
	snprintf(host, sizeof(host), "%s/etc/splitd/host.plist", dir);
	assert_int_equal(watch_open(policy, host, loop, wake, NULL, &watch), 0);

	/* Neither is there yet; both come, change, and go. */
	put("etc/splitd", "host.plist", "1");
	expect_wake(loop);
	put("etc/splitd", "host.plist", "2");
	expect_wake(loop);
	put("etc/splitd/policy.d", "a.plist", "1");
	expect_wake(loop);
	assert_int_equal(chmod("etc/splitd/policy.d/a.plist", 0664), 0);
	expect_wake(loop);
	assert_int_equal(unlink("etc/splitd/policy.d/a.plist"), 0);
	expect_wake(loop);
	assert_int_equal(rmdir("etc/splitd/policy.d"), 0);
	expect_wake(loop);
	put("etc/splitd/policy.d", "b.plist", "1");
	expect_wake(loop);
	assert_false(watch_is_blind(watch));

	/* What cannot be watched is told, and watched once it can be. */
	assert_int_equal(rename("etc/splitd/policy.d", "etc/away"), 0);
	assert_int_equal(symlink("policy.d", "etc/splitd/policy.d"), 0);
	expect_wake(loop);
	assert_true(watch_is_blind(watch));
	assert_int_equal(unlink("etc/splitd/policy.d"), 0);
	put("etc/splitd/policy.d", "c.plist", "1");
	expect_wake(loop);
	assert_false(watch_is_blind(watch));
	put("etc/splitd/policy.d", "d.plist", "1");
	expect_wake(loop);
	watch_close(watch);
	close(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, enter_dir,
						leave_dir),
		cmocka_unit_test_setup_teardown(test_last_good, enter_dir,
						leave_dir),
		cmocka_unit_test_setup_teardown(test_unreadable, enter_dir,
						leave_dir),
		cmocka_unit_test_setup_teardown(test_parser, enter_dir,
						leave_dir),
		cmocka_unit_test_setup_teardown(test_blind, enter_dir,
						leave_dir),
		cmocka_unit_test_setup_teardown(test_gone, enter_dir,
						leave_dir),
		cmocka_unit_test_setup_teardown(test_long_name, enter_dir,
						leave_dir),
		cmocka_unit_test_setup_teardown(test_contradiction, enter_dir,
						leave_dir),
		cmocka_unit_test(test_requests),
		cmocka_unit_test_setup_teardown(test_watch, enter_dir,
						leave_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
