/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: an app goes and comes back while its processes run. */

/*
 * As when a profile is replaced in two steps. Meanwhile its processes are
 * unlisted: what they had in the tunnel is refused, what they connect leaves by
 * the uplink. When it is back, all of that is the app's again. What was in the
 * tunnel before, to the listed host, is at no time seen outside.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define CYCLES	  10
#define SAID	  50u
#define KEEPER_MS 30000
#define ANSWER_MS                                                              \
	10000 /* a connection that waits tries again, later and later */
#define SILENT_MS 100
#define RETRY_MS  20

enum {
	KEPT_UDP,
	KEPT_TCP,
	MOVED_UDP, /* connected anew while its process is unlisted */
	N_SOCKETS
};

static const char *const socket_names[N_SOCKETS] = {
	[KEPT_UDP] = "connected", [KEPT_TCP] = "tcp", [MOVED_UDP] = "moved"
};

/* Per socket: whether somebody answered, and who. */
struct heard {
	bool answered[N_SOCKETS];
	enum side side[N_SOCKETS];
	int error[N_SOCKETS];
};

/* ---- in the app -------------------------------------------------------- */

static socklen_t address_of_socket(unsigned i, struct sockaddr_storage *ret_sa)
{
	struct in6_addr addr =
		dst_address(i == MOVED_UDP ? DST_INSIDE : DST_LISTED, false);

	return sockaddr_fill(ret_sa, AF_INET, &addr, PORT_ECHO);
}

static int connect_socket(int fd, unsigned i)
{
	struct sockaddr_storage sa;
	socklen_t len = address_of_socket(i, &sa);

	return connect(fd, (struct sockaddr *)&sa, len);
}

/* Until there is an answer; a stream is asked once, the kernel repeats it. */
static void say(int fd, unsigned i, int patience_ms, struct heard *heard)
{
	int64_t end = now_ms() + patience_ms;
	bool said = false;

	while (recv(fd, (char[64]){ 0 }, 64, MSG_DONTWAIT) > 0)
		;
	heard->answered[i] = false;
	do {
		char text[128] = "";

		heard->error[i] = 0;
		if ((i != KEPT_TCP || !said) &&
		    send(fd, "?1", 2, MSG_NOSIGNAL) < 0)
			heard->error[i] = errno;
		said = true;
		if (sock_wait(fd, POLLIN, RETRY_MS) < 0 ||
		    recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) <= 0)
			continue;
		heard->answered[i] = true;
		heard->side[i] = strncmp(text, "tunnel", 6) ? SIDE_UPLINK :
							      SIDE_TUNNEL;
	} while (!heard->answered[i] && now_ms() < end);
}

/* 'g': the app is gone; else it is there. */
static int keeper_main(int channel)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fds[N_SOCKETS];
	char what;

	for (unsigned i = 0; i < N_SOCKETS; i++) {
		fds[i] = socket(AF_INET,
				i == KEPT_TCP ? SOCK_STREAM : SOCK_DGRAM, 0);
		if (fds[i] < 0 || connect_socket(fds[i], i) < 0)
			return 1;
	}
	while (recv(channel, &what, 1, 0) == 1) {
		struct heard heard = { 0 };

		if (what == 'g' &&
		    (connect(fds[MOVED_UDP], &none, sizeof(none)) < 0 ||
		     connect_socket(fds[MOVED_UDP], MOVED_UDP) < 0))
			return 1;
		for (unsigned i = 0; i < N_SOCKETS; i++)
			say(fds[i], i,
			    what == 'g' && i != MOVED_UDP ? SILENT_MS :
							    ANSWER_MS,
			    &heard);
		if (send(channel, &heard, sizeof(heard), 0) < 0)
			return 1;
	}
	return 0;
}

/* ---- in the runner ----------------------------------------------------- */

