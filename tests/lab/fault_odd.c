/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: fragments, a peer that comes over, sockets of other namespaces. */

/*
 * Packets that are not what the hooks mostly see: parts of a datagram, of which
 * only the first has ports; answers to a peer that wrote through the tunnel and
 * now writes outside; what another namespace sends by a device on top of the
 * tunnel's, so that a socket comes to the door which is not this instance's;
 * and by a device that has the tunnel's number there.
 */
#include <errno.h>
#include <linux/ipv6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36 /* include/uapi/linux/in6.h */
#endif

#define DATAGRAMS   500
#define LONG	    4000u /* bytes: three fragments over a link of 1500 */
#define PARTS	    3
#define OFFSET	    185u /* of a later fragment, in units of 8 bytes */
#define SERVER_PORT 7200
#define PEER_PORT   7201
#define PEER_MS	    300 /* it waits so long for an answer */

/* ---- fragments ----------------------------------------------------------- */

enum sort {
	SORT_LONG,  /* the kernel cuts it */
	SORT_BOUND, /* and the app has chosen the uplink's device */
	SORT_PART,  /* there the app itself sends a later fragment */
	N_SORTS
};

struct parts {
	enum sort sort;
	enum dst dst;
	bool v6;
	unsigned n;
};

/* A later fragment of UDP: eight bytes and no ports. */
static size_t part_write(const struct parts *parts, uint8_t *bytes)
{
	struct in6_addr src = client_address(SIDE_UPLINK, parts->v6);
	struct in6_addr dst = dst_address(parts->dst, parts->v6);
	struct ip6_hdr ip6 = { .ip6_flow = htonl(6u << 28),
			       .ip6_plen = htons(sizeof(struct ip6_frag) + 8),
			       .ip6_nxt = IPPROTO_FRAGMENT,
			       .ip6_hlim = 64,
			       .ip6_src = src,
			       .ip6_dst = dst };
	struct ip6_frag frag = { .ip6f_nxt = IPPROTO_UDP,
				 .ip6f_offlg = htons(OFFSET << 3),
				 .ip6f_ident = 7 };
	struct iphdr ip4 = { .version = 4,
			     .ihl = 5,
			     .ttl = 64,
			     .protocol = IPPROTO_UDP,
			     .id = htons(7),
			     .frag_off = htons(OFFSET) };

	memcpy(&ip4.saddr, src.s6_addr + 12, 4);
	memcpy(&ip4.daddr, dst.s6_addr + 12, 4);
	if (!parts->v6) {
		memcpy(bytes, &ip4, sizeof(ip4));
		return sizeof(ip4) + 8;
	}
	memcpy(bytes, &ip6, sizeof(ip6));
	memcpy(bytes + sizeof(ip6), &frag, sizeof(frag));
	return sizeof(ip6) + sizeof(frag) + 8;
}

static int part_socket(const struct parts *parts)
{
	int domain = parts->v6 ? AF_INET6 : AF_INET, on = 1;
	bool raw = parts->sort == SORT_PART;
	int fd = socket(domain, (raw ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC,
			raw ? IPPROTO_RAW : 0);

	if (fd < 0)
		return -errno;
	if ((raw && parts->v6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on)) < 0) ||
	    (parts->sort != SORT_LONG &&
	     setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "up0", 3) < 0)) {
		close(fd);
		return -EPROTO;
	}
	return fd;
}

/* One socket a datagram; whether it may is for the sensors to say. */
static int parts_main(const struct parts *parts)
{
	struct in6_addr addr = dst_address(parts->dst, parts->v6);
	uint8_t bytes[LONG] = { 0 };
	struct sockaddr_storage sa;
	size_t size = parts->sort == SORT_PART ? part_write(parts, bytes) :
						 sizeof(bytes);
	socklen_t len = sockaddr_fill(&sa, parts->v6 ? AF_INET6 : AF_INET,
				      &addr,
				      parts->sort == SORT_PART ? 0 : PORT_SINK);

	for (unsigned i = 0; i < parts->n; i++) {
		_cleanup_close_ int fd = part_socket(parts);

		if (fd < 0)
			return 1;
		if (sendto(fd, bytes, size, 0, (struct sockaddr *)&sa, len) <
			    0 &&
		    !is_blocked(-errno))
			return 2;
	}
	return 0;
}

