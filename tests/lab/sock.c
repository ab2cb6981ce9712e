/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's verbs: open, connect, ask, and judge the answer. */

/*
 * A question is "?SERIAL"; a far end answers "NAME SOURCE ?SERIAL": who it is,
 * the source address it saw, and the question, so that a late answer to an
 * earlier question is never taken for this one. Every wait has a deadline, and
 * every failure leaves its sentence in the trial.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"
#include "tests/lab/wire.h"

/* Keeps the first sentence: what follows is its consequence. */
int trial_fail(struct trial *trial, enum fault fault, const char *format, ...)
{
	va_list ap;

	if (trial->fault != FAULT_NONE && trial->fault <= fault)
		return -EPROTO;

	trial->fault = fault;
	va_start(ap, format);
	vsnprintf(trial->why, sizeof(trial->why), format, ap);
	va_end(ap);
	return -EPROTO;
}

/* Not a failure of splitd: the kernel lacks what the row is about. */
int trial_skip(struct trial *trial, const char *lack)
{
	trial->skip = true;
	snprintf(trial->why, sizeof(trial->why), "kernel without %s", lack);
	return -EOPNOTSUPP;
}

bool kernel_before(unsigned major, unsigned minor)
{
	struct utsname name;
	unsigned is_major, is_minor;

	return uname(&name) == 0 &&
	       sscanf(name.release, "%u.%u", &is_major, &is_minor) == 2 &&
	       (is_major < major || (is_major == major && is_minor < minor));
}

socklen_t target(const struct trial *trial, enum dst dst, uint16_t port,
		 struct sockaddr_storage *ret_sa)
{
	struct in6_addr addr = dst_address(dst, family_is_v6(trial->family));

	return sockaddr_fill(ret_sa, family_domain(trial->family), &addr, port);
}

int sock_open(struct trial *trial, int type, int protocol, int *ret_fd)
{
	int fd = socket(family_domain(trial->family), type | SOCK_CLOEXEC,
			protocol);

	if (fd < 0)
		return trial_fail(trial, FAULT_OTHER, "socket: %m");
	*ret_fd = fd;
	return 0;
}

/* 0, -ETIMEDOUT, or what poll() said. */
int sock_wait(int fd, short events, int deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t end = now_ms() + deadline_ms;

	for (;;) {
		int64_t left = end - now_ms();
		int r = poll(&p, 1, left > 0 ? (int)left : 0);

		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* Returns the connect's own negative errno and fills nothing in. */
int sock_connect(struct trial *trial, int fd, enum dst dst, uint16_t port)
{
	struct timeval limit = { .tv_sec = trial->deadline_ms / 1000,
				 .tv_usec = trial->deadline_ms % 1000 * 1000 };
	struct sockaddr_storage sa;
	socklen_t len = target(trial, dst, port, &sa);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, len) < 0)
		return errno == EINPROGRESS ? -ETIMEDOUT : -errno;
	return 0;
}

int question_format(struct trial *trial, char *buf, size_t size)
{
	return snprintf(buf, size, "?%u", ++trial->serial);
}

int udp_send(struct trial *trial, int fd, enum dst dst, uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len = target(trial, dst, port, &sa);
	char question[32];
	int n = question_format(trial, question, sizeof(question));

	if (sendto(fd, question, (size_t)n, 0, (struct sockaddr *)&sa, len) < 0)
		return -errno;
	return 0;
}

int answer_check(struct trial *trial, const char *text, enum dst dst)
{
	enum side want = want_side(trial, dst);
	struct in6_addr addr =
		client_address(want, family_is_v6(trial->family));
	char name[16], source[INET6_ADDRSTRLEN], expected[INET6_ADDRSTRLEN];

	if (sscanf(text, "%15s %45s", name, source) != 2)
		return trial_fail(trial, FAULT_OTHER, "answer '%.60s'", text);
	if (strcmp(name, side_name(want)) != 0)
		return trial_fail(trial,
				  wrong_side(trial,
					     want == SIDE_TUNNEL ? SIDE_UPLINK :
								   SIDE_TUNNEL,
					     dst),
				  "%s answered for %s", name, dst_name(dst));

	if (family_is_v6(trial->family))
		inet_ntop(AF_INET6, &addr, expected, sizeof(expected));
	else
		inet_ntop(AF_INET, addr.s6_addr + 12, expected,
			  sizeof(expected));
	if (strcmp(source, expected) != 0)
		return trial_fail(trial, FAULT_SOURCE,
				  "%s saw the source %s, not %s", name, source,
				  expected);
	return 0;
}

