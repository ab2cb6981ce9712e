/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: TCP, bound first, fast open both ways, and MPTCP. */

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

#define JOIN_MS 2000

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int connect_and_ask(struct trial *trial, int fd, uint16_t port)
{
	int r = sock_connect(trial, fd, trial->dst, port);

	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "connect: %s",
				  strerror(-r));
	r = stream_ask(trial, fd, trial->dst);
	return r < 0 ? r : stream_ask(trial, fd, trial->dst);
}

static int tcp(struct trial *trial)
{
	_cleanup_close_ int fd = -1;
	int r = sock_open(trial, SOCK_STREAM, 0, &fd);

	return r < 0 ? r : connect_and_ask(trial, fd, PORT_ECHO);
}

static int tcp_bound(struct trial *trial)
{
	struct in6_addr any = IN6ADDR_ANY_INIT;
	struct sockaddr_storage sa;
	_cleanup_close_ int fd = -1;
	socklen_t len =
		sockaddr_fill(&sa, family_domain(trial->family), &any, 0);
	int r = sock_open(trial, SOCK_STREAM, 0, &fd);

	if (r < 0)
		return r;
	if (bind(fd, (struct sockaddr *)&sa, len) < 0)
		return trial_fail(trial, FAULT_OTHER, "bind: %m");
	return connect_and_ask(trial, fd, PORT_ECHO);
}

/*
 * The first connection fetches the cookie, the second one's SYN carries the
 * question: the packet that no connect() has announced.
 */
static int fast_open_twice(struct trial *trial,
			   int (*start)(struct trial *trial, int fd))
{
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_close_ int fd = -1;
		struct tcp_info info = { 0 };
		socklen_t len = sizeof(info);
		int r = sock_open(trial, SOCK_STREAM, 0, &fd);

		if (r >= 0)
			r = start(trial, fd);
		if (r >= 0)
			r = answer_take(trial, fd, trial->dst);
		if (r < 0)
			return r;
		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
		    (i == 1 && !(info.tcpi_options & TCPI_OPT_SYN_DATA)))
			return trial_fail(trial, FAULT_OTHER,
					  "the SYN carried no data");
	}
	return 0;
}

static int start_sendto(struct trial *trial, int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = target(trial, trial->dst, PORT_ECHO, &sa);
	char question[32];
	int n = question_format(trial, question, sizeof(question));

	if (sendto(fd, question, (size_t)n, MSG_FASTOPEN | MSG_NOSIGNAL,
		   (struct sockaddr *)&sa, len) < 0)
		return trial_fail(trial, FAULT_OTHER, "fast open: %m");
	return 0;
}

static int start_connect(struct trial *trial, int fd)
{
	char question[32];
	int n = question_format(trial, question, sizeof(question));
	int on = 1, r;

	if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)) <
	    0)
		return trial_fail(trial, FAULT_OTHER, "fast open: %m");
	r = sock_connect(trial, fd, trial->dst, PORT_ECHO);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "connect: %s",
				  strerror(-r));
	if (send(fd, question, (size_t)n, MSG_NOSIGNAL) != n)
		return trial_fail(trial, FAULT_OTHER, "send: %m");
	return 0;
}

static int tfo_sendto(struct trial *trial)
{
	return fast_open_twice(trial, start_sendto);
}

static int tfo_connect(struct trial *trial)
{
	return fast_open_twice(trial, start_connect);
}

/*
 * How many further subflows this namespace has tried to open: a refused one
 * counts apart (MPJoinSynTxConnectErr). Kernels before 6.12 count neither;
 * there, what splitd refused must do, as nothing else in this case is refused.
 */
static int64_t joins_tried(const struct trial *trial)
{
	_cleanup_fclose_ FILE *file =
		fopen("/proc/thread-self/net/netstat", "re");
	bool counted = false;
	int64_t sum = 0;
	char names[8192], values[8192], *name, *value, *at_name, *at_value;

	/* lines in pairs: the names, and the values below them */
	while (file && fgets(names, sizeof(names), file) &&
	       fgets(values, sizeof(values), file)) {
		name = strtok_r(names, " \n", &at_name);
		value = strtok_r(values, " \n", &at_value);
		for (; name && value; name = strtok_r(NULL, " \n", &at_name),
				      value = strtok_r(NULL, " \n", &at_value))
			if (strncmp(name, "MPJoinSynTx", 11) == 0) {
				counted = true;
				sum += atol(value);
			}
	}
	return counted ? sum : drops_count(trial->bpffs);
}

/*
 * Through the tunnel there is another address to open a subflow from, the
 * uplink's (net.c): wait until the kernel has tried, and the sensors have
 * something to miss.
 */
static int join_await(struct trial *trial, int64_t before)
{
	int64_t end = now_ms() + patient(trial->emulated, JOIN_MS);

	while (joins_tried(trial) <= before)
		if (now_ms() > end)
			return trial_fail(trial, FAULT_OTHER,
					  "no further subflow was tried");
	return 0;
}

static int mptcp(struct trial *trial)
{
	_cleanup_close_ int fd = socket(family_domain(trial->family),
					SOCK_STREAM | SOCK_CLOEXEC,
					IPPROTO_MPTCP);
	bool tunnelled = want_side(trial, trial->dst) == SIDE_TUNNEL;
	int64_t before = joins_tried(trial);
	int r;

	/* ENOENT: Debian's 5.10, whose MPTCP does not find its own half */
	if (fd < 0 && (errno == EPROTONOSUPPORT || errno == ENOPROTOOPT ||
		       errno == ENOENT))
		return trial_skip(trial, "MPTCP");
	if (fd < 0)
		return trial_fail(trial, FAULT_OTHER, "socket: %m");
	r = connect_and_ask(trial, fd, PORT_MPTCP);
	return r < 0 || !tunnelled ? r : join_await(trial, before);
}

const struct row rows_tcp[] = {
	{ .name = "tcp", .run = tcp },
	{ .name = "tcp-bound", .run = tcp_bound },
	{ .name = "tfo-sendto", .run = tfo_sendto },
	{ .name = "tfo-connect", .run = tfo_connect },
	/* The kernel makes its subflows, past socket(). */
	{ .name = "mptcp", .run = mptcp, .flags = ROW_HANDS },
	{ 0 }
};
