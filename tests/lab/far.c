/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A far host: echo servers that say who they are, and the sensor. */

/*
 * One process a side, one poll loop: UDP and TCP (plain with fast open, and
 * MPTCP) on both families, the capture, and the runner's control socket. A
 * UDP answer leaves from the address that was asked, by pktinfo.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum kind {
	KIND_UDP,
	KIND_SINK,
	KIND_LISTENER,
	KIND_STREAM,
	KIND_SENSOR,
	KIND_CTL
};

#define MAX_SOCKETS 512

struct host {
	enum side side;
	struct sensor *sensor;
	size_t n;
	struct pollfd polls[MAX_SOCKETS];
	enum kind kinds[MAX_SOCKETS];
};

static void socket_add(struct host *host, int fd, enum kind kind)
{
	if (host->n == MAX_SOCKETS) {
		close(fd);
		return;
	}
	host->polls[host->n] = (struct pollfd){ .fd = fd, .events = POLLIN };
	host->kinds[host->n++] = kind;
}

static int answer_format(const struct host *host,
			 const struct sockaddr_storage *from,
			 const char *question, char *buf, size_t size)
{
	char source[INET6_ADDRSTRLEN] = "?";

	if (from->ss_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)from)->sin_addr,
			  source, sizeof(source));
	else
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)from)->sin6_addr,
			  source, sizeof(source));
	return snprintf(buf, size, "%s %s %.40s", side_name(host->side), source,
			question);
}

/* The received control message goes out again: it names our address. */
static void udp_answer(const struct host *host, int fd)
{
	struct sockaddr_storage from;
	char question[64] = "", answer[160], control[128];
	struct iovec in = { question, sizeof(question) - 1 };
	struct iovec out = { answer, 0 };
	struct msghdr msg = { .msg_name = &from,
			      .msg_namelen = sizeof(from),
			      .msg_iov = &in,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);

	if (n < 0)
		return;
	question[n] = '\0';
	out.iov_len = (size_t)answer_format(host, &from, question, answer,
					    sizeof(answer));
	msg.msg_iov = &out;
	sendmsg(fd, &msg, MSG_DONTWAIT);
}

static void datagram_drop(int fd)
{
	char byte;

	(void)!recv(fd, &byte, 1, MSG_DONTWAIT);
}

/* False when the connection is over. */
static bool stream_answer(const struct host *host, int fd)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char question[64] = "", answer[160];
	ssize_t n = recv(fd, question, sizeof(question) - 1, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN;
	if (n == 0 || getpeername(fd, (struct sockaddr *)&from, &len) < 0)
		return false;
	n = answer_format(host, &from, question, answer, sizeof(answer));
	return send(fd, answer, (size_t)n, MSG_NOSIGNAL) == n;
}

static void stream_accept(struct host *host, int fd)
{
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (conn >= 0)
		socket_add(host, conn, KIND_STREAM);
}

static void markers_wait(struct host *host, const struct request *request)
{
	int64_t end = now_ms() + 5000;

	sensor_drain(host->sensor);
	while (sensor_marks(host->sensor, request->nonce) < request->marks &&
	       now_ms() < end) {
		sock_wait(sensor_fd(host->sensor), POLLIN, 50);
		sensor_drain(host->sensor);
	}
}

/*
 * The answer is waited for here: a marker may overtake it, as WireGuard leaves
 * what arrives to a worker. Without this 8 of 1,968 answers on emulated 5.10
 * and 7.2 came after the reading, none was lost.
 */
static int replay(struct sensor *sensor)
{
	int64_t end = now_ms() + 1000;
	uint32_t before;
	int r;

	sensor_drain(sensor);
	before = sensor_packets(sensor);
	r = sensor_replay(sensor);
	while (r >= 0 && sensor_packets(sensor) == before && now_ms() < end) {
		sock_wait(sensor_fd(sensor), POLLIN, 50);
		sensor_drain(sensor);
	}
	return r;
}

static void request_serve(struct host *host, int fd)
{
	struct request request;
	struct reading reading = { 0 };
	int r;

	if (recv(fd, &request, sizeof(request), 0) != sizeof(request))
		_exit(0); /* the runner is gone */

	if (request.op == REQUEST_REPLAY) {
		r = replay(host->sensor);
		send(fd, &r, sizeof(r), MSG_NOSIGNAL);
		return;
	}
	markers_wait(host, &request);
	sensor_take(host->sensor, &reading);
	if (sensor_marks(host->sensor, request.nonce) < request.marks)
		reading.lost++;
	send(fd, &reading, sizeof(reading), MSG_NOSIGNAL);
}

