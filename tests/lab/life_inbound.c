/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: who is answered from beyond a tunnel, default routes, two tunnels. */

/*
 * A server in the client's namespace, and a prober in a far one that knocks in
 * five ways. What is left open by a default route is asked for by hand: local
 * addresses, groups and broadcasts, counted by the far sensors.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define PORT_SERVED 7100
#define PORT_CLOSED 7101
#define KNOCK_MS    250

/* ---- Inbound ----------------------------------------------------------- */

enum knock {
	KNOCK_TCP,	  /* answered by the server */
	KNOCK_TCP_CLOSED, /* by a RST */
	KNOCK_UDP,	  /* by the server */
	KNOCK_UDP_CLOSED, /* by "port unreachable" */
	KNOCK_ECHO,	  /* by an echo reply */
	N_KNOCKS
};

static int served_open(int domain, int type, uint16_t port)
{
	_cleanup_close_ int fd = socket(domain, type | SOCK_CLOEXEC, 0);
	struct in6_addr any = IN6ADDR_ANY_INIT;
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, domain, &any, port);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (domain == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, len) < 0)
		return -errno;
	if (type == SOCK_STREAM && listen(fd, 8) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static void serve_one(int fd, bool stream)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char byte;
	int conn;

	if (!stream) {
		if (recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &len) >
		    0)
			sendto(fd, "!", 1, 0, (struct sockaddr *)&from, len);
		return;
	}
	conn = accept(fd, NULL, NULL);
	send(conn, "!", 1, MSG_NOSIGNAL);
	close(conn);
}

/* Both transports and families on one port, until it is killed. */
static void server_main(int ready)
{
	struct pollfd polls[4];

	for (int i = 0; i < 4; i++) {
		polls[i].events = POLLIN;
		polls[i].fd = served_open(i & 1 ? AF_INET6 : AF_INET,
					  i & 2 ? SOCK_STREAM : SOCK_DGRAM,
					  PORT_SERVED);
		if (polls[i].fd < 0)
			_exit(1);
	}
	if (write(ready, "", 1) != 1)
		_exit(1);
	while (poll(polls, 4, -1) > 0)
		for (int i = 0; i < 4; i++)
			if (polls[i].revents)
				serve_one(polls[i].fd, i & 2);
	_exit(1);
}

static pid_t server_start(struct life *life, enum app app)
{
	char byte;
	int ready[2];
	pid_t pid;

	if (pipe(ready) < 0)
		return -errno;
	pid = proc_fork(life->lab, life->lab->cgroup_fd[app], NS_CLIENT);
	if (pid == 0)
		server_main(ready[1]);
	close(ready[1]);
	if (pid > 0 && read(ready[0], &byte, 1) != 1)
		pid = -ECHILD;
	close(ready[0]);
	return pid;
}

static int knock_type(enum knock knock)
{
	return knock <= KNOCK_TCP_CLOSED ? SOCK_STREAM : SOCK_DGRAM;
}

/* True: somebody answered, be it with a refusal. */
static bool knock_answered(enum knock knock, const struct in6_addr *to, bool v6)
{
	static const struct icmphdr echo4 = { .type = ICMP_ECHO };
	static const struct icmp6_hdr echo6 = { .icmp6_type =
							ICMP6_ECHO_REQUEST };
	static const uint16_t ports[N_KNOCKS] = { PORT_SERVED, PORT_CLOSED,
						  PORT_SERVED, PORT_CLOSED, 0 };
	int domain = v6 ? AF_INET6 : AF_INET;
	int protocol = knock != KNOCK_ECHO ? 0 :
		       v6		   ? (int)IPPROTO_ICMPV6 :
					     (int)IPPROTO_ICMP;
	const struct timeval limit = { .tv_usec = KNOCK_MS * 1000 };
	_cleanup_close_ int fd =
		socket(domain, knock_type(knock) | SOCK_CLOEXEC, protocol);
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, domain, to, ports[knock]);
	const void *message = knock != KNOCK_ECHO ? (const void *)"?" :
			      v6		  ? (const void *)&echo6 :
						    (const void *)&echo4;
	char answer[64];

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&sa, len) < 0)
		return errno == ECONNREFUSED && knock == KNOCK_TCP_CLOSED;
	if (send(fd, message, knock == KNOCK_ECHO ? 8 : 1, MSG_NOSIGNAL) < 0)
		return false;
	if (recv(fd, answer, sizeof(answer), 0) > 0)
		return knock != KNOCK_UDP_CLOSED;
	return errno == ECONNREFUSED && knock == KNOCK_UDP_CLOSED;
}

