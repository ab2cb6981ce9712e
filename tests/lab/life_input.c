/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: bad files change nothing, and are named with line and key. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define PROFILE "policy/vpn.mobileconfig"
#define COMMAND "policy/apps.plist"
#define HOST	"host.plist"

static const char uuid[] = "d2773557-b535-414f-968a-5447d9c02d52";

/* One mistake in one file, and what the complaint must name. */
struct mistake {
	const char *file, *find, *replace;
	const char *names[4];
};

static const struct mistake mistakes[] = {
	{ PROFILE,
	  "1.1.1.1/32",
	  "1.1.1.1/33",
	  { "vpn.mobileconfig:",
	    "PayloadContent[0].VendorConfig.IncludedRoutes[0]",
	    "'1.1.1.1/33'" } },
	{ PROFILE,
	  "<key>IncludedRoutes</key><array>",
	  "<key>IncludedRoutes</key><integer>5</integer><key>X</key><array>",
	  { "vpn.mobileconfig:",
	    "PayloadContent[0].VendorConfig.IncludedRoutes: " } },
	{ PROFILE,
	  "<key>VPNType</key><string>VPN</string>",
	  "<key>VPNType</key><true/>",
	  { "vpn.mobileconfig:", "PayloadContent[0].VPNType: " } },
	{ PROFILE, "</plist>", "", { "vpn.mobileconfig:" } },
	{ COMMAND,
	  "<key>RequestType</key><string>Settings</string>",
	  "",
	  { "apps.plist:", "RequestType" } },
	{ COMMAND,
	  "<key>Identifier</key><string>com.example.listed</string>",
	  "<key>Identifier</key><integer>1</integer>",
	  { "apps.plist:", "Command.Settings[0].Identifier: " } },
	{ HOST,
	  "<string>cgroup:",
	  "<string>cgroop:",
	  { "host.plist:", "Apps[\"com.example.listed\"][0]: ", "'cgroop:" } },
	{ HOST,
	  "<key>Apps</key><dict>",
	  "<key>Apps</key><array/>"
	  "<key>More</key><dict>",
	  { "host.plist:", "Apps: " } },
};

/* FILE:LINE:COL, both numbers: names[0] ends with the first colon. */
static bool has_position(const char *text, const char *file)
{
	const char *at = strstr(text, file);
	unsigned line, column;

	return at && sscanf(at + strlen(file), "%u:%u", &line, &column) == 2 &&
	       line > 0 && column > 0;
}

/* Reload exits 1 and names all that; everything goes on as it was. */
static int complains(struct life *life, const char *const names[4])
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	int r = ctl_run(life, 0, &ctl, "reload", NULL);

	if (r < 0)
		return r;
	if (ctl.status != 1)
		return life_no(life, "reload exits %d, not 1: %s%s", ctl.status,
			       ctl.out, ctl.err);
	for (unsigned i = 0; i < 4 && names[i]; i++)
		if (!strstr(ctl.err, names[i]))
			return life_no(life, "no %s in: %s", names[i], ctl.err);
	if (names[0] && names[0][strlen(names[0]) - 1] == ':' &&
	    !has_position(ctl.err, names[0]))
		return life_no(life, "no line and column in: %s", ctl.err);
	return life_governed(life);
}

/* All files as the lab wrote them, and in force. */
static int files_put_back(struct life *life)
{
	static const char *const files[] = { PROFILE, COMMAND, HOST };
	int r = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files) && r >= 0; i++)
		r = file_edit(life, files[i], "", "");
	return r < 0 ? r : ctl_reload(life, 0);
}

static int mistake_test(struct life *life, const struct mistake *mistake)
{
	int r = file_edit(life, mistake->file, mistake->find, mistake->replace);

	if (r >= 0)
		r = complains(life, mistake->names);
	if (r >= 0)
		r = files_put_back(life);
	return r < 0 ? r : life_governed(life);
}

static int input_mistakes(struct life *life)
{
	size_t n = sizeof(mistakes) / sizeof(*mistakes);
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = mistake_test(life, &mistakes[i]);
	life_say(life, "mistakes=%zu", n);
	return r;
}