/* Takes the answer to the last question; drops answers to earlier ones. */
int answer_take(struct trial *trial, int fd, enum dst dst)
{
	char text[128], tail[32];

	snprintf(tail, sizeof(tail), " ?%u", trial->serial);
	for (unsigned tries = 0; tries < 64; tries++) {
		int r = sock_wait(fd, POLLIN, trial->deadline_ms);
		ssize_t n;
		size_t cut;

		if (r < 0)
			return trial_fail(trial, FAULT_OTHER,
					  "no answer from %s: %s",
					  dst_name(dst), strerror(-r));
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n <= 0)
			return trial_fail(trial, FAULT_OTHER, "receive: %s",
					  n ? strerror(errno) : "closed");
		text[n] = '\0';
		cut = strlen(tail);
		if ((size_t)n > cut && strcmp(text + n - cut, tail) == 0)
			return answer_check(trial, text, dst);
	}
	return trial_fail(trial, FAULT_OTHER, "only late answers");
}

int udp_ask(struct trial *trial, int fd, enum dst dst, uint16_t port)
{
	int r = udp_send(trial, fd, dst, port);

	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "sendto %s: %s",
				  dst_name(dst), strerror(-r));
	return answer_take(trial, fd, dst);
}

/* On a connected socket of any type. */
int stream_ask(struct trial *trial, int fd, enum dst dst)
{
	char question[32];
	int n = question_format(trial, question, sizeof(question));

	if (send(fd, question, (size_t)n, MSG_NOSIGNAL) != n)
		return trial_fail(trial, FAULT_OTHER, "send to %s: %m",
				  dst_name(dst));
	return answer_take(trial, fd, dst);
}

static bool echo_reply(const uint8_t *bytes, size_t n, bool v6, bool raw,
		       uint16_t serial)
{
	uint8_t type = v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
	size_t header = raw && !v6 && n ? (bytes[0] & 15u) * 4u : 0;
	uint16_t got;

	if (n < header + 8 || bytes[header] != type)
		return false;
	memcpy(&got, bytes + header + 6, sizeof(got));
	return ntohs(got) == serial;
}

static int echo_take(struct trial *trial, int fd, bool raw, const char *whom)
{
	bool v6 = family_is_v6(trial->family);

	for (unsigned tries = 0; tries < 64; tries++) {
		uint8_t bytes[256];
		int r = sock_wait(fd, POLLIN, trial->deadline_ms);
		ssize_t n = r < 0 ? r : recv(fd, bytes, sizeof(bytes), 0);

		if (n < 0)
			return trial_fail(trial, FAULT_OTHER,
					  "no echo from %s: %s", whom,
					  strerror(r < 0 ? -r : errno));
		if (echo_reply(bytes, (size_t)n, v6, raw,
			       (uint16_t)trial->serial))
			return 0;
	}
	return trial_fail(trial, FAULT_OTHER, "only foreign echoes");
}

/* An echo request; a ping socket puts its own identifier in. */
int echo_format(struct trial *trial, uint8_t ret_echo[ECHO_SIZE])
{
	bool v6 = family_is_v6(trial->family);
	uint16_t fields[3] = { 0, htons((uint16_t)getpid()),
			       htons((uint16_t)++trial->serial) };

	memset(ret_echo, 0, ECHO_SIZE);
	ret_echo[0] = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	memcpy(ret_echo + 2, fields, sizeof(fields));
	/* ICMPv6's covers the addresses: the kernel's business. */
	fields[0] = v6 ? 0 : checksum_end(checksum_add(0, ret_echo, ECHO_SIZE));
	memcpy(ret_echo + 2, fields, sizeof(fields));
	return ECHO_SIZE;
}

/*
 * An echo request and its reply. Who answered is the sensors' to say: a
 * kernel's echo reply has no name in it.
 */
int ping_ask(struct trial *trial, int fd, enum dst dst, bool raw)
{
	struct sockaddr_storage sa;
	socklen_t len = target(trial, dst, 0, &sa);
	uint8_t echo[ECHO_SIZE];

	echo_format(trial, echo);
	if (sendto(fd, echo, sizeof(echo), 0, (struct sockaddr *)&sa, len) < 0)
		return trial_fail(trial, FAULT_OTHER, "echo to %s: %m",
				  dst_name(dst));
	return echo_take(trial, fd, raw, dst_name(dst));
}

/* The same on a connected ping socket. */
int ping_peer(struct trial *trial, int fd)
{
	uint8_t echo[ECHO_SIZE];

	echo_format(trial, echo);
	if (send(fd, echo, sizeof(echo), 0) < 0)
		return trial_fail(trial, FAULT_OTHER, "echo: %m");
	return echo_take(trial, fd, false, "the client");
}

/* What a hook or the guard may answer for a blocked flow. */
bool is_blocked(int error)
{
	return error == -EPERM || error == -ENETUNREACH ||
	       error == -EHOSTUNREACH || error == -EACCES;
}