/* Which knocks are answered at the client's address of that side. */
static int knock_all(struct life *life, enum side side, bool v6)
{
	struct in6_addr to = client_address(side, v6);
	pid_t pid = proc_fork(life->lab, -1, (enum ns)side);
	int answered = 0;

	if (pid == 0) {
		for (enum knock k = 0; k < N_KNOCKS; k++)
			answered |= knock_answered(k, &to, v6) << k;
		_exit(answered);
	}
	return proc_wait(pid, 10000);
}

static int knocks_are(struct life *life, enum side side, int want)
{
	for (int v6 = 0; v6 < 2; v6++) {
		int answered = knock_all(life, side, v6);

		if (answered != want)
			return life_no(life,
				       "knocks from the %s, ipv%d: answered "
				       "%#x, not %#x",
				       side_name(side), v6 ? 6 : 4,
				       (unsigned)answered, (unsigned)want);
	}
	return 0;
}

/* Servers of both apps, in turn; the uplink is answered in any case. */
static int inbound(struct life *life, bool allowed)
{
	int all = (1 << N_KNOCKS) - 1, r = 0;

	for (enum app app = 0; app < N_APPS && r >= 0; app++) {
		pid_t pid = server_start(life, app);

		if (pid < 0)
			return life_no(life, "no server");
		r = knocks_are(life, SIDE_TUNNEL, allowed ? all : 0);
		if (r >= 0)
			r = knocks_are(life, SIDE_UPLINK, all);
		kill(pid, SIGKILL);
		proc_wait(pid, 1000);
	}
	return r;
}

#define PAIR INCLUDED(PREFIX("1.1.1.1/32") PREFIX("2001:db8:1::/48"))

static int routing_inbound(struct life *life)
{
	int r = profile_put(life, "", TUN0 PAIR);

	if (r >= 0)
		r = inbound(life, true);
	if (r >= 0)
		r = profile_put(life, "",
				TUN0 PAIR "<key>Inbound</key>"
					  "<string>deny</string>\n");
	if (r >= 0)
		r = inbound(life, false);
	return r < 0 ? r : life_governed(life);
}

/* ---- default routes ---------------------------------------------------- */

static int one_goes(struct life *life, const char *to, enum side side)
{
	struct ask ask = { .to = to, .v6 = strchr(to, ':') };

	life_ask(life, &ask);
	return !ask.error && ask.side == side ?
		       0 :
		       life_no(life, "%s: %s, not by the %s", to,
			       ask.error ? strerror(-ask.error) :
					   side_name(ask.side),
			       side_name(side));
}

static int send_one(const char *to, uint16_t port)
{
	bool v6 = strchr(to, ':');
	int domain = v6 ? AF_INET6 : AF_INET, on = 1;
	struct in6_addr addr = address_of(to);
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, domain, &addr, port);
	_cleanup_close_ int fd = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct timeval limit = { .tv_usec = KNOCK_MS * 1000 };
	unsigned up0 = if_nametoindex("up0");
	char answer;

	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &up0,
			   sizeof(up0));
	if (sendto(fd, "?", 1, 0, (struct sockaddr *)&sa, len) < 0)
		return errno;
	return port == PORT_SERVED && recv(fd, &answer, 1, 0) != 1 ? errno : 0;
}

static int sends(struct life *life, const char *to, uint16_t port)
{
	struct lab *lab = life->lab;
	pid_t pid = proc_fork(lab, lab->cgroup_fd[APP_LISTED], NS_CLIENT);
	int error;

	if (pid == 0)
		_exit(send_one(to, port));
	error = proc_wait(pid, 2000);
	return error ? life_no(life, "%s: %s", to, strerror(abs(error))) : 0;
}

