/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: servers in the client's namespace; answers leave as questions came. */

/*
 * A far host asks, from a listed or an unlisted address of its own; the server
 * belongs to a listed or an unlisted app. None of that matters: the answer,
 * and what the kernel says in the app's stead (RST, ICMP, TIME_WAIT), must
 * leave by the device the question came in by. Without splitd that holds for
 * the uplink only: strict rp_filter drops the tunnel's questions.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

/* How long a question waits that has no answer. */
#define PAIR_DEADLINE_MS 200
#define PAIR_MAIMED_MS	 60

enum binding {
	BIND_ANY,
	BIND_ADDRESS
};

/* A server's port is known before: another one for every trial. */
static uint16_t port_choose(const struct trial *trial)
{
	return (uint16_t)(20000 + (trial->serial >> 12) % 10000);
}

/* A server of a dual-stack app listens on ::, for "mapped" questions too. */
static int server_open(struct trial *trial, int type, enum binding binding,
		       int *ret_fd)
{
	struct in6_addr addr = IN6ADDR_ANY_INIT;
	struct sockaddr_storage sa;
	_cleanup_close_ int fd = -1;
	int on = 1, r = sock_open(trial, type, 0, &fd);
	socklen_t len;

	if (r < 0)
		return r;
	if (binding == BIND_ADDRESS)
		addr = client_address(trial->via, family_is_v6(trial->family));
	trial->port = port_choose(trial);
	len = sockaddr_fill(&sa, family_domain(trial->family), &addr,
			    trial->port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 8) < 0))
		return trial_fail(trial, FAULT_OTHER, "server: %m");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* What the far host's process does: a socket of its own, from trial->dst. */
static int far_open(struct trial *trial, int type, int protocol, int *ret_fd)
{
	bool v6 = family_is_v6(trial->family);
	struct in6_addr from = dst_address(trial->dst, v6);
	struct in6_addr to = client_address(trial->via, v6);
	struct timeval limit = { .tv_sec = trial->deadline_ms / 1000,
				 .tv_usec = trial->deadline_ms % 1000 * 1000 };
	int domain = v6 ? AF_INET6 : AF_INET;
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, domain, &from, 0);
	_cleanup_close_ int fd = socket(domain, type | SOCK_CLOEXEC, protocol);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) < 0)
		return trial_fail(trial, FAULT_OTHER, "far socket: %m");
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	len = sockaddr_fill(&sa, domain, &to, trial->port);
	if (connect(fd, (struct sockaddr *)&sa, len) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Runs in the far namespace, as a process of no app. */
static int far_run(struct lab *lab, struct trial *trial,
		   int (*run)(struct trial *trial))
{
	pid_t pid = proc_fork(lab, -1, (enum ns)trial->via);
	int r;

	if (pid == 0)
		_exit(run(trial) < 0);
	r = proc_wait(pid, trial->deadline_ms * 4);
	if (r != 0)
		return trial_fail(trial, FAULT_OTHER, "the far client: %d", r);
	return 0;
}

static int far_exchange(struct trial *trial, int type)
{
	_cleanup_close_ int fd = -1;
	char text[32] = "";
	int r = far_open(trial, type, 0, &fd);

	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "far connect: %s",
				  strerror(-r));
	for (unsigned i = 0; i < 2; i++)
		if (send(fd, "hello", 5, MSG_NOSIGNAL) != 5 ||
		    recv(fd, text, sizeof(text), 0) != 5)
			return trial_fail(trial, FAULT_OTHER,
					  "no answer at the %s: %m",
					  side_name(trial->via));
	/* A server that closes first gets the FIN it waits for. */
	if (type == SOCK_STREAM)
		recv(fd, text, sizeof(text), 0);
	return 0;
}

static int far_stream(struct trial *trial)
{
	return far_exchange(trial, SOCK_STREAM);
}

static int far_datagram(struct trial *trial)
{
	return far_exchange(trial, SOCK_DGRAM);
}

static int stream_serve(struct trial *trial, int listener)
{
	_cleanup_close_ int fd = -1;
	char text[32];

	if (sock_wait(listener, POLLIN, trial->deadline_ms) < 0)
		return trial_fail(trial, FAULT_OTHER, "nobody came");
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	for (unsigned i = 0; i < 2; i++) {
		ssize_t n;

		if (sock_wait(fd, POLLIN, trial->deadline_ms) < 0)
			return trial_fail(trial, FAULT_OTHER, "no question");
		n = recv(fd, text, sizeof(text), 0);
		if (n <= 0 || send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
			return trial_fail(trial, FAULT_OTHER, "answer: %m");
	}
	/* Closes first: TIME_WAIT is the server's. */
	return 0;
}

/* As most servers do: recvfrom() and sendto(), from wherever. */
static int datagram_serve(struct trial *trial, int fd)
{
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		char text[32];
		ssize_t n;

		if (sock_wait(fd, POLLIN, trial->deadline_ms) < 0)
			return trial_fail(trial, FAULT_OTHER, "no question");
		n = recvfrom(fd, text, sizeof(text), 0,
			     (struct sockaddr *)&from, &len);
		if (n < 0 || sendto(fd, text, (size_t)n, 0,
				    (struct sockaddr *)&from, len) != n)
			return trial_fail(trial, FAULT_OTHER, "answer: %m");
	}
	return 0;
}

