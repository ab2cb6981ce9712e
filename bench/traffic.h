/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the traffic generator's parts say to each other. */
#ifndef SPLITD_BENCH_TRAFFIC_H
#define SPLITD_BENCH_TRAFFIC_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Ports of the far ends. */
#define PORT_REPLY  7000 /* TCP: an answer of equal length; UDP: the side */
#define PORT_ACCEPT 7001 /* TCP: accepted and closed */
#define PORT_STREAM 7002 /* TCP: read and forgotten */
#define PORT_SINK   7003 /* UDP: nobody reads */

#define MESSAGE	    64 /* bytes: small enough that only the way counts */

/* One measurement of one row: asked for by the driver, answered in a line. */
struct sample {
	struct sockaddr_in to; /* port still 0 */
	const char *where;     /* a path, for rows of the file system */
	uint64_t end;	       /* on the monotonic clock, in ns */
	unsigned count;	       /* sockets of the row "flows" */
	uint64_t ops;	       /* what was done: calls, packets, bytes */
	uint64_t ns;	       /* not 0: what is told instead of the time */
	uint64_t begun, cpu;   /* ns; the row sets them by sample_begin() */
};

uint64_t clock_ns(void);
void sample_begin(struct sample *sample, unsigned ms);
bool sample_over(
	const struct sample *sample); /* not before something is done */

/*
 * Each does its thing until the sample is over, having made its sockets and
 * done a little of it before sample_begin(). 0 or a negative errno.
 */
typedef int row_fn(struct sample *sample, unsigned ms);

/* flows.c */
row_fn row_connect, row_udp_connect, row_sendto, row_sendmmsg, row_send, row_rr,
	row_stream, row_flows, row_gap, row_roam;
int side_ask(struct sockaddr_in to, int type, char *ret_side);

/* tasks.c */
row_fn row_exec, row_fork, row_mkdir;

/* serve.c */
int serve(char side);

#endif
