/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: reloads under traffic, with and without a verdict that changes. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define RELOADS	    200
#define RELOADS_FEW 20
#define PREFIXES    1000u
#define FLIP_US	    200000
#define AFTERWARDS  2000u /* numbers behind a flip that the sensors watch */
#define DEADLINE_MS 60000
#define REMEMBERED  100u

static const char listed[] = "<string>1.1.1.1/32</string>";

/*
 * The lab's routes and 1,000 more: the first half always, of the others one
 * set or the other. 198.18.0.0/15 is for benchmarks (RFC 2544).
 */
static int prefixes_put(struct life *life, unsigned set)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	int r;

	if (!file)
		return life_no(life, "out of memory");
	fputs(listed, file);
	for (unsigned i = 0; i < PREFIXES; i++) {
		unsigned n = i < PREFIXES / 2 ? i : i + set * PREFIXES;

		fprintf(file, "<string>198.%u.%u.%u/32</string>\n",
			18 + (n >> 16), n >> 8 & 255, n & 255);
	}
	fclose(file);
	r = file_edit(life, "policy/vpn.mobileconfig", listed, text);
	return r < 0 ? r : ctl_reload(life, 0);
}

static int four_start(struct life *life)
{
	talk_add(life, DST_LISTED, true, SIDE_TUNNEL);
	talk_add(life, DST_LISTED, false, SIDE_TUNNEL);
	talk_add(life, DST_UNLISTED, true, SIDE_UPLINK);
	talk_add(life, DST_UNLISTED, false, SIDE_UPLINK);
	return talk_start(life, TALK_ON);
}

static int included_check(struct life *life, unsigned want)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	_cleanup_json_ json_t *json = NULL;
	int included = 0;
	int r = ctl_run(life, 0, &ctl, "status", "--json", NULL);

	if (r >= 0)
		r = ctl_json(life, &ctl, &json);
	if (r < 0)
		return r;
	json_unpack(json, "{s:[{s:i}]}", "tunnels", "included", &included);
	if (included != (int)want)
		return life_no(life, "%d prefixes are included, not %u",
			       included, want);
	return 0;
}

static int reloads(struct life *life)
{
	unsigned n = life->lab->emulated ? RELOADS_FEW : RELOADS;
	int64_t start = now_ms();
	uint32_t numbers = 0;
	int r = four_start(life);

	for (unsigned i = 0; i < n && r >= 0; i++)
		r = prefixes_put(life, i % 2);
	if (r >= 0)
		r = included_check(life, PREFIXES + 3);
	life_say(life, "reloads=%u of %u prefixes, %lldms each", n, PREFIXES,
		 (long long)((now_ms() - start) / n));
	if (r >= 0)
		r = talk_end(life, 0);
	if (r >= 0)
		r = talk_clean(life);
	if (r >= 0)
		r = talk_sides(life);
	for (unsigned i = 0; i < life->shared->n_talks; i++)
		numbers += life->shared->talks[i].sent;
	life_say(life, "numbers=%u", numbers);
	return r < 0 ? r : life_governed(life);
}

/*
 * After a flip: the last answer of the old side came in time, answers of the
 * new side come, and the old side's sensor sees no packet any more.
 */
static int flipped(struct life *life, enum side from, int64_t start)
{
	struct life_shared *shared = life->shared;
	uint32_t seen[2];
	int64_t end = now_ms() + 5000;
	int r;

	while (now_us() < start + FLIP_US)
		poll(NULL, 0, 5);
	r = life_forget(life);
	for (unsigned i = 0; i < 2; i++)
		seen[i] = shared->talks[i].answered;
	for (unsigned i = 0; i < 2 && r >= 0; i++) {
		while (shared->talks[i].answered < seen[i] + AFTERWARDS &&
		       now_ms() < end)
			poll(NULL, 0, 1);
		if (shared->talks[i].answered < seen[i] + AFTERWARDS)
			r = life_no(life,
				    "%s talk is silent after the flip "
				    "from the %s: %u errors (%s)",
				    i ? "unconnected" : "connected",
				    side_name(from), shared->talks[i].errors,
				    strerror(shared->talks[i].error));
		else if (shared->talks[i].last_us[from] > start + FLIP_US)
			r = life_no(life, "still answered by the %s",
				    side_name(from));
		else
			life_say(life, "%s=%lldus",
				 i ? "unconnected" : "connected",
				 (long long)(shared->talks[i].last_us[from] -
					     start));
	}
	return r < 0 ? r : life_silent(life, from);
}