/* Groups and broadcasts: on the uplink, and not in the tunnel. */
static int sprays(struct life *life, const char *const *addresses)
{
	struct reading readings[N_SIDES];
	int r = life_forget(life);

	for (size_t i = 0; addresses[i] && r >= 0; i++)
		r = sends(life, addresses[i], PORT_CLOSED);
	if (r >= 0)
		r = sensors_read(life->lab, readings);
	for (size_t i = 0; addresses[i] && r >= 0; i++) {
		struct in6_addr addr = address_of(addresses[i]);

		if (!packets_to(&readings[SIDE_UPLINK], &addr) ||
		    packets_to(&readings[SIDE_TUNNEL], &addr))
			r = life_no(life, "%s: not on the uplink alone",
				    addresses[i]);
	}
	return r;
}

/* What is served here is reached at the host's own addresses. */
static int serves(struct life *life, const char *const *addresses)
{
	pid_t pid = server_start(life, APP_UNLISTED);
	int r = pid < 0 ? life_no(life, "no server") : 0;

	for (size_t i = 0; addresses[i] && r >= 0; i++)
		r = sends(life, addresses[i], PORT_SERVED);
	if (pid > 0) {
		kill(pid, SIGKILL);
		proc_wait(pid, 1000);
	}
	return r;
}

static int routing_default_v4(struct life *life)
{
	static const char *const own[] = { "127.0.0.1", "127.9.9.9",
					   "10.10.0.2", "10.20.0.2", NULL };
	static const char *const groups[] = { "239.1.2.3", "224.0.0.251",
					      "255.255.255.255", "10.10.0.255",
					      NULL };
	int r = ip_run(life, NS_UPLINK, "addr replace 169.254.7.1/32 dev lo\n");

	if (r >= 0)
		r = ip_run(life, NS_CLIENT,
			   "route replace 169.254.7.0/24 dev up0\n");
	if (r >= 0)
		r = profile_put(life, "", TUN0 INCLUDED(PREFIX("0.0.0.0/0")));
	if (r >= 0)
		r = one_goes(life, "9.9.9.9", SIDE_TUNNEL);
	if (r >= 0)
		r = one_goes(life, "2001:db8:9::9", SIDE_UPLINK);
	if (r >= 0)
		r = one_goes(life, "169.254.7.1", SIDE_UPLINK);
	if (r >= 0)
		r = serves(life, own);
	return r < 0 ? r : sprays(life, groups);
}

static int routing_default_v6(struct life *life)
{
	static const char *const own[] = { "::1", "fd10::2", "fd20::2", NULL };
	static const char *const groups[] = { "ff02::1", "ff05::1234", NULL };
	int r = profile_put(life, "", TUN0 INCLUDED(PREFIX("::/0")));

	if (r >= 0)
		r = one_goes(life, "2001:db8:9::9", SIDE_TUNNEL);
	if (r >= 0)
		r = one_goes(life, "9.9.9.9", SIDE_UPLINK);
	if (r >= 0)
		r = serves(life, own);
	return r < 0 ? r : sprays(life, groups);
}

/* ---- several tunnels --------------------------------------------------- */

static const char second_near[] = "addr add 10.21.0.2/24 dev tun1\n"
				  "addr add fd21::2/64 dev tun1 nodad\n"
				  "link set tun1 up\n";
static const char second_far[] = "addr add 10.21.0.1/24 dev lab1\n"
				 "addr add fd21::1/64 dev lab1 nodad\n"
				 "addr add 2001:db8:9::9/128 dev lab1 nodad\n"
				 "link set lab1 up\n";

/* A second way to the tunnel's far host. */
static int second_link(struct life *life)
{
	char batch[128];
	int r;

	snprintf(batch, sizeof(batch),
		 "link add tun1 type veth peer name lab1 netns "
		 "/proc/%d/fd/%d\n",
		 getpid(), life->lab->ns[NS_TUNNEL]);
	r = ip_run(life, NS_CLIENT, batch);
	if (r >= 0)
		r = ip_run(life, NS_TUNNEL, second_far);
	return r < 0 ? r : ip_run(life, NS_CLIENT, second_near);
}

