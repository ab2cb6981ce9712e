/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets of an app's processes that have a peer at this moment. */
#ifndef SPLITD_FLOWS_H
#define SPLITD_FLOWS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct engine;

struct live_flow {
	pid_t pid;	     /* thread group */
	uint8_t protocol;    /* IPPROTO_TCP or IPPROTO_UDP */
	struct in6_addr dst; /* v4-mapped for IPv4 */
	uint16_t port;	     /* host order */
};

/*
 * Connections that a process of some app opened in this network namespace, and
 * its connected UDP sockets, by process. What it accepted, and datagrams
 * without a connection, are no flows of this kind. A socket that two processes
 * hold is there twice. free(); -ENOENT where the kernel has no sock_diag.
 */
int engine_flows(struct engine *engine, struct live_flow **ret_flows,
		 size_t *ret_n);

#endif
