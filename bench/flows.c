/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of the network: what an app does with sockets. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/traffic.h"

#define BATCH	   16  /* calls between two looks at the clock */
#define WARM_UP	   200 /* calls before the first look */
#define MESSAGES   32  /* of one sendmmsg() */
#define FIRST_PORT 1024

static const char message[MESSAGE];

static struct sockaddr_in target(const struct sample *sample, uint16_t port)
{
	struct sockaddr_in to = sample->to;

	to.sin_port = htons(port);
	return to;
}

static int opened(int type, const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

/* Ends with a reset: no TIME_WAIT fills the ports. */
static int connect_once(const struct sockaddr_in *to, int type)
{
	static const struct linger reset = { 1, 0 };
	int fd = opened(type, to);

	if (fd < 0)
		return fd;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	return 0;
}

static int connect_many(struct sample *sample, unsigned ms, int type,
			uint16_t port)
{
	struct sockaddr_in to = target(sample, port);
	int r = 0;

	for (unsigned i = 0; i < BATCH && r == 0; i++)
		r = connect_once(&to, type);
	sample_begin(sample, ms);
	while (r == 0 && !sample_over(sample)) {
		for (unsigned i = 0; i < BATCH && r == 0; i++)
			r = connect_once(&to, type);
		sample->ops += BATCH;
	}
	return r;
}

int row_connect(struct sample *sample, unsigned ms)
{
	return connect_many(sample, ms, SOCK_STREAM, PORT_ACCEPT);
}

int row_udp_connect(struct sample *sample, unsigned ms)
{
	return connect_many(sample, ms, SOCK_DGRAM, PORT_SINK);
}

/* to == NULL: the socket is connected. */
static int datagrams_send(struct sample *sample, unsigned ms, int fd,
			  const struct sockaddr_in *to)
{
	const struct sockaddr *sa = (const struct sockaddr *)to;
	socklen_t len = to ? sizeof(*to) : 0;
	ssize_t n = 0;

	for (unsigned i = 0; i < WARM_UP && n >= 0; i++)
		n = sendto(fd, message, MESSAGE, 0, sa, len);
	sample_begin(sample, ms);
	while (n >= 0 && !sample_over(sample)) {
		for (unsigned i = 0; i < BATCH && n >= 0; i++)
			n = sendto(fd, message, MESSAGE, 0, sa, len);
		sample->ops += BATCH;
	}
	return n < 0 ? -errno : 0;
}

int row_sendto(struct sample *sample, unsigned ms)
{
	struct sockaddr_in to = target(sample, PORT_SINK);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : datagrams_send(sample, ms, fd, &to);

	if (fd >= 0)
		close(fd);
	return r;
}

int row_send(struct sample *sample, unsigned ms)
{
	struct sockaddr_in to = target(sample, PORT_SINK);
	int fd = opened(SOCK_DGRAM, &to);
	int r = fd < 0 ? fd : datagrams_send(sample, ms, fd, NULL);

	if (fd >= 0)
		close(fd);
	return r;
}

int row_sendmmsg(struct sample *sample, unsigned ms)
{
	struct sockaddr_in to = target(sample, PORT_SINK);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct iovec iov = { (void *)message, MESSAGE };
	struct mmsghdr messages[MESSAGES] = { 0 };
	int n = fd < 0 ? -1 : 0;

	for (unsigned i = 0; i < MESSAGES; i++) {
		messages[i].msg_hdr.msg_name = &to;
		messages[i].msg_hdr.msg_namelen = sizeof(to);
		messages[i].msg_hdr.msg_iov = &iov;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (unsigned i = 0; i < WARM_UP / MESSAGES && n >= 0; i++)
		n = sendmmsg(fd, messages, MESSAGES, 0);
	sample_begin(sample, ms);
	while (n >= 0 && !sample_over(sample)) {
		n = sendmmsg(fd, messages, MESSAGES, 0);
		sample->ops += n > 0 ? (unsigned)n : 0;
	}
	n = n < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return n;
}

static int ask(int fd)
{
	char answer[MESSAGE];

	if (send(fd, message, MESSAGE, 0) != MESSAGE ||
	    recv(fd, answer, MESSAGE, MSG_WAITALL) != MESSAGE)
		return errno ? -errno : -ECONNRESET;
	return 0;
}

int row_rr(struct sample *sample, unsigned ms)
{
	struct sockaddr_in to = target(sample, PORT_REPLY);
	int fd = opened(SOCK_STREAM, &to), one = 1;
	int r = fd < 0 ? fd : 0;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (unsigned i = 0; i < WARM_UP / 4 && r == 0; i++)
		r = ask(fd);
	sample_begin(sample, ms);
	for (; r == 0 && !sample_over(sample); sample->ops++)
		r = ask(fd);
	if (fd >= 0)
		close(fd);
	return r;
}

/* The longest that an answer took. */
int row_gap(struct sample *sample, unsigned ms)
{
	struct sockaddr_in to = target(sample, PORT_REPLY);
	int fd = opened(SOCK_STREAM, &to), one = 1;
	int r = fd < 0 ? fd : 0;
	uint64_t asked;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	sample_begin(sample, ms);
	for (; r == 0 && !sample_over(sample); sample->ops++) {
		asked = clock_ns();
		r = ask(fd);
		asked = clock_ns() - asked;
		if (asked > sample->ns)
			sample->ns = asked;
	}
	if (fd >= 0)
		close(fd);
	return r;
}

/* UDP connect() to addresses all over the place: no packet leaves. */
int row_roam(struct sample *sample, unsigned ms)
{
	struct sockaddr_in to = target(sample, PORT_SINK);
	uint32_t state = 1;
	int r = 0;

	sample_begin(sample, ms);
	while (r == 0 && !sample_over(sample)) {
		for (unsigned i = 0; i < BATCH && r == 0; i++) {
			state = state * 1664525 + 1013904223;
			/* 16.0.0.0 to 95.255.255.255 */
			to.sin_addr.s_addr =
				htonl((16 + (state >> 24) % 80) << 24 |
				      (state >> 4 & 0xffffff));
			r = connect_once(&to, SOCK_DGRAM);
		}
		sample->ops += BATCH;
	}
	return r;
}

static uint64_t acknowledged(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info.tcpi_bytes_acked;
}

/* Bytes count when the far end has acknowledged them. */
int row_stream(struct sample *sample, unsigned ms)
{
	static char block[128 * 1024];
	struct sockaddr_in to = target(sample, PORT_STREAM);
	int fd = opened(SOCK_STREAM, &to);
	uint64_t before;
	ssize_t n = fd;

	for (unsigned i = 0; i < WARM_UP && n >= 0; i++)
		n = send(fd, block, sizeof(block), MSG_NOSIGNAL);
	before = acknowledged(fd);
	sample_begin(sample, ms);
	while (n >= 0 && !sample_over(sample)) {
		n = send(fd, block, sizeof(block), MSG_NOSIGNAL);
		sample->ops = acknowledged(fd) - before;
	}
	sample->ops = acknowledged(fd) - before;
	n = n < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return (int)n;
}

/* More flows than there are ports: several sockets share one. */
static int flow_open(const struct sample *sample, unsigned i)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to =
		target(sample, (uint16_t)(FIRST_PORT + i / 20000));
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	from.sin_port = htons((uint16_t)(10000 + i % 20000));
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return fd;
}

/* A packet of each of sample->count live flows in turn. They stay open. */
int row_flows(struct sample *sample, unsigned ms)
{
	static int *fds;
	static unsigned n;
	unsigned next = 0;

	if (!fds)
		fds = calloc(sample->count, sizeof(*fds));
	for (; fds && n < sample->count; n++) {
		fds[n] = flow_open(sample, n);
		if (fds[n] < 0)
			return fds[n];
	}
	sample_begin(sample, ms);
	while (!sample_over(sample)) {
		for (unsigned i = 0; i < BATCH; i++, next++)
			/* a closed port's ICMP error may come back here */
			if (send(fds[next % n], message, MESSAGE, 0) < 0 &&
			    errno != ECONNREFUSED)
				return -errno;
		sample->ops += BATCH;
	}
	return 0;
}

int side_ask(struct sockaddr_in to, int type, char *ret_side)
{
	static const struct timeval patience = { 2, 0 };
	char answer[MESSAGE] = "";
	ssize_t n = -1;
	int fd;

	to.sin_port = htons(PORT_REPLY);
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (type == SOCK_DGRAM) {
		if (sendto(fd, message, MESSAGE, 0, (struct sockaddr *)&to,
			   sizeof(to)) == MESSAGE)
			n = recv(fd, answer, sizeof(answer), 0);
	} else if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
		   send(fd, message, MESSAGE, MSG_NOSIGNAL) == MESSAGE) {
		n = recv(fd, answer, sizeof(answer), MSG_WAITALL);
	}
	close(fd);
	if (n <= 0)
		return -EIO;
	*ret_side = answer[0];
	return 0;
}
