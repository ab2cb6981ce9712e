/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: what is installed governs, over restarts, until it is removed. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define PROFILE	   "policy/vpn.mobileconfig"
#define COMMAND	   "policy/apps.plist"
#define IDENTIFIER "com.example.lab"

static const char uuid[] = "d2773557-b535-414f-968a-5447d9c02d52";

/* splitctl COMMAND ARGUMENT: exits so, and its words name all of these. */
static int says(struct life *life, int status, const char *command,
		const char *argument, const char *const names[3])
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	int r = ctl_run(life, 0, &ctl, command, argument, NULL);

	if (r >= 0 && ctl.status != status)
		return life_no(life, "%s exits %d, not %d: %s%s", command,
			       ctl.status, status, ctl.out, ctl.err);
	for (unsigned i = 0; r >= 0 && i < 3 && names && names[i]; i++) {
		if (!strstr(ctl.out, names[i]) && !strstr(ctl.err, names[i]))
			r = life_no(life, "%s does not name %s: %s%s", command,
				    names[i], ctl.out, ctl.err);
	}
	return r;
}

/* The files answer as the daemon does: what is installed counts. */
static int offline(struct life *life, const char *const names[3])
{
	char policy[LAB_PATH + 32], host[LAB_PATH + 32], state[LAB_PATH + 32];
	_cleanup_ctl_ struct ctl explained = { 0 }, checked = { 0 };
	int r;

	snprintf(policy, sizeof(policy), "--policy=%s/policy", life->lab->dir);
	snprintf(host, sizeof(host), "--host=%s/host.plist", life->lab->dir);
	snprintf(state, sizeof(state), "--state=%s/state", life->lab->dir);
	r = ctl_run(life, 0, &explained, "explain", policy, host, state,
		    "--app", "com.example.listed", "1.1.1.1", NULL);
	for (unsigned i = 0; r >= 0 && i < 3 && names[i]; i++) {
		if (explained.status || !strstr(explained.out, names[i]))
			r = life_no(life, "explain --state exits %d: %s%s",
				    explained.status, explained.out,
				    explained.err);
	}
	if (r >= 0)
		r = ctl_run(life, 0, &checked, "--check", policy, host, state,
			    NULL);
	if (r >= 0 &&
	    (checked.status || !strstr(checked.out, "installed:" IDENTIFIER)))
		r = life_no(life, "splitd --check exits %d: %s%s",
			    checked.status, checked.out, checked.err);
	return r;
}

static int install(struct life *life, const char *file)
{
	char path[LAB_PATH + 64];

	snprintf(path, sizeof(path), "%s/saved/%s", life->lab->dir, file);
	return says(life, 0, "install", path, NULL);
}

static int restart(struct life *life, int sig)
{
	int r = daemon_stop(life->lab, sig);

	if (r >= 0)
		r = daemon_start(life->lab);
	return r < 0 ? life_no(life, "restart: %s", strerror(-r)) : 0;
}

static int direct(struct life *life)
{
	return life_goes(life, APP_LISTED, DST_LISTED, SIDE_UPLINK);
}

/* Nothing in the directory, both files installed, the command first. */
static int comes(struct life *life)
{
	int r;

	file_remove(life, PROFILE);
	file_remove(life, COMMAND);
	r = ctl_reload(life, 0);
	if (r >= 0)
		r = direct(life);
	if (r >= 0)
		r = install(life, "apps.plist");
	if (r >= 0)
		r = direct(life);
	if (r >= 0)
		r = install(life, "vpn.mobileconfig");
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0)
		r = offline(life, (const char *const[3]){ "tunnel: ", uuid });
	/* Once more is no second. */
	if (r >= 0)
		r = install(life, "vpn.mobileconfig");
	if (r >= 0)
		r = says(life, 0, "list", "--json",
			 (const char *const[3]){ IDENTIFIER, "Settings" });
	if (r >= 0)
		r = restart(life, SIGTERM);
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0)
		r = restart(life, SIGKILL);
	return r < 0 ? r : life_governed(life);
}

