/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Profiles that end: by a date, after a duration, and whatever the clock does.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/daemon/alarm.h"
#include "loader/daemon/candidate.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/moment.h"
#include "loader/util/file.h"
#include "policy/model/document.h"
#include "policy/plan/policy.h"
#include "policy/read/report.h"
#include "tests/unit/state_fixture.h"

#define NOW 1000000

/* A profile with a tunnel named like it, and whatever keys come with it. */
static char *profile(const char *identifier, const char *more)
{
	static const char head[] =
		"<plist version=\"1.0\"><dict>"
		"<key>PayloadType</key><string>Configuration</string>"
		"<key>PayloadVersion</key><integer>1</integer>"
		"<key>PayloadUUID</key><string>u</string>";
	static const char vpn[] =
		"<key>PayloadType</key>"
		"<string>com.apple.vpn.managed.applayer</string>"
		"<key>PayloadVersion</key><integer>1</integer>"
		"<key>PayloadUUID</key><string>v</string>"
		"<key>PayloadDisplayName</key><string>v</string>"
		"<key>UserDefinedName</key><string>v</string>"
		"<key>VPNType</key><string>VPN</string>"
		"<key>VPNSubType</key><string>a.b</string>"
		"<key>VPN</key><dict><key>RemoteAddress</key>"
		"<string>192.0.2.1</string>"
		"<key>AuthenticationMethod</key><string>Password</string>"
		"</dict>";
	char *text = NULL;

	assert_true(asprintf(&text,
			     "%s<key>PayloadIdentifier</key><string>%s</string>"
			     "%s<key>PayloadContent</key><array><dict>%s"
			     "<key>PayloadIdentifier</key><string>%s.v</string>"
			     "<key>VPNUUID</key><string>%s</string>"
			     "</dict></array></dict></plist>",
			     head, identifier, more, vpn, identifier,
			     identifier) > 0);
	return text;
}

/* ---- installed ----------------------------------------------------------- */

static struct installed *open_store(void)
{
	struct installed *installed = NULL;

	assert_int_equal(installed_open(state, &installed), 0);
	return installed;
}

static void install(struct installed *installed, const char *identifier,
		    const char *more, const struct moment *now)
{
	char *text = profile(identifier, more);
	struct document *document = NULL;
	struct installed_view view = { 0 };
	struct report report = { 0 };

	assert_int_equal(
		document_parse("f", text, strlen(text), &report, &document), 0);
	assert_int_equal(installed_view(installed, &view), 0);
	assert_int_equal(installed_put(&view, document, "f", text, strlen(text),
				       now),
			 0);
	assert_int_equal(installed_commit(installed, &view), 0);
	installed_view_clear(&view);
	document_free(document);
	report_clear(&report);
	free(text);
}

/* As the daemon does it: puts the times right, then says how many are over. */
static size_t over(struct installed *installed, const struct moment *now)
{
	struct installed_view view = { 0 };
	size_t n;

	assert_int_equal(installed_view(installed, &view), 0);
	if (installed_adjust(&view, now))
		assert_int_equal(installed_commit(installed, &view), 0);
	installed_view_clear(&view);
	assert_int_equal(installed_view(installed, &view), 0);
	n = installed_expire(&view, now);
	installed_view_clear(&view);
	return n;
}

static void test_dates(void **ctx)
{
	static const char both[] = "<key>RemovalDate</key>"
				   "<date>1970-01-20T00:00:00Z</date>"
				   "<key>DurationUntilRemoval</key>"
				   "<real>500000</real>";
	const int64_t date = 19 * 86400;
	const struct moment first = { .wall = NOW },
			    again = { .wall = NOW + 400000 },
			    late = { .wall = date - 500 };
	struct installed *installed = open_store();

	(void)ctx;
	install(installed, "x", both, &first);
	assert_int_equal(installed_next_removal(installed, &first),
			 NOW + 500000);
	/* A new version does not start the time anew; the date is earlier. */
	install(installed, "x", both, &again);
	install(installed, "y", both, &late);
	assert_int_equal(installed_next_removal(installed, &first),
			 NOW + 500000);
	installed_close(installed);

	installed = open_store();
	assert_int_equal(
		over(installed, &(struct moment){ .wall = NOW + 499999 }), 0);
	assert_int_equal(
		over(installed, &(struct moment){ .wall = NOW + 500000 }), 1);
	assert_int_equal(over(installed, &(struct moment){ .wall = date - 1 }),
			 1);
	assert_int_equal(over(installed, &(struct moment){ .wall = date }), 2);
	installed_close(installed);
}