static void socket_serve(struct host *host, size_t i)
{
	int fd = host->polls[i].fd;

	switch (host->kinds[i]) {
	case KIND_UDP:
		udp_answer(host, fd);
		break;
	case KIND_SINK:
		datagram_drop(fd);
		break;
	case KIND_LISTENER:
		stream_accept(host, fd);
		break;
	case KIND_STREAM:
		if (stream_answer(host, fd))
			break;
		close(fd);
		host->polls[i].fd = -1;
		break;
	case KIND_SENSOR:
		sensor_drain(host->sensor);
		break;
	case KIND_CTL:
		request_serve(host, fd);
		break;
	}
}

static void closed_forget(struct host *host)
{
	size_t kept = 0;

	for (size_t i = 0; i < host->n; i++) {
		if (host->polls[i].fd < 0)
			continue;
		host->polls[kept] = host->polls[i];
		host->kinds[kept++] = host->kinds[i];
	}
	host->n = kept;
}

static void host_loop(struct host *host)
{
	for (;;) {
		size_t n = host->n;

		if (poll(host->polls, n, -1) < 0 && errno != EINTR)
			_exit(1);
		/* the runner's questions last: what came before them counts */
		for (int ctl = 0; ctl < 2; ctl++)
			for (size_t i = 0; i < n; i++)
				if (host->polls[i].revents &&
				    (host->kinds[i] == KIND_CTL) == ctl)
					socket_serve(host, i);
		closed_forget(host);
	}
}

static int server_open(int domain, int type, int protocol, uint16_t port)
{
	_cleanup_close_ int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	struct sockaddr_storage sa;
	struct in6_addr any = IN6ADDR_ANY_INIT;
	socklen_t len = sockaddr_fill(&sa, domain, &any, port);
	int on = 1, queue = 64, room = 4 << 20;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (domain == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	} else {
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	}
	if (bind(fd, (struct sockaddr *)&sa, len) < 0)
		return -errno;
	if (type != SOCK_STREAM)
		return TAKE_FD(fd);

	if (protocol == IPPROTO_TCP)
		setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue,
			   sizeof(queue));
	if (listen(fd, 512) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int servers_open(struct host *host)
{
	static const struct {
		int type, protocol;
		uint16_t port;
	} servers[] = {
		{ SOCK_DGRAM, IPPROTO_UDP, PORT_ECHO },
		{ SOCK_DGRAM, IPPROTO_UDP, PORT_OTHER },
		{ SOCK_DGRAM, IPPROTO_UDP, PORT_SINK },
		{ SOCK_STREAM, IPPROTO_TCP, PORT_ECHO },
		{ SOCK_STREAM, IPPROTO_TCP, PORT_OTHER },
		{ SOCK_STREAM, IPPROTO_MPTCP, PORT_MPTCP },
	};

	for (size_t i = 0; i < 2 * sizeof(servers) / sizeof(*servers); i++) {
		int domain = i % 2 ? AF_INET6 : AF_INET;
		int type = servers[i / 2].type;
		int fd = server_open(domain, type, servers[i / 2].protocol,
				     servers[i / 2].port);

		/* A kernel without MPTCP: its rows are skipped there. */
		if (fd < 0 && servers[i / 2].protocol == IPPROTO_MPTCP)
			continue;
		if (fd < 0)
			return fd;
		socket_add(host, fd,
			   servers[i / 2].port == PORT_SINK ? KIND_SINK :
			   type == SOCK_DGRAM		    ? KIND_UDP :
							      KIND_LISTENER);
	}
	return 0;
}

static int host_main(enum side side, int ctl)
{
	struct host *host = calloc(1, sizeof(*host));
	struct reading ready = { 0 };

	if (!host)
		return 1;
	host->side = side;
	if (sensor_open(&host->sensor) < 0 || servers_open(host) < 0)
		return 1;
	socket_add(host, sensor_fd(host->sensor), KIND_SENSOR);
	socket_add(host, ctl, KIND_CTL);
	send(ctl, &ready, sizeof(ready), MSG_NOSIGNAL);
	host_loop(host);
	return 0;
}

int far_start(struct lab *lab, enum side side)
{
	struct far *far = &lab->far[side];
	struct reading ready;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	far->pid = proc_fork(lab, -1, (enum ns)side);
	if (far->pid == 0) {
		close(pair[0]);
		_exit(host_main(side, pair[1]));
	}
	close(pair[1]);
	far->ctl = pair[0];
	if (far->pid < 0)
		return (int)far->pid;

	r = sock_wait(far->ctl, POLLIN, 5000);
	if (r < 0)
		return r;
	return recv(far->ctl, &ready, sizeof(ready), 0) > 0 ? 0 : -EPIPE;
}

/* With all its connections, and its capture. */
int far_restart(struct lab *lab, enum side side)
{
	struct far *far = &lab->far[side];

	kill(far->pid, SIGKILL);
	proc_wait(far->pid, 5000);
	close(far->ctl);
	return far_start(lab, side);
}