static int parts_send(struct life *life, const struct parts *parts)
{
	pid_t pid = proc_fork(life->lab, life->lab->cgroup_fd[APP_LISTED],
			      NS_CLIENT);
	int r;

	if (pid == 0)
		_exit(parts_main(parts));
	r = pid < 0 ? (int)pid : proc_wait(pid, fault_ms(life, 20000));
	return r ? life_no(life, "sort %u%s: the sender ended with %d",
			   parts->sort, parts->v6 ? ", ipv6" : "", r) :
		   0;
}

static int parts_case(struct life *life, const struct parts *parts,
		      bool control)
{
	unsigned all = parts->n * (parts->sort == SORT_PART ? 1 : PARTS);
	bool inside = !control && parts->dst == DST_LISTED;
	struct volley volley = {
		.app = APP_LISTED, .dst = parts->dst, .v6 = parts->v6, .n = all
	};
	struct tally tally;
	int r = parts_send(life, parts);

	if (r >= 0 && !inside)
		return tally_control(life, &volley, SIDE_UPLINK);
	if (r >= 0)
		r = tally_take(life, &tally);
	if (r >= 0)
		r = tally_sides(life, &volley, &tally);
	if (r < 0 || parts->sort != SORT_LONG)
		return r;
	return tally_least(&tally, SIDE_TUNNEL, parts->dst, parts->v6) < all ?
		       life_no(life, "%u of %u in the tunnel",
			       tally_least(&tally, SIDE_TUNNEL, parts->dst,
					   parts->v6),
			       all) :
		       0;
}

static int parts_all(struct life *life, bool control)
{
	int r = tally_reset(life);

	for (unsigned i = 0; i < N_SORTS * 4 && r >= 0; i++) {
		struct parts parts = { .sort = i / 4,
				       .dst = i & 2 ? DST_UNLISTED : DST_LISTED,
				       .v6 = i & 1,
				       .n = fault_count(life, DATAGRAMS) };

		r = parts_case(life, &parts, control);
	}
	return r;
}

static int fragments(struct life *life)
{
	int r = parts_all(life, true);

	if (r >= 0)
		r = fault_govern(life);
	if (r >= 0)
		r = parts_all(life, false);
	life_say(life, "n=%ux%u leaks=0", N_SORTS * 4,
		 fault_count(life, DATAGRAMS));
	return r;
}

/* ---- a peer that comes over ---------------------------------------------- */

/* Answers everybody from a wildcard socket, until it is killed. */
static int answer_main(int channel)
{
	struct in6_addr any = IN6ADDR_ANY_INIT;
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, AF_INET6, &any, SERVER_PORT);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte;

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) < 0 ||
	    write(channel, "", 1) != 1)
		return 1;
	for (;;) {
		len = sizeof(sa);
		if (recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&sa, &len) ==
		    1)
			sendto(fd, &byte, 1, 0, (struct sockaddr *)&sa, len);
	}
}

/* From one address and one port, which both far hosts have. 0: answered. */
static int peer_main(enum side side, enum dst dst, bool v6)
{
	struct in6_addr from = dst_address(dst, v6);
	struct in6_addr to = client_address(side, v6);
	int domain = v6 ? AF_INET6 : AF_INET;
	_cleanup_close_ int fd = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, domain, &from, PEER_PORT);
	char byte = 1;

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) < 0)
		return 2;
	len = sockaddr_fill(&sa, domain, &to, SERVER_PORT);
	if (connect(fd, (struct sockaddr *)&sa, len) < 0 ||
	    send(fd, &byte, 1, 0) != 1)
		return 3;
	return sock_wait(fd, POLLIN, PEER_MS) < 0 || recv(fd, &byte, 1, 0) != 1;
}