/* As careful servers do: from the address that was asked. */
static int pktinfo_serve(struct trial *trial, int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	if (family_domain(trial->family) == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	for (unsigned i = 0; i < 2; i++) {
		char text[32], control[128];
		struct sockaddr_storage from;
		struct iovec vector = { text, sizeof(text) };
		struct msghdr msg = { .msg_name = &from,
				      .msg_namelen = sizeof(from),
				      .msg_iov = &vector,
				      .msg_iovlen = 1,
				      .msg_control = control,
				      .msg_controllen = sizeof(control) };
		ssize_t n;

		if (sock_wait(fd, POLLIN, trial->deadline_ms) < 0)
			return trial_fail(trial, FAULT_OTHER, "no question");
		n = recvmsg(fd, &msg, 0);
		vector.iov_len = n < 0 ? 0 : (size_t)n;
		if (n < 0 || sendmsg(fd, &msg, 0) != n)
			return trial_fail(trial, FAULT_OTHER, "answer: %m");
	}
	return 0;
}

struct service {
	int type;
	enum binding binding;
	int (*serve)(struct trial *trial, int fd);
	int (*ask)(struct trial *trial);
};

static int server_main(struct trial *trial, const struct service *service,
		       int ready)
{
	_cleanup_close_ int fd = -1;
	int r = server_open(trial, service->type, service->binding, &fd);

	if (r < 0 || write(ready, "", 1) != 1)
		return -EPROTO;
	return service->serve(trial, fd);
}

static int serve(struct lab *lab, struct trial *trial,
		 const struct service *service)
{
	int pipes[2], r;
	pid_t server;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return trial_fail(trial, FAULT_OTHER, "pipe: %m");
	server = proc_fork(lab, lab->cgroup_fd[trial->app], NS_CLIENT);
	if (server == 0)
		_exit(server_main(trial, service, pipes[1]) < 0);
	close(pipes[1]);
	r = pipe_wait(pipes[0], trial->deadline_ms);
	close(pipes[0]);
	if (r >= 0)
		r = far_run(lab, trial, service->ask);
	if (proc_wait(server, trial->deadline_ms * 4) != 0)
		r = trial_fail(trial, FAULT_OTHER, "the server failed");
	return r;
}

static int tcp_any(struct lab *lab, struct trial *trial)
{
	return serve(lab, trial,
		     &(struct service){ SOCK_STREAM, BIND_ANY, stream_serve,
					far_stream });
}

static int tcp_address(struct lab *lab, struct trial *trial)
{
	return serve(lab, trial,
		     &(struct service){ SOCK_STREAM, BIND_ADDRESS, stream_serve,
					far_stream });
}

static int udp_any(struct lab *lab, struct trial *trial)
{
	return serve(lab, trial,
		     &(struct service){ SOCK_DGRAM, BIND_ANY, datagram_serve,
					far_datagram });
}

static int udp_address(struct lab *lab, struct trial *trial)
{
	return serve(lab, trial,
		     &(struct service){ SOCK_DGRAM, BIND_ADDRESS,
					datagram_serve, far_datagram });
}

static int udp_pktinfo(struct lab *lab, struct trial *trial)
{
	return serve(lab, trial,
		     &(struct service){ SOCK_DGRAM, BIND_ANY, pktinfo_serve,
					far_datagram });
}

/*
 * The server has closed first and exited; its last ACK, says the far end, was
 * lost: the FIN comes once more, and only TIME_WAIT is left to answer it.
 */
static int time_wait(struct lab *lab, struct trial *trial)
{
	struct reading before[N_SIDES];
	int r = tcp_any(lab, trial);

	/* or the first FIN's answer is taken for the second's */
	connections_end(lab, FAREWELL_MS);
	if (r >= 0)
		r = sensors_read(lab, before);
	if (r < 0)
		return r;
	check_sources(trial, before);
	r = sensor_replay_ask(lab, trial->via);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "replay: %s",
				  strerror(-r));
	return 0;
}

/* A port where nobody listens: the kernel answers in nobody's name. */
static int far_refused(struct trial *trial, int type)
{
	_cleanup_close_ int fd = -1;
	char byte;
	int r = far_open(trial, type, 0, &fd);

	if (type == SOCK_DGRAM && r >= 0) {
		r = send(fd, "?", 1, 0) < 0 ? -errno : 0;
		if (r >= 0)
			r = recv(fd, &byte, 1, 0) < 0 ? -errno : 0;
	}
	if (r == -ECONNREFUSED)
		return 0;
	return trial_fail(trial, FAULT_OTHER, "not refused: %s", strerror(-r));
}

