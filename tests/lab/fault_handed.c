/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: sockets by the hundred, of another maker than their user. */

/*
 * One socket of each sort is a row of the matrix (rows_pass.c, rows_held.c,
 * rows_server.c). Here they come in numbers, so that none is missed: made
 * before their process was of the app, inherited over exec, passed, accepted.
 * Unconnected ones must be right from the first datagram on, which they may
 * lose to EPERM; connected ones from when the daemon has taken them over.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define SOCKETS	    200
#define CONNECTIONS 500
#define BURST_FD    300 /* the first of them, in whoever uses them */
#define SERVER_PORT 7100

enum hand {
	HAND_MOVED,
	HAND_EXEC,
	HAND_PASSED,
	N_HANDS
};

static const char *const hand_names[] = {
	[HAND_MOVED] = "moved", [HAND_EXEC] = "exec", [HAND_PASSED] = "passed"
};

struct handed {
	enum hand hand;
	bool connected;
	enum app user; /* the maker is the other one */
	bool v6;
};

/* In trial->arg, so that an exec'd image knows. */
#define ARG_CONNECTED 1u
#define ARG_NUMBER(n) ((n) << 1)
#define NUMBER(arg)   ((arg) >> 1)

static int burst_open(struct trial *trial)
{
	for (unsigned i = 0; i < NUMBER(trial->arg); i++) {
		_cleanup_close_ int fd = -1;
		int r = sock_open(trial, SOCK_DGRAM, 0, &fd);

		if (r >= 0 && trial->arg & ARG_CONNECTED)
			r = sock_connect(trial, fd, trial->dst, PORT_ECHO);
		if (r < 0 || dup2(fd, BURST_FD + (int)i) < 0)
			return trial_fail(trial, FAULT_OTHER, "open: %s",
					  strerror(r < 0 ? -r : errno));
	}
	return 0;
}

static bool is_connected(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	return getpeername(fd, (struct sockaddr *)&sa, &len) == 0;
}

static int burst_one(struct trial *trial, int fd)
{
	int r;

	if (trial->arg & ARG_CONNECTED)
		return stream_ask(trial, fd, trial->dst);
	r = udp_send(trial, fd, trial->dst, PORT_ECHO);
	if (r == -EPERM) /* between the old mark and the new one */
		r = udp_send(trial, fd, trial->dst, PORT_ECHO);
	/* Before 62476cc1bf24 the mark stays, but connect() takes it off. */
	if (r == -EPERM && trial->app == APP_UNLISTED && kernel_before(5, 12))
		r = sock_connect(trial, fd, trial->dst, PORT_ECHO);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "send: %s", strerror(-r));
	if (is_connected(fd))
		return stream_ask(trial, fd, trial->dst);
	return answer_take(trial, fd, trial->dst);
}

/* By now the user's: a datagram each, answered from the right side. */
int op_burst(struct trial *trial)
{
	int r = 0;

	if (trial->arg & ARG_CONNECTED) {
		r = write(CHANNEL_FD, "", 1) == 1 ? 0 : -EPIPE;
		if (r >= 0)
			r = pipe_wait(CHANNEL_FD, trial->deadline_ms * 4);
	}
	for (unsigned i = 0; i < NUMBER(trial->arg) && r >= 0; i++)
		r = burst_one(trial, BURST_FD + (int)i);
	return r;
}

static int sockets_take(struct trial *trial)
{
	for (unsigned i = 0; i < NUMBER(trial->arg); i++) {
		_cleanup_close_ int fd =
			fd_receive(CHANNEL_FD, trial->deadline_ms);

		if (fd < 0 || dup2(fd, BURST_FD + (int)i) < 0)
			return trial_fail(trial, FAULT_OTHER, "take: %s",
					  strerror(fd < 0 ? -fd : errno));
		if (write(CHANNEL_FD, "", 1) != 1)
			return -EPIPE;
	}
	return 0;
}

static int user_main(struct trial *trial, enum hand hand)
{
	char path[LAB_PATH + 32];
	int r = hand == HAND_PASSED ? sockets_take(trial) : burst_open(trial);

	if (r < 0)
		return r;
	if (hand == HAND_EXEC) {
		snprintf(path, sizeof(path), "%s/bin/app", trial->dir);
		return op_exec(trial, path, "burst");
	}
	if (hand == HAND_MOVED) {
		snprintf(path, sizeof(path), "%s/apps/%s", trial->cgroup,
			 app_name(trial->app));
		r = cgroup_join(path, getpid());
		if (r < 0)
			return r;
	}
	return op_burst(trial);
}

/* In the maker: all of them, one after the other. */
static int maker_main(struct trial *trial, int channel)
{
	int r = burst_open(trial);

	for (unsigned i = 0; i < NUMBER(trial->arg) && r >= 0; i++) {
		r = fd_send(channel, BURST_FD + (int)i);
		if (r >= 0)
			r = pipe_wait(channel, trial->deadline_ms);
	}
	return r;
}