static const char duration[] = "<key>DurationUntilRemoval</key>"
			       "<real>500</real>";

/* The clock is set while the machine runs: the duration takes no notice. */
static void test_clock_set(void **ctx)
{
	struct installed *installed = open_store();

	(void)ctx;
	install(installed, "x", duration, &(struct moment){ 1000, 50, "a" });
	assert_int_equal(
		over(installed, &(struct moment){ NOW + 100, 150, "a" }), 0);
	assert_int_equal(
		installed_next_removal(installed,
				       &(struct moment){ NOW + 100, 150, "a" }),
		NOW + 500);
	/* Backwards, over a restart of splitd, and to its end. */
	assert_int_equal(over(installed, &(struct moment){ 10, 549, "a" }), 0);
	installed_close(installed);
	installed = open_store();
	assert_int_equal(over(installed, &(struct moment){ 20, 549, "a" }), 0);
	assert_int_equal(over(installed, &(struct moment){ 21, 550, "a" }), 1);
	installed_close(installed);
}

/* Over a reboot the wall clock counts, as it was put right before. */
static void test_reboot(void **ctx)
{
	struct installed *installed = open_store();

	(void)ctx;
	install(installed, "x", duration, &(struct moment){ 1000, 50, "a" });
	assert_int_equal(
		over(installed, &(struct moment){ NOW + 100, 150, "a" }), 0);
	assert_int_equal(over(installed, &(struct moment){ NOW + 499, 5, "b" }),
			 0);
	assert_int_equal(over(installed, &(struct moment){ NOW + 500, 6, "b" }),
			 1);
	/* It says 1970 again: no more is sure than that the machine runs. */
	assert_int_equal(over(installed, &(struct moment){ 510, 499, "c" }), 0);
	assert_int_equal(over(installed, &(struct moment){ 511, 500, "c" }), 1);
	/* That was not written down: the right time is still known. */
	assert_int_equal(
		installed_next_removal(installed,
				       &(struct moment){ NOW + 300, 100, "c" }),
		NOW + 500);
	/* Which boot this is cannot be told. */
	assert_int_equal(over(installed, &(struct moment){ 511, 500, "" }), 0);
	installed_close(installed);
}

static void test_moment(void **ctx)
{
	struct moment now, later;

	(void)ctx;
	moment_now(&now);
	moment_now(&later);
	assert_int_equal(strlen(now.boot), 36);
	assert_true(moment_same_boot(&now, &later));
	assert_in_range(later.uptime - now.uptime, 0, 1);
	assert_in_range(later.wall - now.wall, 0, 1);
	later.boot[0] = now.boot[0] = '\0';
	assert_false(moment_same_boot(&now, &later));
}

/* ---- in the directory ---------------------------------------------------- */

static void put(const char *identifier, const char *date)
{
	char more[128], path[96], name[32], *text;
	int fd;

	snprintf(more, sizeof(more), "<key>RemovalDate</key><date>%s</date>",
		 date);
	snprintf(path, sizeof(path), "%s/p", dir);
	snprintf(name, sizeof(name), "%s.plist", identifier);
	text = profile(identifier, more);
	assert_int_equal(dir_make(path, 0755, &fd), 0);
	assert_int_equal(file_replace_at(fd, name, text, strlen(text), 0644),
			 0);
	close(fd);
	free(text);
}