static int switches(struct life *life)
{
	int r = says(life, 0, "disable", uuid, NULL);

	if (r >= 0)
		r = ctl_state(life, "disabled", 0);
	if (r >= 0)
		r = direct(life);
	if (r >= 0)
		r = restart(life, SIGTERM);
	if (r >= 0)
		r = ctl_state(life, "disabled", 0);
	if (r >= 0)
		r = direct(life);
	if (r >= 0)
		r = offline(life,
			    (const char *const[3]){ "direct: ", "is disabled",
						    "splitctl enable" });
	if (r >= 0)
		r = says(life, 0, "enable", uuid, NULL);
	if (r >= 0)
		r = ctl_state(life, "up", 5000);
	if (r >= 0)
		r = life_governed(life);
	return r < 0 ? r : says(life, 1, "disable", "no-such-tunnel", NULL);
}

/* Installed and in the directory: neither is taken for the other. */
static int twice(struct life *life)
{
	static const char *const both[3] = { ("installed:" IDENTIFIER),
					     "vpn.mobileconfig", "E321" };
	int r = file_edit(life, PROFILE, "", "");

	if (r >= 0)
		r = says(life, 1, "reload", "--plan", both);
	if (r >= 0)
		r = says(life, 1, "reload", "--json", both);
	if (r >= 0)
		r = life_governed(life);
	file_remove(life, PROFILE);
	return r < 0 ? r : ctl_reload(life, 0);
}

static int goes(struct life *life)
{
	static const char *const there[3] = { "vpn.mobileconfig" };
	char path[LAB_PATH + 64];
	int r = says(life, 0, "remove", IDENTIFIER, NULL);

	if (r >= 0)
		r = direct(life);
	if (r >= 0)
		r = restart(life, SIGTERM);
	if (r >= 0)
		r = direct(life);
	if (r >= 0)
		r = says(life, 1, "remove", IDENTIFIER, NULL);

	/* From the directory, which remove does not reach. */
	if (r >= 0)
		r = file_edit(life, PROFILE, "", "");
	if (r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0)
		r = says(life, 1, "remove", IDENTIFIER, there);
	snprintf(path, sizeof(path), "%s/saved/vpn.mobileconfig",
		 life->lab->dir);
	if (r >= 0)
		r = says(life, 1, "install", path, there);
	return r < 0 ? r : life_governed(life);
}

/* A command's answer is the one its server expects. */
static int answers(struct life *life)
{
	static const char *const shapes[][2] = {
		{ "--plist", "<key>Status</key>\n<string>Acknowledged" },
		{ "--json", "\"Status\": \"Acknowledged\"" },
	};
	char path[LAB_PATH + 64];
	int r = 0;

	snprintf(path, sizeof(path), "%s/saved/apps.plist", life->lab->dir);
	for (unsigned i = 0; i < 2 && r >= 0; i++) {
		_cleanup_ctl_ struct ctl ctl = { 0 };

		r = ctl_run(life, 0, &ctl, "install", shapes[i][0], path, NULL);
		if (r >= 0 &&
		    (ctl.status != 0 || !strstr(ctl.out, shapes[i][1])))
			r = life_no(life, "install %s exits %d: %s%s",
				    shapes[i][0], ctl.status, ctl.out, ctl.err);
	}
	return r;
}