static int maker_run(struct life *life, const struct handed *handed,
		     int channel)
{
	enum app app = handed->user == APP_LISTED ? APP_UNLISTED : APP_LISTED;
	pid_t pid = proc_fork(life->lab, life->lab->cgroup_fd[app], NS_CLIENT);

	if (pid == 0)
		_exit(maker_main(life->lab->trial, channel) < 0);
	return pid < 0 ? (int)pid : proc_wait(pid, fault_ms(life, 20000));
}

static void trial_fill(struct life *life, const struct handed *handed,
		       bool control)
{
	struct lab *lab = life->lab;
	struct trial *trial = lab->trial;

	memset(trial, 0, sizeof(*trial));
	trial->app = handed->user;
	trial->dst = DST_LISTED;
	trial->family = handed->v6 ? FAM_V6 : FAM_V4;
	trial->control = control;
	trial->deadline_ms = lab->deadline_ms;
	trial->serial = lab->nonce << 12;
	trial->arg = ARG_NUMBER(fault_count(life, SOCKETS));
	if (handed->connected)
		trial->arg |= ARG_CONNECTED;
	memcpy(trial->ifindex, lab->ifindex, sizeof(trial->ifindex));
	memcpy(trial->dir, lab->dir, sizeof(trial->dir));
	memcpy(trial->cgroup, lab->cgroup, sizeof(trial->cgroup));
}

/* The user is no app's yet, unless it is only handed what others made. */
static pid_t user_fork(struct life *life, const struct handed *handed,
		       const int pair[2])
{
	enum app home = handed->hand == HAND_PASSED ? handed->user :
			handed->user == APP_LISTED  ? APP_UNLISTED :
						      APP_LISTED;
	pid_t pid = proc_fork(life->lab, life->lab->cgroup_fd[home], NS_CLIENT);

	if (pid != 0)
		return pid;
	if (dup2(pair[1], CHANNEL_FD) < 0)
		_exit(1);
	close(pair[0]);
	close(pair[1]);
	_exit(user_main(life->lab->trial, handed->hand) < 0);
}

static int hand_over(struct life *life, const struct handed *handed,
		     bool control)
{
	struct trial *trial = life->lab->trial;
	int pair[2], r = 0, s;
	pid_t user;

	trial_fill(life, handed, control);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return life_no(life, "socketpair: %m");
	user = user_fork(life, handed, pair);
	close(pair[1]);
	if (handed->hand == HAND_PASSED) {
		r = daemon_settle(life->lab);
		if (r >= 0)
			r = maker_run(life, handed, pair[0]);
	}
	if (r >= 0 && handed->connected) {
		r = pipe_wait(pair[0], fault_ms(life, 20000));
		if (r >= 0)
			r = daemon_settle(life->lab);
		if (r >= 0 && write(pair[0], "", 1) != 1)
			r = -EPIPE;
	}
	s = user < 0 ? (int)user : proc_wait(user, fault_ms(life, 20000));
	close(pair[0]);
	if (r || s)
		return life_no(life, "%s, %s, %s app%s: %d, %d %s",
			       hand_names[handed->hand],
			       handed->connected ? "connected" : "unconnected",
			       app_name(handed->user),
			       handed->v6 ? ", ipv6" : "", r, s, trial->why);
	return 0;
}

static const struct handed hands[] = {
	{ HAND_MOVED, false, APP_LISTED, false },
	{ HAND_MOVED, false, APP_LISTED, true },
	{ HAND_MOVED, true, APP_LISTED, false },
	{ HAND_MOVED, true, APP_LISTED, true },
	{ HAND_MOVED, false, APP_UNLISTED, false },
	{ HAND_EXEC, false, APP_LISTED, false },
	{ HAND_EXEC, false, APP_LISTED, true },
	{ HAND_EXEC, true, APP_LISTED, false },
	{ HAND_EXEC, true, APP_LISTED, true },
	{ HAND_PASSED, false, APP_LISTED, false },
	{ HAND_PASSED, false, APP_LISTED, true },
	{ HAND_PASSED, false, APP_UNLISTED, false },
	{ HAND_PASSED, false, APP_UNLISTED, true },
	/* Passed after connect(): keeps its side, a limit (pass-after-udp). */
};
#define N_HANDED (sizeof(hands) / sizeof(*hands))

static int hands_all(struct life *life, bool control)
{
	int r = tally_reset(life);

	for (size_t i = 0; i < N_HANDED && r >= 0; i++) {
		struct volley volley = { .app = hands[i].user,
					 .dst = DST_LISTED,
					 .v6 = hands[i].v6,
					 .n = fault_count(life, SOCKETS) };

		r = hand_over(life, &hands[i], control);
		if (r >= 0)
			r = control ?
				    tally_control(life, &volley, SIDE_UPLINK) :
				    tally_clean(life, &volley);
	}
	return r;
}