static int flip(struct life *life, enum side from, const char *replace)
{
	int64_t start;
	int r = file_edit(life, "policy/vpn.mobileconfig", listed, replace);

	start = now_us();
	if (r >= 0)
		r = ctl_reload(life, 0);
	return r < 0 ? r : flipped(life, from, start);
}

/* The flow's own prefix goes, and comes back. */
static int verdict_flip(struct life *life)
{
	int r;

	talk_add(life, DST_LISTED, true, N_SIDES);
	talk_add(life, DST_LISTED, false, N_SIDES);
	r = talk_start(life, TALK_ON);
	if (r >= 0)
		r = talk_reach(life, AFTERWARDS, DEADLINE_MS);
	if (r >= 0)
		r = flip(life, SIDE_TUNNEL, "");
	if (r >= 0)
		r = flip(life, SIDE_UPLINK, listed);
	return r < 0 ? r : talk_end(life, 0);
}

/*
 * Of a socket that only the hook and the guard keep from leaving, as it is
 * bound to the uplink's device. A number sent, or the error.
 */
static int bound_send(int fd, bool connected, unsigned n)
{
	struct in6_addr addr = dst_address(DST_UNLISTED, false);
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, AF_INET, &addr, PORT_SINK);

	for (unsigned i = 0; i < n; i++)
		if (sendto(fd, &i, sizeof(i), MSG_NOSIGNAL,
			   connected ? NULL : (struct sockaddr *)&sa,
			   connected ? 0 : len) < 0)
			return errno;
	return 0;
}

static int bound_open(bool connected)
{
	struct in6_addr addr = dst_address(DST_UNLISTED, false);
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, AF_INET, &addr, PORT_SINK);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "up0", 3) < 0 ||
	     (connected && connect(fd, (struct sockaddr *)&sa, len) < 0))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What each of the two sockets got, first unconnected, then connected. */
struct bound_answer {
	int error[2];
};

static int bound_main(int channel)
{
	int fds[2] = { bound_open(false), bound_open(true) };
	char byte;

	while (recv(channel, &byte, 1, 0) == 1) {
		struct bound_answer answer;

		for (unsigned i = 0; i < 2; i++)
			answer.error[i] =
				fds[i] < 0 ? EBADF :
					     bound_send(fds[i], i, REMEMBERED);
		if (send(channel, &answer, sizeof(answer), 0) < 0)
			return 1;
	}
	return 0;
}

static int bound_ask(struct life *life, int channel, bool may)
{
	struct bound_answer answer;

	if (send(channel, "", 1, MSG_NOSIGNAL) != 1 ||
	    sock_wait(channel, POLLIN, DEADLINE_MS) < 0 ||
	    recv(channel, &answer, sizeof(answer), 0) != sizeof(answer))
		return life_no(life, "the sender is gone");
	for (unsigned i = 0; i < 2; i++) {
		/* the hook's own, where it can name one (5.18) */
		int want = may			     ? 0 :
			   i || kernel_before(5, 18) ? EPERM :
						       ENETUNREACH;

		if (answer.error[i] != want)
			return life_no(life, "%s: %s, not %s",
				       i ? "connected" : "unconnected",
				       strerror(answer.error[i]),
				       strerror(want));
	}
	return 0;
}

/*
 * Sockets remember what was decided (sp_sock.passed, .steered): not for longer
 * than the policy. First let go, then not, then again.
 */