static int far_refused_stream(struct trial *trial)
{
	return far_refused(trial, SOCK_STREAM);
}

static int far_refused_datagram(struct trial *trial)
{
	return far_refused(trial, SOCK_DGRAM);
}

static int closed_tcp(struct lab *lab, struct trial *trial)
{
	trial->port = 9;
	return far_run(lab, trial, far_refused_stream);
}

static int closed_udp(struct lab *lab, struct trial *trial)
{
	trial->port = 9;
	return far_run(lab, trial, far_refused_datagram);
}

static int far_ping(struct trial *trial)
{
	bool v6 = family_is_v6(trial->family);
	_cleanup_close_ int fd = -1;
	int r = far_open(trial, SOCK_DGRAM,
			 v6 ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP, &fd);

	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "far ping: %s",
				  strerror(-r));
	return ping_peer(trial, fd);
}

static int echo(struct lab *lab, struct trial *trial)
{
	return far_run(lab, trial, far_ping);
}

/*
 * UDP has no connection that would say who began. A listed app's datagram from
 * the uplink's address to a listed one is a listed pair outside the tunnel,
 * whatever came before: refused, or it goes through the tunnel. So here the
 * question stays without an answer, and nothing may be seen on the uplink.
 */
static int listed_pair(struct lab *lab, struct trial *trial,
		       int (*drive)(struct lab *lab, struct trial *trial))
{
	if (trial->control)
		return drive(lab, trial);
	trial->deadline_ms = trial->maimed ? PAIR_MAIMED_MS : PAIR_DEADLINE_MS;
	drive(lab, trial);
	trial->fault = FAULT_NONE;
	trial->why[0] = '\0';
	return 0;
}

static int pair_any(struct lab *lab, struct trial *trial)
{
	return listed_pair(lab, trial, udp_any);
}

static int pair_address(struct lab *lab, struct trial *trial)
{
	return listed_pair(lab, trial, udp_address);
}

static int pair_pktinfo(struct lab *lab, struct trial *trial)
{
	return listed_pair(lab, trial, udp_pktinfo);
}

#define KERNEL_ANSWERS .apps = BIT(APP_UNLISTED), .families = REAL_FAMS

/* Each twice: asked through the uplink, asked through the tunnel. */
#define VIA_UPLINK(row_name, ...)                                              \
	{                                                                      \
		.name = row_name "-via-uplink", .flags = ROW_VIA,              \
		.via = SIDE_UPLINK, __VA_ARGS__                                \
	}
#define VIA_TUNNEL(row_name, ...)                                              \
	{                                                                      \
		.name = row_name "-via-tunnel",                                \
		.flags = ROW_VIA | ROW_UNCONTROLLED, .via = SIDE_TUNNEL,       \
		__VA_ARGS__                                                    \
	}
#define BOTH_WAYS(row_name, ...)                                               \
	VIA_UPLINK(row_name, __VA_ARGS__), VIA_TUNNEL(row_name, __VA_ARGS__)

/* UDP by the uplink: the listed pairs are rows of their own. */
#define UDP_SERVER(row_name, function, pair_function)                          \
	VIA_TUNNEL(row_name, .drive = function),                               \
		VIA_UPLINK(row_name, .drive = function,                        \
			   .apps = BIT(APP_UNLISTED)),                         \
		VIA_UPLINK(row_name "-listed", .drive = function,              \
			   .apps = BIT(APP_LISTED),                            \
			   .dsts = BIT(DST_EXCLUDED) | BIT(DST_UNLISTED)),     \
	{                                                                      \
		.name = row_name "-pair-via-uplink", .drive = pair_function,   \
		.apps = BIT(APP_LISTED), .via = SIDE_UPLINK,                   \
		.dsts = BIT(DST_LISTED) | BIT(DST_INSIDE), .flags = ROW_SILENT \
	}

const struct row rows_server[] = {
	BOTH_WAYS("server-tcp", .drive = tcp_any),
	BOTH_WAYS("server-tcp-address", .drive = tcp_address),
	UDP_SERVER("server-udp", udp_any, pair_any),
	UDP_SERVER("server-udp-address", udp_address, pair_address),
	UDP_SERVER("server-udp-pktinfo", udp_pktinfo, pair_pktinfo),
	BOTH_WAYS("server-time-wait", .drive = time_wait),
	BOTH_WAYS("closed-tcp", .drive = closed_tcp, KERNEL_ANSWERS),
	BOTH_WAYS("closed-udp", .drive = closed_udp, KERNEL_ANSWERS),
	BOTH_WAYS("echo", .drive = echo, KERNEL_ANSWERS),
	{ 0 }
};