/* What cannot be obeyed changes nothing, and is told in the same shape. */
static int refuses(struct life *life)
{
	static const char gone[] =
		"<plist version=\"1.0\"><dict><key>CommandUUID</key>"
		"<string>c</string><key>Command</key><dict>"
		"<key>RequestType</key><string>RemoveProfile</string>"
		"<key>Identifier</key><string>no.such.profile</string>"
		"</dict></dict></plist>";
	static const char *const names[3] = { "E363",
					      "gone:1:", "no.such.profile" };
	_cleanup_ctl_ struct ctl ctl = { 0 };
	char path[LAB_PATH + 64];
	int r = file_put(life, "gone", gone);

	snprintf(path, sizeof(path), "%s/gone", life->lab->dir);
	if (r >= 0)
		r = ctl_run(life, 0, &ctl, "install", "--json", path, NULL);
	if (r >= 0 && (ctl.status != 1 || !strstr(ctl.out, "ErrorChain")))
		r = life_no(life, "install --json exits %d: %s%s", ctl.status,
			    ctl.out, ctl.err);
	if (r >= 0)
		r = says(life, 1, "install", path, names);
	if (r >= 0)
		r = file_put(life, "gone", "<plist");
	if (r >= 0)
		r = says(life, 1, "install", path,
			 (const char *const[3]){ "E103", "gone:1:" });
	return r < 0 ? r : life_governed(life);
}

static int store(struct life *life)
{
	int r = comes(life);

	if (r >= 0)
		r = answers(life);
	if (r >= 0)
		r = refuses(life);
	if (r >= 0)
		r = switches(life);
	if (r >= 0)
		r = twice(life);
	return r < 0 ? r : goes(life);
}

/* The lab's profile with an end, and with so many blanks before it. */
static int ending_put(struct life *life, unsigned seconds, size_t blanks)
{
	static const char find[] = "<key>PayloadVersion</key>";
	_cleanup_free_ char *text = malloc(blanks + 200);
	int r;

	if (!text)
		return -ENOMEM;
	memset(text, ' ', blanks);
	snprintf(text + blanks, 200,
		 "<key>DurationUntilRemoval</key><real>%u</real>\n%s", seconds,
		 find);
	r = file_edit(life, PROFILE, find, text);
	if (r >= 0)
		r = ctl_reload(life, 0);
	return r;
}

/* A profile with an end governs until then, and no longer. */
static int ends(struct life *life)
{
	char from[LAB_PATH + 64], to[LAB_PATH + 64];
	struct ask ask = { .app = APP_LISTED, .dst = DST_LISTED };
	int64_t end;
	int r = ending_put(life, 3, (size_t)3 << 20);

	snprintf(from, sizeof(from), "%s/" PROFILE, life->lab->dir);
	snprintf(to, sizeof(to), "%s/ending", life->lab->dir);
	if (r >= 0 && rename(from, to) < 0)
		r = -errno;
	if (r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0)
		r = direct(life);
	end = now_ms();
	if (r >= 0)
		r = says(life, 0, "install", to, NULL);
	if (r >= 0)
		r = life_governed(life);
	while (r >= 0 && now_ms() < end + 10000) {
		life_ask(life, &ask);
		if (!ask.error && ask.side == SIDE_UPLINK)
			break;
	}
	if (r >= 0 && now_ms() < end + 2900)
		return life_no(life, "removed too early");
	life_say(life, "removed=%lldms", (long long)(now_ms() - end));
	return r < 0 ? r : direct(life);
}

/* Not time(), which lags by a tick: that is longer than splitd takes. */
static time_t wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

/* One in the directory ends as well: its file stays, and counts for nothing. */
static int ends_there(struct life *life)
{
	static const char find[] = "<key>PayloadVersion</key>";
	struct ask ask = { .app = APP_LISTED, .dst = DST_LISTED };
	time_t end = time(NULL) + 4;
	char text[200], date[32];
	int r;

	strftime(date, sizeof(date), "%FT%TZ", gmtime(&end));
	snprintf(text, sizeof(text),
		 "<key>RemovalDate</key><date>%s</date>\n%s", date, find);
	r = file_edit(life, PROFILE, find, text);
	if (r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0 && time(NULL) >= end)
		return life_no(life, "the machine is too slow for this test");
	while (r >= 0 && time(NULL) < end + 6) {
		life_ask(life, &ask);
		if (!ask.error && ask.side == SIDE_UPLINK)
			break;
	}
	if (r >= 0 && wall_clock() < end)
		return life_no(life, "ended too early");
	if (r >= 0)
		r = direct(life);
	if (r >= 0)
		r = restart(life, SIGTERM);
	if (r >= 0)
		r = direct(life);

	/* It was the date, and nothing else. */
	if (r >= 0)
		r = file_edit(life, PROFILE, "", "");
	if (r >= 0)
		r = ctl_reload(life, 0);
	return r < 0 ? r : life_governed(life);
}