static void test_directory(void **ctx)
{
	char policy_dir[96], host[96];
	const struct candidate_source source = { .policy_dir = policy_dir,
						 .host_path = host };
	struct candidate candidate = { 0 };
	struct report report = { 0 };

	(void)ctx;
	snprintf(policy_dir, sizeof(policy_dir), "%s/p", dir);
	snprintf(host, sizeof(host), "%s/host.plist", dir);
	put("older", "2000-01-01T00:00:00Z");
	put("old", "2001-01-01T00:00:00Z");
	put("new", "2200-01-01T00:00:00Z");
	put("newer", "2201-01-01T00:00:00Z");
	assert_int_equal(candidate_read(&candidate, &source, &report), 0);
	assert_int_equal(report.n_errors, 0);
	assert_int_equal(candidate.policy->n_tunnels, 2);
	assert_non_null(policy_find_tunnel(candidate.policy, "new"));
	assert_non_null(policy_find_tunnel(candidate.policy, "newer"));
	assert_int_equal(candidate.from, 978307200);   /* 2001 */
	assert_int_equal(candidate.until, 7258118400); /* 2200 */
	/* Good files all the same: the last good ones are what they say. */
	assert_int_equal(candidate.good.n, 4);
	candidate_clear(&candidate);
	report_clear(&report);
}

/* ---- the alarm ----------------------------------------------------------- */

/* By a microsecond, which nobody else notices: set is set. */
static int step_clock(int usec)
{
	struct timex step = { .modes = ADJ_SETOFFSET };

	step.time.tv_sec = usec < 0 ? -1 : 0;
	step.time.tv_usec = usec < 0 ? 1000000 + usec : usec;
	return adjtimex(&step) < 0 ? -errno : 0;
}

static bool rung;

static void ring(void *ctx)
{
	(void)ctx;
	rung = true;
}

static bool rings(int loop, int ms)
{
	struct pollfd poll_fd = { .fd = loop, .events = POLLIN };

	rung = false;
	return poll(&poll_fd, 1, ms) == 1 && loop_run(loop, &rung) == 0;
}

static void test_alarm(void **ctx)
{
	struct alarm clock;
	int loop = loop_new();
	struct moment now;

	(void)ctx;
	moment_now(&now);
	assert_int_equal(alarm_open(&clock, loop, ring, NULL), 0);
	assert_int_equal(alarm_set(&clock, INT64_MAX), 0);
	assert_false(rings(loop, 0));
	assert_int_equal(alarm_set(&clock, now.wall + 1), 0);
	assert_true(rings(loop, 5000));
	assert_int_equal(alarm_set(&clock, INT64_MIN), 0);
	assert_true(rings(loop, 5000));
	alarm_close(&clock);
	close(loop);
}

static void test_alarm_clock_set(void **ctx)
{
	struct alarm clock;
	int loop = loop_new();

	(void)ctx;
	assert_int_equal(alarm_open(&clock, loop, ring, NULL), 0);
	assert_int_equal(alarm_set(&clock, INT64_MAX), 0);
	if (step_clock(1) == -EPERM)
		skip();
	assert_true(rings(loop, 5000));
	assert_int_equal(alarm_set(&clock, INT64_MAX), 0);
	assert_false(rings(loop, 0));

	/* Set anew before anybody has looked: that is not lost. */
	assert_int_equal(step_clock(-1), 0);
	assert_int_equal(alarm_set(&clock, INT64_MAX), 0);
	assert_true(rings(loop, 5000));
	assert_int_equal(alarm_set(&clock, INT64_MAX), 0);
	assert_false(rings(loop, 0));
	alarm_close(&clock);
	close(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dates, make_state,
						remove_state),
		cmocka_unit_test_setup_teardown(test_clock_set, make_state,
						remove_state),
		cmocka_unit_test_setup_teardown(test_reboot, make_state,
						remove_state),
		cmocka_unit_test(test_moment),
		cmocka_unit_test_setup_teardown(test_directory, make_state,
						remove_state),
		cmocka_unit_test(test_alarm),
		cmocka_unit_test(test_alarm_clock_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