static int peer_asks(struct life *life, enum side side, enum dst dst, bool v6)
{
	enum side other = side == SIDE_TUNNEL ? SIDE_UPLINK : SIDE_TUNNEL;
	pid_t pid = proc_fork(life->lab, -1, (enum ns)side);
	struct tally tally;
	int r;

	if (pid == 0)
		_exit(peer_main(side, dst, v6));
	r = pid < 0 ? (int)pid : proc_wait(pid, 5000);
	if (r)
		return life_no(life, "%s%s, asking by the %s: %d",
			       dst_name(dst), v6 ? " (ipv6)" : "",
			       side_name(side), r);
	r = tally_take(life, &tally);
	if (r >= 0 && tally_most(&tally, other, dst, v6))
		r = life_no(life, "asked by the %s, answered by the %s",
			    side_name(side), side_name(other));
	return r;
}

/* By the tunnel, by the uplink, and by the tunnel again. */
static int peer_over(struct life *life, enum dst dst, bool v6)
{
	static const enum side way[] = { SIDE_TUNNEL, SIDE_UPLINK,
					 SIDE_TUNNEL };
	int r = tally_reset(life);

	for (unsigned i = 0; i < 3 && r >= 0; i++)
		r = peer_asks(life, way[i], dst, v6);
	return r;
}

static int comes_over(struct life *life)
{
	int pair[2], r = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return life_no(life, "socketpair: %m");
	pid = proc_fork(life->lab, life->lab->cgroup_fd[APP_UNLISTED],
			NS_CLIENT);
	if (pid == 0)
		_exit(answer_main(pair[1]));
	close(pair[1]);
	r = pid < 0 ? (int)pid : pipe_wait(pair[0], fault_ms(life, 5000));
	close(pair[0]);
	for (unsigned i = 0; i < 4 && r >= 0; i++)
		r = peer_over(life, i & 2 ? DST_UNLISTED : DST_LISTED, i & 1);
	if (pid > 0) {
		kill(pid, SIGKILL);
		proc_wait(pid, 5000);
	}
	return r;
}

/* ---- another namespace at the door --------------------------------------- */

#define GUEST_SENDS 50u

/* A device of the guest's on top of the tunnel's: it asks the listed address.
 */
static int guest_main(int to_lab, int from_lab)
{
	static const char own[] = "link set mv0 up\n"
				  "addr add 10.20.0.9/24 dev mv0\n"
				  "route add default via 10.20.0.1\n";
	char *argv[] = { "ip", "-batch", "-", NULL };
	struct in6_addr addr = dst_address(DST_LISTED, false);
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, AF_INET, &addr, PORT_SINK);
	int fd;

	if (unshare(CLONE_NEWNET) < 0 || write(to_lab, "", 1) != 1 ||
	    pipe_wait(from_lab, 5000) < 0 ||
	    proc_run(argv, -1, own, NULL, 0) < 0)
		return 1;
	for (unsigned i = 0; i < GUEST_SENDS; i++) {
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return 2;
		sendto(fd, "?", 1, 0, (struct sockaddr *)&sa, len);
		close(fd);
		poll(NULL, 0, 1);
	}
	return 0;
}

/* Its packets have a socket at the door, and that is not of our namespace. */
static int guest_run(struct life *life)
{
	char link[128];
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return life_no(life, "socketpair: %m");
	pid = proc_fork(life->lab, life->lab->cgroup_fd[APP_LISTED], NS_CLIENT);
	if (pid == 0)
		_exit(guest_main(pair[1], pair[1]));
	close(pair[1]);
	snprintf(link, sizeof(link),
		 "link add link tun0 name mv0 netns %d type macvlan mode "
		 "bridge\n",
		 pid);
	r = pid < 0 ? (int)pid : pipe_wait(pair[0], 5000);
	if (r >= 0)
		r = ip_run(life, NS_CLIENT, link);
	if (r >= 0 && write(pair[0], "", 1) != 1)
		r = -EPIPE;
	close(pair[0]);
	if (pid > 0 && r < 0)
		kill(pid, SIGKILL);
	if (pid > 0 && proc_wait(pid, fault_ms(life, 20000)) != 0)
		r = -EPROTO;
	return r < 0 ? life_no(life, "the guest failed (%d)", r) : 0;
}

