/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The demo's apps: one question, in one manner, and the answer on stdout. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/demo.h"
#include "tests/lab/life.h"
#include "tests/lab/wire.h"

const struct manner manners[] = {
	[MANNER_TCP] = { "tcp", SOCK_STREAM, .handed = false },
	[MANNER_UDP] = { "udp", SOCK_DGRAM, .handed = false },
	[MANNER_PING] = { "ping", SOCK_RAW, .protocol = IPPROTO_ICMP },
	[MANNER_TCP_HANDED] = { "tcp on curl's socket", SOCK_STREAM,
				.handed = true },
	[MANNER_UDP_HANDED] = { "udp on curl's socket", SOCK_DGRAM,
				.handed = true },
	[MANNER_PING_UPLINK] = { "ping through up0", SOCK_RAW,
				 .protocol = IPPROTO_ICMP, .by_uplink = true },
};

static int demo_open(const struct manner *manner)
{
	const struct timeval limit = { .tv_usec = DEMO_WAIT_MS * 1000 };
	int fd = socket(AF_INET, manner->type, manner->protocol);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (manner->by_uplink &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "up0", 4) < 0)
		return -errno;
	return fd;
}

static size_t question(const struct manner *manner, uint8_t bytes[16])
{
	struct icmphdr echo = { .type = ICMP_ECHO,
				.un.echo.id = htons((uint16_t)getpid()) };

	memset(bytes, 0, 16);
	if (manner->protocol != IPPROTO_ICMP) {
		memcpy(bytes, "?1", 2);
		return 2;
	}
	echo.checksum = checksum_end(checksum_add(0, &echo, sizeof(echo)));
	memcpy(bytes, &echo, sizeof(echo));
	return 16;
}

/* A far end's own words, or of an echo reply that there was one. */
static int answer_print(const struct manner *manner, int fd)
{
	char text[128];
	ssize_t n;

	do {
		if (sock_wait(fd, POLLIN, DEMO_WAIT_MS) < 0)
			return 1;
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n <= 0)
			return 1;
		/* A raw socket hears everything, its own question, too. */
	} while (manner->protocol == IPPROTO_ICMP &&
		 (n < 28 || text[20] != ICMP_ECHOREPLY));
	text[n] = '\0';
	puts(manner->protocol == IPPROTO_ICMP ? "reply" : text);
	return 0;
}

/* A datagram with a descriptor: handed over, or taken (then *fd is set). */
static int pass(int channel, int *fd, bool give)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (give) {
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), fd, sizeof(int));
		return sendmsg(channel, &msg, 0) < 0 ? -errno : 0;
	}
	if (recvmsg(channel, &msg, 0) < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(fd, CMSG_DATA(cmsg), sizeof(int));
	return 0;
}

/* Starts the app that is to use the socket, then opens it and hands it over. */
static int hand_over(char **argv, const struct manner *manner)
{
	char number[16];
	int pair[2], fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
		return 2;
	pid = fork();
	if (pid == 0) {
		snprintf(number, sizeof(number), "%d", pair[1]);
		execl(argv[4], argv[4], "@ask", argv[2], argv[3], number, NULL);
		_exit(2);
	}
	fd = demo_open(manner);
	if (pid < 0 || fd < 0 || pass(pair[0], &fd, true) < 0)
		return 2;
	return proc_wait(pid, 3 * DEMO_WAIT_MS);
}

static int use(const struct manner *manner, int fd,
	       const struct sockaddr_in *sin)
{
	uint8_t bytes[16];
	size_t len = question(manner, bytes);

	if (manner->type == SOCK_STREAM &&
	    connect(fd, (const struct sockaddr *)sin, sizeof(*sin)) < 0)
		return 1;
	if (sendto(fd, bytes, len, MSG_NOSIGNAL, (const struct sockaddr *)sin,
		   sizeof(*sin)) < 0)
		return 1;
	return answer_print(manner, fd);
}

/*
 * PATH @ask MANNER ADDRESS			opens a socket and asks
 * PATH @ask MANNER ADDRESS OTHER-PATH		opens one for another app
 * PATH @ask MANNER ADDRESS DESCRIPTOR		takes it from there and asks
 */
int demo_client(int argc, char **argv)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	const struct manner *manner;
	int fd = -1;

	if (argc < 4 || inet_pton(AF_INET, argv[3], &sin.sin_addr) != 1)
		return 2;
	manner = &manners[(unsigned)atoi(argv[2]) % N_MANNERS];
	sin.sin_port = manner->protocol ? 0 : htons(PORT_ECHO);
	if (argc == 5 && argv[4][0] == '/')
		return hand_over(argv, manner);
	if (argc == 5 && pass(atoi(argv[4]), &fd, false) < 0)
		return 2;
	if (argc == 4)
		fd = demo_open(manner);
	return fd < 0 ? 2 : use(manner, fd, &sin);
}
