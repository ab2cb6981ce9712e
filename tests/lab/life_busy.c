/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: a parser that hangs holds up nobody but its own file. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define DEADLINE_MS 10000
#define HANG_MS	    15000 /* what splitd gives a parser */
#define QUICK_US    200000
#define N_ASKERS    3

#define PROFILE	    "policy/vpn.mobileconfig"

static const char uuid[] = "d2773557-b535-414f-968a-5447d9c02d52";

/* ---- those who wait for their answer ------------------------------------- */

struct asker {
	pid_t pid;
	int fd; /* what splitctl says */
};

static int asker_start(struct life *life, struct asker *asker,
		       const char *command, const char *argument)
{
	struct ctl ctl = { 0 };

	asker->fd = memfd_create("asker", MFD_CLOEXEC);
	asker->pid = proc_fork(life->lab, -1, NS_CLIENT);
	if (asker->pid != 0)
		return asker->pid < 0 ? (int)asker->pid : 0;
	if (ctl_run(life, 0, &ctl, command, argument, NULL) < 0)
		_exit(99);
	dprintf(asker->fd, "%s%s", ctl.out, ctl.err);
	_exit(ctl.status);
}

/* Its exit status; what it said is in text. */
static int asker_end(struct asker *asker, char *text, size_t size)
{
	int r = proc_wait(asker->pid, DEADLINE_MS + HANG_MS);
	ssize_t n = pread(asker->fd, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	close(asker->fd);
	return r;
}

/* Asks for a reload and is gone before anybody could answer. */
static int ask_and_go(const struct life *life)
{
	static const char request[] =
		"\0\0\0\x23{\"version\": 1, \"command\": \"reload\"}";
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.80s/run/control.sock",
		 life->lab->dir);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    write(fd, request, sizeof(request) - 1) != sizeof(request) - 1)
		return -errno;
	return 0;
}

/* ---- the tests ----------------------------------------------------------- */

/* Ten looks: none takes long; the fastest says what splitd itself needs. */
static int answers_at_once(struct life *life)
{
	int64_t best = INT64_MAX, worst = 0;

	for (unsigned i = 0; i < 10; i++) {
		_cleanup_ctl_ struct ctl ctl = { 0 };
		int64_t start = now_us(), took;
		int r = i % 2 ? ctl_run(life, 0, &ctl, "status", NULL) :
				ctl_run(life, 0, &ctl, "explain", "--app",
					"com.example.listed", "1.1.1.1", NULL);

		if (r < 0)
			return r;
		if (ctl.status != 0)
			return life_no(life, "no answer: %s", ctl.err);
		took = now_us() - start;
		best = took < best ? took : best;
		worst = took > worst ? took : worst;
	}
	life_say(life, "answers=%lld..%lldus", (long long)best,
		 (long long)worst);
	if (best > QUICK_US || worst > 10 * QUICK_US)
		return life_no(life, "answers take %lld to %lld us",
			       (long long)best, (long long)worst);
	return 0;
}

static int follows_tunnel(struct life *life)
{
	int64_t us;
	int r = tunnel_set(life, false);

	if (r >= 0)
		r = ctl_state(life, "down", 1000);
	if (r >= 0)
		r = life_refused(life, APP_LISTED, DST_LISTED, &us);
	if (r >= 0)
		r = tunnel_restore(life);
	if (r >= 0)
		r = ctl_state(life, "up", 1000);
	return r < 0 ? r : life_governed(life);
}

/* All who asked for a reload got the same one. */
static int askers_end(struct life *life, struct asker askers[N_ASKERS + 1])
{
	char first[4096] = "", text[4096];
	int r = 0;

	for (unsigned i = 0; i <= N_ASKERS; i++) {
		int status = asker_end(&askers[i], text, sizeof(text));

		if (i == 0)
			strcpy(first, text);
		if (r >= 0 && status != 0)
			r = life_no(life, "asker %u exits %d: %.300s", i,
				    status, text);
		if (r >= 0 && i < N_ASKERS && strcmp(text, first) != 0)
			r = life_no(life, "answers differ: %.300s %.300s",
				    first, text);
	}
	return r;
}

