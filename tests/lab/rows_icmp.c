/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: ping sockets and raw ones, for which no hook runs at sendto(). */

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

static int ping_open(struct trial *trial, int type, int *ret_fd)
{
	int protocol = family_is_v6(trial->family) ? (int)IPPROTO_ICMPV6 :
						     (int)IPPROTO_ICMP;

	return sock_open(trial, type, protocol, ret_fd);
}

static int ping_with(struct trial *trial, int type, bool connected)
{
	_cleanup_close_ int fd = -1;
	int r = ping_open(trial, type, &fd);

	if (r < 0)
		return r;
	if (connected) {
		r = sock_connect(trial, fd, trial->dst, 0);
		if (r < 0)
			return trial_fail(trial, FAULT_OTHER, "connect: %s",
					  strerror(-r));
		return ping_ask(trial, fd, trial->dst, type == SOCK_RAW);
	}

	r = ping_ask(trial, fd, trial->dst, type == SOCK_RAW);
	if (r >= 0)
		r = ping_ask(trial, fd, dst_opposite(trial->dst),
			     type == SOCK_RAW);
	return r < 0 ? r : ping_ask(trial, fd, trial->dst, type == SOCK_RAW);
}

static int ping(struct trial *trial)
{
	return ping_with(trial, SOCK_DGRAM, false);
}

static int ping_connected(struct trial *trial)
{
	return ping_with(trial, SOCK_DGRAM, true);
}

static int raw(struct trial *trial)
{
	return ping_with(trial, SOCK_RAW, false);
}

static int raw_connected(struct trial *trial)
{
	return ping_with(trial, SOCK_RAW, true);
}

const struct row rows_icmp[] = {
	{ .name = "ping",
	  .run = ping,
	  .families = REAL_FAMS,
	  .flags = ROW_BOTH },
	{ .name = "ping-user",
	  .run = ping,
	  .families = REAL_FAMS,
	  .uid = LAB_UID,
	  .flags = ROW_BOTH },
	{ .name = "ping-connected",
	  .run = ping_connected,
	  .families = REAL_FAMS },
	{ .name = "raw", .run = raw, .families = REAL_FAMS, .flags = ROW_BOTH },
	{ .name = "raw-connected",
	  .run = raw_connected,
	  .families = REAL_FAMS },
	{ 0 }
};