/* A second file of this text, derived from one of the lab's by two edits. */
static int file_twin(struct life *life, const char *of, const char *name,
		     const char *find, const char *replace)
{
	_cleanup_free_ char *text = file_text(life, of), *edited = NULL;
	char *at = text ? strstr(text, find) : NULL;

	if (!at)
		return life_no(life, "%s: no '%s'", of, find);
	if (asprintf(&edited, "%.*s%s%s", (int)(at - text), text, replace,
		     at + strlen(find)) < 0)
		return -ENOMEM;
	return file_put(life, name, edited);
}

static int contradiction(struct life *life, const char *name,
			 const char *const names[4])
{
	int r = complains(life, names);

	file_remove(life, name);
	if (r >= 0)
		r = ctl_reload(life, 0);
	return r < 0 ? r : life_governed(life);
}

/* Two tunnels of one VPNUUID, with other routes. */
static int input_duplicate(struct life *life)
{
	static const char *const names[4] = { "second.mobileconfig",
					      "vpn.mobileconfig", uuid };
	int r = file_twin(life, PROFILE, "policy/second.mobileconfig",
			  "1.1.1.1/32", "9.9.9.9/32");

	return r < 0 ? r :
		       contradiction(life, "policy/second.mobileconfig", names);
}

/* Two commands that link one app to two tunnels. */
static int input_disagreement(struct life *life)
{
	static const char *const names[4] = { "more.plist", "apps.plist",
					      "com.example.listed" };
	int r = file_twin(life, COMMAND, "policy/more.plist", uuid,
			  "00000000-0000-4000-8000-000000000001");

	return r < 0 ? r : contradiction(life, "policy/more.plist", names);
}

static int v4_goes(struct life *life, enum dst dst, enum side side)
{
	struct ask ask = { .app = APP_LISTED, .dst = dst };

	life_ask(life, &ask);
	if (ask.error || ask.side != side)
		return life_no(life, "%s: %s, not by the %s", dst_name(dst),
			       ask.error ? strerror(-ask.error) :
					   side_name(ask.side),
			       side_name(side));
	return 0;
}

static int partly(struct life *life)
{
	int r = v4_goes(life, DST_LISTED, SIDE_UPLINK);

	return r < 0 ? r : v4_goes(life, DST_INSIDE, SIDE_TUNNEL);
}

/* Over a restart, too. */
static int partly_and_again(struct life *life)
{
	int r = partly(life);

	if (r >= 0)
		r = daemon_stop(life->lab, SIGTERM);
	if (r >= 0)
		r = daemon_start(life->lab);
	return r < 0 ? r : partly(life);
}

static int reload_names(struct life *life, const char *name)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	int r = ctl_run(life, 0, &ctl, "reload", NULL);

	if (r >= 0 && (ctl.status != 1 || !strstr(ctl.err, name)))
		r = life_no(life, "reload exits %d: %s", ctl.status, ctl.err);
	return r;
}

/*
 * The bad file's last good version and the other file's new one: its links stay
 * while the profile loses a route. A new daemon comes to the same.
 */
static int input_partly(struct life *life)
{
	int r = file_edit(life, COMMAND, "</plist>", "");

	if (r >= 0)
		r = file_edit(life, PROFILE, "<string>1.1.1.1/32</string>", "");
	if (r >= 0)
		r = reload_names(life, "apps.plist:");
	if (r >= 0)
		r = partly_and_again(life);
	if (r >= 0)
		r = files_put_back(life);
	return r < 0 ? r : life_governed(life);
}

/*
 * A profile of a type that nothing binds is that file's mistake: the other
 * file's change applies, over a restart too, and where the profile was good
 * before, that stays.
 */
static int input_unbound_type(struct life *life)
{
	static const char type[] = "<key>VPNType</key><string>VPN</string>",
			  ikev2[] = "<key>VPNType</key><string>IKEv2</string>";
	int r = file_twin(life, PROFILE, "policy/ike.mobileconfig", type,
			  ikev2);

	if (r >= 0)
		r = file_edit(life, PROFILE, "<string>1.1.1.1/32</string>", "");
	if (r >= 0)
		r = reload_names(life, "ike.mobileconfig:");
	if (r >= 0)
		r = partly_and_again(life);
	file_remove(life, "policy/ike.mobileconfig");
	if (r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0)
		r = file_edit(life, PROFILE, type, ikev2);
	if (r >= 0)
		r = reload_names(life, "vpn.mobileconfig:");
	if (r >= 0)
		r = partly(life);
	if (r >= 0)
		r = files_put_back(life);
	return r < 0 ? r : life_governed(life);
}