static int ask_meanwhile(struct life *life, struct asker askers[N_ASKERS + 1])
{
	int r = 0;

	for (unsigned i = 0; i < N_ASKERS && r >= 0; i++)
		r = asker_start(life, &askers[i], "reload", "--json");
	if (r >= 0)
		r = asker_start(life, &askers[N_ASKERS], "disable", uuid);
	if (r >= 0)
		r = ask_and_go(life);
	if (r >= 0 && kill(life->lab->daemon.pid, SIGHUP) < 0)
		r = -errno;
	if (r >= 0)
		r = answers_at_once(life);
	if (r >= 0)
		r = follows_tunnel(life);
	for (unsigned i = 0; i <= N_ASKERS && r >= 0; i++) {
		if (waitpid(askers[i].pid, NULL, WNOHANG) != 0)
			r = life_no(life, "asker %u has an answer already", i);
	}
	return r;
}

/* One reload is under way; what comes meanwhile is one more, then the rest. */
static int busy_serves(struct life *life)
{
	struct asker askers[N_ASKERS + 1] = { 0 };
	unsigned before = log_count(life, "governing: "), after;
	int r = parser_await(life);
	pid_t parser = -1;

	if (r >= 0)
		r = file_edit(life, PROFILE, "1.1.1.1/32", "1.1.1.2/32");
	if (r >= 0)
		r = parser = parser_hold(life);
	/* Back to what it was: the reload under way may see either. */
	if (r >= 0)
		r = file_edit(life, PROFILE, "", "");
	if (r >= 0)
		r = ask_meanwhile(life, askers);
	if (parser > 0)
		parser_release(parser);
	if (r >= 0)
		r = askers_end(life, askers);
	if (r >= 0)
		r = ctl_state(life, "disabled", 0);
	after = log_count(life, "governing: ");
	if (r >= 0 && after != before + 3)
		r = life_no(life, "%u reloads, not 3", after - before);
	return r < 0 ? r : life_goes(life, APP_LISTED, DST_LISTED, SIDE_UPLINK);
}

/*
 * A file that has not changed is not parsed, unless it depends on the time: any
 * but the host file does while that has something to say of signatures.
 */
static int always_parsed(struct life *life)
{
	int r = file_edit(life, "host.plist", "<dict>",
			  "<dict><key>AllowSHA1</key><true/>");

	return r < 0 ? r : ctl_reload(life, 0);
}

/* After its time it is given up, and its file's last good version stays. */
static int busy_hangs(struct life *life)
{
	struct asker asker = { 0 };
	int64_t start = 0;
	char text[4096] = "";
	pid_t parser = -1;
	int r = always_parsed(life), status;

	if (r >= 0)
		r = parser_await(life);
	start = now_ms();
	if (r >= 0)
		r = asker_start(life, &asker, "reload", "--json");
	if (r >= 0)
		r = parser = parser_hold(life);
	if (r >= 0)
		r = answers_at_once(life);
	if (parser > 0)
		status = parser_ends(life, parser, HANG_MS + DEADLINE_MS);
	r = r < 0 || parser <= 0 ? r : status;
	status = asker.pid > 0 ? asker_end(&asker, text, sizeof(text)) : -1;
	life_say(life, "given-up=%lldms", (long long)(now_ms() - start));
	if (r >= 0 && (status != 1 || !strstr(text, "took too long") ||
		       !strstr(text, "apps.plist")))
		r = life_no(life, "reload exits %d: %.300s", status, text);
	return r < 0 ? r : life_governed(life);
}

static int busy_stops(struct life *life)
{
	struct asker asker = { 0 };
	char text[4096] = "";
	pid_t parser = -1;
	int64_t start = 0;
	int r = always_parsed(life), status;

	if (r >= 0)
		r = parser_await(life);
	if (r >= 0)
		r = asker_start(life, &asker, "reload", "--json");
	if (r >= 0)
		r = parser = parser_hold(life);
	if (r >= 0) {
		start = now_ms();
		kill(life->lab->daemon.pid, SIGTERM);
		r = parser_ends(life, parser, 2000);
	}
	if (r >= 0)
		r = daemon_stop(life->lab, SIGTERM);
	if (r >= 0 && now_ms() > start + 2000)
		r = life_no(life, "stopped after %lld ms",
			    (long long)(now_ms() - start));
	status = asker.pid > 0 ? asker_end(&asker, text, sizeof(text)) : -1;
	if (r >= 0 && (status != 1 || !strstr(text, "\"applied\": false")))
		r = life_no(life, "reload exits %d: %.300s", status, text);
	return r < 0 ? r : life_governed(life);
}

const struct life_test life_busy_tests[] = {
	{ "busy-serves", busy_serves, 0 },
	{ "busy-hangs", busy_hangs, 0 },
	{ "busy-stops", busy_stops, 0 },
	{ 0 },
};