static int remembered_ask(struct life *life, int channel)
{
	int r = bound_ask(life, channel, true);

	if (r >= 0)
		r = file_edit(life, "policy/vpn.mobileconfig", listed,
			      "<string>9.9.9.9/32</string>");
	if (r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0)
		r = life_forget(life);
	if (r >= 0)
		r = bound_ask(life, channel, false);
	if (r >= 0)
		r = life_silent(life, SIDE_UPLINK);
	if (r >= 0)
		r = file_edit(life, "policy/vpn.mobileconfig", "", "");
	if (r >= 0)
		r = ctl_reload(life, 0);
	return r < 0 ? r : bound_ask(life, channel, true);
}

static int remembered(struct life *life)
{
	return life_keep(life, bound_main, remembered_ask);
}

/* The one flow whose route goes, and no other. */
static int plan_names(struct life *life, const struct ctl *ctl)
{
	_cleanup_json_ json_t *json = NULL;
	const char *to = "", *before = "", *after = "", *app = "";
	int r = ctl_json(life, ctl, &json), n;

	if (r < 0)
		return r;
	n = (int)json_array_size(json_object_get(json, "flows"));
	json_unpack(json, "{s:[{s:s, s:s, s:{s:s}, s:{s:s}}]}", "flows",
		    "destination", &to, "app", &app, "before", "verdict",
		    &before, "after", "verdict", &after);
	if (n != 1 || strcmp(to, "1.1.1.1") ||
	    strcmp(app, "com.example.listed") || strcmp(before, "tunnel") ||
	    strcmp(after, "direct"))
		return life_no(life, "the plan names %d flows: %.600s", n,
			       ctl->out);
	return 0;
}

/*
 * Asks for a plan once the listed flow's route is gone from the file. The
 * daemon sees the file too and may have reloaded first: then there is no
 * change, and once more.
 */
static int plan_ask(struct life *life, const char *format, const char *change,
		    struct ctl *ret_ctl)
{
	int r = 0;

	for (unsigned i = 0; i < 10 && r >= 0; i++) {
		r = file_edit(life, "policy/vpn.mobileconfig", listed, "");
		if (r >= 0)
			r = ctl_run(life, 0, ret_ctl, "reload", "--plan",
				    format, NULL);
		if (r >= 0 && strstr(ret_ctl->out, change))
			break;
		if (r < 0 || i == 9)
			return life_no(life, "no plan has a change in it");
		ctl_clear(ret_ctl);
		*ret_ctl = (struct ctl){ 0 };
		r = file_edit(life, "policy/vpn.mobileconfig", "", "");
		if (r >= 0)
			r = ctl_reload(life, 0);
	}
	if (r >= 0)
		r = file_edit(life, "policy/vpn.mobileconfig", "", "");
	return r < 0 ? r : ctl_reload(life, 0);
}

static int plan_flows(struct life *life)
{
	_cleanup_ctl_ struct ctl none = { 0 }, json = { 0 }, text = { 0 };
	int r;

	talk_add(life, DST_LISTED, true, N_SIDES);
	talk_add(life, DST_UNLISTED, true, SIDE_UPLINK);
	talk_add(life, DST_LISTED, false, N_SIDES);
	r = talk_start(life, TALK_ON);
	if (r >= 0)
		r = talk_reach(life, 1, DEADLINE_MS);
	if (r >= 0)
		r = ctl_run(life, 0, &none, "reload", "--plan", "--json", NULL);
	if (r >= 0 && !strstr(none.out, "\"flows\": []"))
		r = life_no(life, "flows change by nothing: %s", none.out);
	if (r >= 0)
		r = plan_ask(life, "--json", "\"remove\"", &json);
	if (r >= 0)
		r = plan_names(life, &json);
	if (r >= 0)
		r = plan_ask(life, "--plan", "remove", &text);
	if (r >= 0 && !strstr(text.out, ": tunnel tun0 -> direct"))
		r = life_no(life, "no flow in: %s", text.out);
	return r < 0 ? r : talk_end(life, 0);
}

const struct life_test life_reload_tests[] = {
	{ "reload-under-traffic", reloads, 0 },
	{ "reload-verdict-flip", verdict_flip, 0 },
	{ "reload-remembered", remembered, 0 },
	{ "reload-plan-flows", plan_flows, 0 },
	{ 0 }
};