/* The lab's profile again, of another name, tunnel and routes. */
static int second_profile(struct life *life)
{
	static const char *const edits[][2] = {
		{ "com.example.lab<", "com.example.two<" },
		{ "com.example.lab.vpn<", "com.example.two.vpn<" },
		{ "2f6b1c01<", "2f6b1c11<" },
		{ "2f6b1c02<", "2f6b1c12<" },
		{ "5447d9c02d52<", "5447d9c02d53<" },
		{ "tun0<", "tun1<" },
		{ "1.1.1.1/32<", "9.9.9.9/32<" },
		{ "2001:db8:1::/48<", "2001:db8:9::/48<" },
	};
	_cleanup_free_ char *text = file_text(life, "policy/vpn.mobileconfig");

	/* each of the length it replaces */
	for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
		char *at = text ? strstr(text, edits[i][0]) : NULL;

		if (!at)
			return life_no(life, "no '%s'", edits[i][0]);
		memcpy(at, edits[i][1], strlen(edits[i][1]));
	}
	return file_put(life, "policy/second.mobileconfig", text);
}

/* It is for the app that is the other tests' unlisted one. */
static int second_policy(struct life *life)
{
	static const char links[] =
		"<key>Links</key><dict><key>com.example.second</key>"
		"<string>d2773557-b535-414f-968a-5447d9c02d53</string></dict>"
		"<key>Apps</key><dict>\n"
		"<key>com.example.second</key><array>";
	const struct lab *lab = life->lab;
	_cleanup_free_ char *text = NULL;
	int r = second_profile(life);

	if (r < 0)
		return r;
	if (asprintf(&text,
		     "%s<string>cgroup:%s/apps/unlisted/**</string></array>\n",
		     links, lab->cgroup + strlen(lab->mount)) < 0)
		return -ENOMEM;
	r = file_edit(life, "host.plist", "<key>Apps</key><dict>\n", text);
	return r < 0 ? r : ctl_reload(life, 0);
}

static int seen_as(struct life *life, enum app app, enum dst dst, bool v6,
		   const char *source)
{
	struct ask ask = { .app = app, .dst = dst, .v6 = v6 };

	life_ask(life, &ask);
	if (ask.error || strcmp(ask.source, source) != 0)
		return life_no(life, "%s app, %s, ipv%d: %s, not as %s",
			       app_name(app), dst_name(dst), v6 ? 6 : 4,
			       ask.error ? strerror(-ask.error) : ask.source,
			       source);
	return 0;
}

/* Each app by its own tunnel to its own destinations. */
static int routing_tunnels(struct life *life)
{
	static const struct {
		enum app app;
		enum dst dst;
		const char *source[2];
	} ways[] = {
		{ APP_LISTED, DST_LISTED, { "10.20.0.2", "fd20::2" } },
		{ APP_LISTED, DST_UNLISTED, { "10.10.0.2", "fd10::2" } },
		{ APP_UNLISTED, DST_LISTED, { "10.10.0.2", "fd10::2" } },
		{ APP_UNLISTED, DST_UNLISTED, { "10.21.0.2", "fd21::2" } },
	};
	int r = second_link(life);

	if (r >= 0)
		r = second_policy(life);
	for (size_t i = 0; i < 8 && r >= 0; i++)
		r = seen_as(life, ways[i / 2].app, ways[i / 2].dst, i % 2,
			    ways[i / 2].source[i % 2]);
	/* one goes down, the other does not notice */
	if (r >= 0)
		r = ip_run(life, NS_CLIENT, "link del tun1\n");
	if (r >= 0)
		r = life_refused(life, APP_UNLISTED, DST_UNLISTED, NULL);
	return r < 0 ? r : life_goes(life, APP_LISTED, DST_LISTED, SIDE_TUNNEL);
}

const struct life_test life_inbound_tests[] = {
	{ "routing-inbound", routing_inbound, 0 },
	{ "routing-default-ipv4", routing_default_v4, 0 },
	{ "routing-default-ipv6", routing_default_v6, 0 },
	{ "routing-tunnels", routing_tunnels, 0 },
	{ 0 }
};