/* A contradiction at a start: the last good versions of all. */
static int input_restart(struct life *life)
{
	int r = file_twin(life, COMMAND, "policy/more.plist", uuid,
			  "00000000-0000-4000-8000-000000000001");

	if (r >= 0)
		r = daemon_stop(life->lab, SIGKILL);
	if (r >= 0)
		r = daemon_start(life->lab);
	if (r >= 0)
		r = life_governed(life);
	file_remove(life, "policy/more.plist");
	if (r >= 0)
		r = ctl_reload(life, 0);
	return r < 0 ? r : life_governed(life);
}

/* No mistake in a file: the interface may come later. Until then, closed. */
static int input_interface(struct life *life)
{
	int64_t us = 0;
	int r = file_edit(life, PROFILE, "<string>tun0</string>",
			  "<string>tun9</string>");

	if (r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0)
		r = ctl_state(life, "down", 1000);
	if (r >= 0)
		r = life_forget(life);
	if (r >= 0)
		r = life_refused(life, APP_LISTED, DST_LISTED, &us);
	if (r >= 0)
		r = life_silent(life, SIDE_UPLINK);
	if (r >= 0)
		r = life_goes(life, APP_LISTED, DST_UNLISTED, SIDE_UPLINK);
	if (r >= 0)
		r = files_put_back(life);
	life_say(life, "refused<=%lldus", (long long)us);
	return r < 0 ? r : life_governed(life);
}

/* Whoever takes a file away takes back what it said; not what others say. */
static int input_removed(struct life *life)
{
	int r;

	file_remove(life, COMMAND);
	r = ctl_reload(life, 0);
	if (r >= 0)
		r = life_goes(life, APP_LISTED, DST_LISTED, SIDE_UPLINK);
	if (r >= 0)
		r = files_put_back(life);
	return r < 0 ? r : life_governed(life);
}

/* The host file or the whole directory gone: a mistake, nothing changes. */
static int input_vanished(struct life *life)
{
	static const char *const names[] = { "host.plist", "policy" };
	char path[LAB_PATH + 32], aside[LAB_PATH + 40];
	int r = 0;

	for (unsigned i = 0; i < 2 && r >= 0; i++) {
		snprintf(path, sizeof(path), "%s/%s", life->lab->dir, names[i]);
		snprintf(aside, sizeof(aside), "%s.aside", path);
		if (rename(path, aside) < 0)
			return life_no(life, "rename %s: %m", path);
		r = ctl_reload(life, 1);
		if (r >= 0)
			r = life_governed(life);
		if (rename(aside, path) < 0)
			return life_no(life, "rename %s: %m", aside);
		if (r >= 0)
			r = ctl_reload(life, 0);
	}
	return r;
}

/* Noticed without being told. */
static int input_watched(struct life *life)
{
	struct ask ask = { .app = APP_LISTED, .dst = DST_LISTED };
	int64_t start = now_ms();
	int r = file_edit(life, PROFILE, "<string>1.1.1.1/32</string>", "");

	do {
		life_ask(life, &ask);
	} while (r >= 0 && (ask.error || ask.side != SIDE_UPLINK) &&
		 now_ms() < start + 3000);
	if (r >= 0 && (ask.error || ask.side != SIDE_UPLINK))
		r = life_no(life, "the changed file is not in force");
	life_say(life, "after=%lldms", (long long)(now_ms() - start));
	return r;
}

const struct life_test life_input_tests[] = {
	{ "input-mistakes", input_mistakes, 0 },
	{ "input-duplicate-tunnel", input_duplicate, 0 },
	{ "input-disagreement", input_disagreement, 0 },
	{ "input-partly-bad", input_partly, 0 },
	{ "input-unbound-type", input_unbound_type, 0 },
	{ "input-contradiction-at-start", input_restart, 0 },
	{ "input-unknown-interface", input_interface, 0 },
	{ "input-removed-file", input_removed, 0 },
	{ "input-vanished", input_vanished, 0 },
	{ "input-watched", input_watched, 0 },
	{ 0 }
};