/* A file gets another name: the same tunnel, but another file's. */
static int rename_profile(struct life *life, const char *from, const char *to)
{
	char old[LAB_PATH + 64], new[LAB_PATH + 64];

	snprintf(old, sizeof(old), "%s/%s", life->lab->dir, from);
	snprintf(new, sizeof(new), "%s/%s", life->lab->dir, to);
	if (rename(old, new) < 0)
		return life_no(life, "%s: %s", from, strerror(errno));
	return ctl_reload(life, 0);
}

static int warned(struct life *life, const char *what, unsigned want)
{
	unsigned n = log_count(life, what);

	if (n != want)
		return life_no(life, "'%s' was said %u times, not %u", what, n,
			       want);
	return 0;
}

/* Whoever gets an app's traffic, splitd says so, once. */
static int takes_over(struct life *life)
{
	static const char over[] = "app com.example.listed goes over from";
	static const char bound[] = "app com.example.listed, whose link was";
	static const char other[] = "policy/other.mobileconfig";
	unsigned overs = log_count(life, over), bounds = log_count(life, bound);
	int r = ctl_reload(life, 0);

	if (r >= 0)
		r = warned(life, over, overs);
	if (r >= 0)
		r = rename_profile(life, PROFILE, other);
	if (r >= 0)
		r = warned(life, over, overs + 1);
	if (r >= 0)
		r = warned(life, bound, bounds);
	if (r >= 0)
		r = rename_profile(life, other, "policy/gone");
	if (r >= 0)
		r = direct(life);
	if (r >= 0)
		r = rename_profile(life, "policy/gone", PROFILE);
	if (r >= 0)
		r = warned(life, bound, bounds + 1);
	if (r >= 0)
		r = warned(life, over, overs + 1);
	return r < 0 ? r : life_governed(life);
}

/*
 * What is refused after the store has it: there is a mark for one tunnel only.
 * The store is as it was, also for the next start.
 */
static int takes_back(struct life *life)
{
	char first[LAB_PATH + 64], second[LAB_PATH + 64];
	_cleanup_ctl_ struct ctl ctl = { 0 };
	int r = file_second(life, "second.plist");

	snprintf(second, sizeof(second), "%s/second.plist", life->lab->dir);
	snprintf(first, sizeof(first), "%s/saved/vpn.mobileconfig",
		 life->lab->dir);
	file_remove(life, PROFILE);
	if (r >= 0)
		r = daemon_start(life->lab);
	if (r >= 0)
		r = says(life, 0, "install", first, NULL);
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0)
		r = says(life, 1, "install", second,
			 (const char *const[3]){ "mask is too narrow" });
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0)
		r = ctl_run(life, 0, &ctl, "list", "--json", NULL);
	if (r >= 0 &&
	    (!strstr(ctl.out, IDENTIFIER) || strstr(ctl.out, "Com.example")))
		r = life_no(life, "list says %.300s", ctl.out);
	if (r >= 0)
		r = restart(life, SIGKILL);
	return r < 0 ? r : life_governed(life);
}

static int refused(struct life *life)
{
	const char **extra = life->lab->daemon.extra;
	int r, s;

	extra[0] = "--mark";
	extra[1] = "0x01000000/0x01000000";
	r = takes_back(life);
	s = daemon_stop(life->lab, SIGKILL);
	if (s >= 0)
		s = daemon_purge(life->lab);
	extra[0] = NULL;
	return r < 0 ? r : s;
}

const struct life_test life_store_tests[] = {
	{ "store", store, 0 },
	{ "store-removal-date", ends, 0 },
	{ "directory-removal-date", ends_there, 0 },
	{ "store-take-over", takes_over, 0 },
	{ "store-refused", refused, LIFE_STOPPED },
	{ 0 },
};