static int keeper_ask(struct life *life, int channel, bool there)
{
	struct heard heard;

	if (send(channel, there ? "t" : "g", 1, MSG_NOSIGNAL) != 1 ||
	    sock_wait(channel, POLLIN, KEEPER_MS) < 0 ||
	    recv(channel, &heard, sizeof(heard), 0) != sizeof(heard))
		return life_no(life, "the keeper is gone");
	for (unsigned i = 0; i < N_SOCKETS; i++) {
		bool want = there || i == MOVED_UDP;
		enum side side = there ? SIDE_TUNNEL : SIDE_UPLINK;

		if (heard.answered[i] == want &&
		    (!want || heard.side[i] == side))
			continue;
		return life_no(life, "%s, app %s: %s", socket_names[i],
			       there ? "there" : "gone",
			       heard.answered[i] ? side_name(heard.side[i]) :
						   strerror(heard.error[i]));
	}
	return 0;
}

/*
 * Two files, and the daemon may look between them: the app is at no time one
 * that is recognised but linked to nothing.
 */
static int app_put(struct life *life, bool there)
{
	static const char link[] = "<string>com.example.listed</string>";
	const char *top = life->lab->cgroup + strlen(life->lab->mount);
	char entry[3 * LAB_PATH];
	int r = 0;

	snprintf(entry, sizeof(entry),
		 "<key>com.example.listed</key><array>"
		 "<string>cgroup:%s/apps/listed/**</string>"
		 "<string>cgroup:%s/apps/named</string></array>\n",
		 top, top);
	if (!there)
		r = file_edit(life, "host.plist", entry, "");
	if (r >= 0)
		r = file_edit(life, "policy/apps.plist", link,
			      there ? link :
				      "<string>com.example.other</string>");
	if (r >= 0 && there)
		r = file_edit(life, "host.plist", "", "");
	return r < 0 ? r : ctl_reload(life, 0);
}

static int none_outside(struct life *life, enum dst dst)
{
	struct in6_addr addr = dst_address(dst, false);
	struct reading readings[N_SIDES];
	uint32_t n;

	if (sensors_read(life->lab, readings) < 0)
		return life_no(life, "no sensors");
	n = packets_to(&readings[SIDE_UPLINK], &addr);
	return n ? life_no(life, "%u leaks to %s", n, dst_name(dst)) : 0;
}

static int cycle(struct life *life, int channel)
{
	int r = app_put(life, false);

	if (r >= 0)
		r = keeper_ask(life, channel, false);
	if (r >= 0)
		r = app_put(life, true);
	if (r >= 0)
		r = daemon_settle(life->lab);
	if (r >= 0)
		r = none_outside(life, DST_LISTED);
	if (r >= 0)
		r = keeper_ask(life, channel, true);
	return r < 0 ? r : none_outside(life, DST_INSIDE);
}

/* The talker tries all the time, with all its might. */
static int cycles(struct life *life, int channel)
{
	unsigned n = life->lab->emulated ? 2 : CYCLES;
	int r = keeper_ask(life, channel, true);

	talk_add(life, DST_LISTED, true, SIDE_TUNNEL);
	if (r >= 0)
		r = life_forget(life);
	if (r >= 0)
		r = talk_start(life, TALK_ON);
	for (unsigned i = 0; i < n && r >= 0; i++) {
		r = talk_reach(life, life->shared->talks[0].sent + SAID,
			       fault_ms(life, 10000));
		if (r >= 0)
			r = cycle(life, channel);
	}
	life_say(life, "cycles=%u numbers=%u refused=%u", n,
		 life->shared->talks[0].sent, life->shared->talks[0].errors);
	if (r >= 0 && life->shared->talks[0].wrong)
		r = life_no(life, "%u wrong answers",
			    life->shared->talks[0].wrong);
	return r < 0 ? r : talk_end(life, 0);
}

static int back(struct life *life)
{
	int r = life_keep(life, keeper_main, cycles);

	return r < 0 ? r : life_governed(life);
}

const struct life_test life_back_tests[] = {
	{ "app-back", back, 0 },
	{ 0 },
};