static int handed_over(struct life *life)
{
	int r = hands_all(life, true);

	if (r >= 0)
		r = fault_govern(life);
	if (r >= 0)
		r = hands_all(life, false);
	life_say(life, "n=%zux%u leaks=0 strays=0", N_HANDED,
		 fault_count(life, SOCKETS));
	return r;
}

/* ---- accepted ------------------------------------------------------------ */

/* Says one byte to everybody who connects, until it is killed. */
static int server_main(int channel)
{
	struct in6_addr any = IN6ADDR_ANY_INIT;
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, AF_INET6, &any, SERVER_PORT);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, 64) < 0 ||
	    write(channel, "", 1) != 1)
		return 1;
	for (;;) {
		_cleanup_close_ int conn =
			accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (conn < 0 || send(conn, "!", 1, MSG_NOSIGNAL) != 1)
			return 1;
	}
}

/* From the far side's listed address: how many were not answered. */
static int caller_main(struct life *life, enum side side, bool v6)
{
	struct in6_addr from = dst_address(DST_LISTED, v6);
	struct in6_addr to = client_address(side, v6);
	unsigned n = fault_count(life, CONNECTIONS);
	int domain = v6 ? AF_INET6 : AF_INET;

	for (unsigned i = 0; i < n; i++) {
		_cleanup_close_ int fd =
			socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct timeval limit = { life->lab->deadline_ms / 1000, 0 };
		struct sockaddr_storage sa;
		socklen_t len = sockaddr_fill(&sa, domain, &from, 0);
		char byte;

		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		if (bind(fd, (struct sockaddr *)&sa, len) < 0)
			return 2;
		len = sockaddr_fill(&sa, domain, &to, SERVER_PORT);
		if (connect(fd, (struct sockaddr *)&sa, len) < 0 ||
		    recv(fd, &byte, 1, 0) != 1)
			return 1;
	}
	return 0;
}

/* Through this side; every answer there, and not a packet on the other. */
static int called(struct life *life, enum app app, enum side side, bool v6)
{
	enum side other = side == SIDE_TUNNEL ? SIDE_UPLINK : SIDE_TUNNEL;
	unsigned n = fault_count(life, CONNECTIONS);
	struct tally tally;
	pid_t pid = proc_fork(life->lab, -1, (enum ns)side);
	int r;

	if (pid == 0)
		_exit(caller_main(life, side, v6));
	r = pid < 0 ? (int)pid : proc_wait(pid, fault_ms(life, 30000));
	if (r)
		return life_no(life, "%s app%s, by the %s: not answered (%d)",
			       app_name(app), v6 ? ", ipv6" : "",
			       side_name(side), r);
	r = tally_take(life, &tally);
	if (r >= 0 && tally_least(&tally, side, DST_LISTED, v6) < n)
		r = life_no(life, "%u packets for %u answers",
			    tally_least(&tally, side, DST_LISTED, v6), n);
	if (r >= 0 && tally_most(&tally, other, DST_LISTED, v6))
		r = life_no(life, "%u packets on the %s",
			    tally_most(&tally, other, DST_LISTED, v6),
			    side_name(other));
	return r;
}

static int server_called(struct life *life, enum app app, bool control)
{
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return life_no(life, "socketpair: %m");
	pid = proc_fork(life->lab, life->lab->cgroup_fd[app], NS_CLIENT);
	if (pid == 0)
		_exit(server_main(pair[1]));
	close(pair[1]);
	r = pid < 0 ? (int)pid : pipe_wait(pair[0], fault_ms(life, 5000));
	close(pair[0]);
	if (r >= 0)
		r = tally_reset(life);
	/* without splitd a call through the tunnel is answered outside */
	for (unsigned i = 0; i < 4 && r >= 0; i++)
		if (!control || i / 2 == SIDE_UPLINK)
			r = called(life, app, i / 2, i % 2);
	if (pid > 0) {
		kill(pid, SIGKILL);
		proc_wait(pid, 5000);
	}
	return r;
}

static int accepted(struct life *life)
{
	int r = server_called(life, APP_LISTED, true);

	if (r >= 0)
		r = fault_govern(life);
	for (enum app app = 0; app < N_APPS && r >= 0; app++)
		r = server_called(life, app, false);
	life_say(life, "n=8x%u", fault_count(life, CONNECTIONS));
	return r;
}

const struct life_test fault_handed_tests[] = {
	{ "fault-17-handed", handed_over, LIFE_STOPPED },
	{ "fault-17-accepted", accepted, LIFE_STOPPED },
	{ 0 }
};