static int foreign_door(struct life *life)
{
	struct in6_addr addr = dst_address(DST_LISTED, false);
	struct reading readings[N_SIDES];
	int r = life_forget(life);

	if (r >= 0)
		r = guest_run(life);
	if (r >= 0)
		r = sensors_read(life->lab, readings);
	if (r < 0)
		return r;
	if (!packets_to(&readings[SIDE_TUNNEL], &addr))
		return life_no(life, "positive control: nothing in the tunnel");
	r = fault_govern(life);
	if (r >= 0)
		r = guest_run(life);
	if (r >= 0)
		r = sensors_read(life->lab, readings);
	if (r >= 0 && packets_to(&readings[SIDE_TUNNEL], &addr))
		r = life_no(life, "%u strays of another namespace",
			    packets_to(&readings[SIDE_TUNNEL], &addr));
	return r < 0 ? r : life_governed(life);
}

/* ---- another namespace that looks like ours --------------------------------
 */

/* Packets that came to a device of this process's namespace. */
static unsigned long received_by(const char *device)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/net/dev", "re");
	unsigned long packets = 0;
	char line[256], name[32];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " %31[^:]: %*u %lu", name, &packets) == 2 &&
		    strcmp(name, device) == 0)
			return packets;
	return 0;
}

/* Number, name and address of its device are the tunnel's. */
static int twin_main(unsigned ifindex)
{
	struct in6_addr addr = dst_address(DST_LISTED, false);
	char *argv[] = { "ip", "-batch", "-", NULL }, links[512];
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, AF_INET, &addr, PORT_SINK);

	snprintf(links, sizeof(links),
		 "link add tun0 index %u type veth peer name far0 index 1000\n"
		 "link set tun0 up\nlink set far0 up\n"
		 "addr add 10.20.0.2/24 dev tun0\n"
		 "neigh replace 10.20.0.1 lladdr 02:00:00:00:00:01 dev tun0\n"
		 "route add default via 10.20.0.1\n",
		 ifindex);
	if (unshare(CLONE_NEWNET) < 0 || proc_run(argv, -1, links, NULL, 0) < 0)
		return 1;
	for (unsigned i = 0; i < GUEST_SENDS; i++) {
		_cleanup_close_ int fd =
			socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (fd < 0 ||
		    sendto(fd, "?", 1, 0, (struct sockaddr *)&sa, len) < 0)
			return 2;
	}
	return received_by("far0") < GUEST_SENDS ? 3 : 0;
}

static int twin_run(struct life *life, const char *when)
{
	for (enum app app = 0; app < N_APPS; app++) {
		pid_t pid = proc_fork(life->lab, life->lab->cgroup_fd[app],
				      NS_CLIENT);
		int r;

		if (pid == 0)
			_exit(twin_main(life->lab->ifindex[SIDE_TUNNEL]));
		r = pid < 0 ? (int)pid : proc_wait(pid, fault_ms(life, 20000));
		if (r != 0)
			return life_no(life, "%s, %s app: %s", when,
				       app == APP_LISTED ? "listed" :
							   "unlisted",
				       r == 2 ? "refused" :
				       r == 3 ? "dropped" :
						"cannot begin");
	}
	return 0;
}

/* What has a number or an address in common with our tunnel is not ours. */
static int twin_namespace(struct life *life)
{
	int r = twin_run(life, "without splitd");

	if (r >= 0)
		r = fault_govern(life);
	if (r >= 0)
		r = twin_run(life, "governed");
	return r < 0 ? r : life_governed(life);
}

const struct life_test fault_odd_tests[] = {
	{ "fault-13-fragments", fragments, LIFE_STOPPED },
	{ "fault-13-peer-over", comes_over, 0 },
	{ "fault-13-foreign-door", foreign_door, LIFE_STOPPED },
	{ "fault-21-twin-namespace", twin_namespace, LIFE_STOPPED },
	{ 0 }
};
