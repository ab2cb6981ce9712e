/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A far end: answers, accepts, swallows. */

#include <errno.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/traffic.h"

#define BACKLOG 4096
#define EVENTS	64

enum kind {
	KIND_REPLY_LISTENER,
	KIND_ACCEPT_LISTENER,
	KIND_STREAM_LISTENER,
	KIND_SIDE,
	KIND_REPLY,
	KIND_STREAM,
};

struct far {
	int epoll;
	char side;
};

static int watch(const struct far *far, int fd, enum kind kind)
{
	struct epoll_event event = { .events = EPOLLIN };

	event.data.u64 = (uint64_t)kind << 32 | (uint32_t)fd;
	return epoll_ctl(far->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int bound(int type, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	at.sin_port = htons(port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
		return -errno;
	return fd;
}

static void accept_all(const struct far *far, int listener, enum kind kind)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (kind == KIND_ACCEPT_LISTENER) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch(far, fd,
		      kind == KIND_REPLY_LISTENER ? KIND_REPLY : KIND_STREAM);
	}
}

static void reply(const struct far *far, int fd)
{
	char text[MESSAGE];
	ssize_t n = recv(fd, text, sizeof(text), 0);

	if (n > 0)
		text[0] = far->side;
	if (n <= 0 || send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		close(fd);
}

static void swallow(int fd)
{
	static char block[256 * 1024];

	if (recv(fd, block, sizeof(block), 0) <= 0)
		close(fd);
}

/* From the address that was asked: through NAT no other answer is one. */
static void side_tell(const struct far *far, int fd)
{
	char text[MESSAGE], control[CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct iovec iov = { text, sizeof(text) };
	struct sockaddr_in from;
	struct msghdr msg = { .msg_name = &from,
			      .msg_namelen = sizeof(from),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };

	if (recvmsg(fd, &msg, 0) <= 0)
		return;
	text[0] = far->side;
	((struct in_pktinfo *)CMSG_DATA(CMSG_FIRSTHDR(&msg)))->ipi_ifindex = 0;
	sendmsg(fd, &msg, 0);
}

static void event_handle(const struct far *far, const struct epoll_event *event)
{
	enum kind kind = (enum kind)(event->data.u64 >> 32);
	int fd = (int)(uint32_t)event->data.u64;

	if (kind <= KIND_STREAM_LISTENER)
		accept_all(far, fd, kind);
	else if (kind == KIND_SIDE)
		side_tell(far, fd);
	else if (kind == KIND_REPLY)
		reply(far, fd);
	else
		swallow(fd);
}

static int listen_all(const struct far *far)
{
	static const struct {
		int type;
		uint16_t port;
		enum kind kind;
	} doors[] = {
		{ SOCK_STREAM, PORT_REPLY, KIND_REPLY_LISTENER },
		{ SOCK_STREAM, PORT_ACCEPT, KIND_ACCEPT_LISTENER },
		{ SOCK_STREAM, PORT_STREAM, KIND_STREAM_LISTENER },
		{ SOCK_DGRAM, PORT_REPLY, KIND_SIDE },
	};

	for (size_t i = 0; i < sizeof(doors) / sizeof(*doors); i++) {
		int fd = bound(doors[i].type, doors[i].port);

		if (fd < 0 || watch(far, fd, doors[i].kind) < 0)
			return -errno;
	}
	return bound(SOCK_DGRAM, PORT_SINK) < 0 ? -errno : 0;
}

/* Says when it is ready; ends by a signal. */
int serve(char side)
{
	struct far far = { epoll_create1(EPOLL_CLOEXEC), side };
	struct epoll_event events[EVENTS];

	if (far.epoll < 0 || listen_all(&far) < 0) {
		perror("serve");
		return -1;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(far.epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			event_handle(&far, &events[i]);
	}
}
