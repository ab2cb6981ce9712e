/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: the first packet, the changing destination, the local socket. */

/*
 * The very first datagram of a socket must go the right way, and the next one
 * too, whatever the one before did to the socket. And what never leaves the
 * host is nobody's business, even where every address is listed.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define FRESH	    1000
#define ALTERNATING 20000 /* half of them each way */
#define LOCAL	    1000

/* Both apps and families, every destination, connected or not; root in turn. */
static struct volley case_volley(unsigned i, unsigned n)
{
	return (struct volley){ .v6 = i & 1,
				.app = i >> 1 & 1,
				.how = i >> 2 & 1 ? HOW_UDP_CONNECTED : HOW_UDP,
				.dst = (enum dst)(i >> 3 & 3),
				.uid = __builtin_parity(i) ? LAB_UID : 0,
				.n = n };
}
#define CASES 32

static enum side side_for(const struct volley *volley, bool control)
{
	struct trial trial = { .app = volley->app, .control = control };

	return want_side(&trial, volley->dst);
}

/* Counted: as many as were sent, and none elsewhere. */
static int volley_counted(struct life *life, const struct volley *volley,
			  enum side side, uint32_t n)
{
	struct tally tally;
	int r = tally_take(life, &tally);
	uint32_t seen;

	if (r < 0)
		return r;
	seen = tally_least(&tally, side, volley->dst, volley->v6);
	if (seen < n)
		return life_no(life, "%s app, %s: %u of %u on the %s",
			       app_name(volley->app), dst_name(volley->dst),
			       seen, n, side_name(side));
	if (tally.strange[SIDE_TUNNEL] || tally.strange[SIDE_UPLINK])
		return life_no(life, "packets of a strange source");
	return tally_sides(life, volley, &tally);
}

/* One datagram of a socket that has sent nothing before. */
static int fresh_all(struct life *life, bool control)
{
	unsigned n = fault_count(life, FRESH);
	int r = tally_reset(life);

	for (unsigned i = 0; i < CASES && r >= 0; i += control ? 3 : 1) {
		struct volley volley = case_volley(i, n);
		enum side side = side_for(&volley, control);

		r = volley_answered(life, &volley, side);
		if (r >= 0 && control)
			r = tally_control(life, &volley, side);
		else if (r >= 0)
			r = volley_counted(life, &volley, side, n);
	}
	if (!control)
		life_say(life, "n=%ux%u leaks=0 strays=0", CASES, n);
	return r;
}

static int first_packet(struct life *life)
{
	int r = fresh_all(life, true);

	if (r >= 0)
		r = fault_govern(life);
	return r < 0 ? r : fresh_all(life, false);
}

/* One unconnected socket, and every other datagram goes the other way. */
static int alternate(struct life *life, unsigned i, bool control)
{
	unsigned n = fault_count(life, ALTERNATING);
	struct volley volley = { .app = APP_LISTED,
				 .v6 = i & 1,
				 .dst = i >> 1 & 1 ? DST_INSIDE : DST_LISTED,
				 .uid = LAB_UID,
				 .kept = true,
				 .both = true,
				 .n = n };
	unsigned inside = control ? 0 : n / 2;
	int r = volley_fire(life, &volley);

	if (r >= 0 &&
	    (volley.answered[SIDE_TUNNEL] != inside ||
	     volley.answered[SIDE_UPLINK] != n - inside || volley.wrong))
		r = life_no(life,
			    "%u by the tunnel, %u by the uplink, %u wrong, "
			    "%u lost, %u refused of %u",
			    volley.answered[SIDE_TUNNEL],
			    volley.answered[SIDE_UPLINK], volley.wrong,
			    volley.lost, volley.refused, n);
	if (r < 0)
		return r;
	if (!control)
		return volley_counted(life, &volley, SIDE_TUNNEL, n / 2);
	volley.n = n / 2;
	return tally_control(life, &volley, SIDE_UPLINK);
}

static int alternating(struct life *life)
{
	int r = tally_reset(life);

	for (unsigned i = 0; i < 4 && r >= 0; i++)
		r = alternate(life, i, true);
	if (r >= 0)
		r = fault_govern(life);
	for (unsigned i = 0; i < 4 && r >= 0; i++)
		r = alternate(life, i, false);
	life_say(life, "n=4x%u leaks=0 strays=0",
		 fault_count(life, ALTERNATING));
	return r;
}

/* ---- 35: what stays on the host ------------------------------------------ */

/* The host's own addresses, and the abstract name of a unix socket. */
static const struct {
	const char *to;
	int type;
} locals[] = {
	{ "127.0.0.1", SOCK_DGRAM }, { "127.0.0.1", SOCK_STREAM },
	{ "::1", SOCK_DGRAM },	     { "::1", SOCK_STREAM },
	{ "10.10.0.2", SOCK_DGRAM }, { "10.10.0.2", SOCK_STREAM },
	{ "fd10::2", SOCK_DGRAM },   { "fd10::2", SOCK_STREAM },
	{ "10.20.0.2", SOCK_DGRAM }, { "10.20.0.2", SOCK_STREAM },
	{ "127.9.9.9", SOCK_DGRAM }, { NULL, SOCK_DGRAM },
	{ NULL, SOCK_STREAM },	     { NULL, SOCK_SEQPACKET },
};
#define N_LOCALS (sizeof(locals) / sizeof(*locals))

static socklen_t local_address(const char *to, struct sockaddr_storage *ret_sa)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)ret_sa;
	struct in6_addr addr;

	if (to) {
		addr = address_of(to);
		return sockaddr_fill(
			ret_sa, strchr(to, ':') ? AF_INET6 : AF_INET, &addr, 0);
	}
	memset(ret_sa, 0, sizeof(*ret_sa));
	sun->sun_family = AF_UNIX;
	/* autobind: bind() chooses an abstract name (unix(7)) */
	return sizeof(sa_family_t);
}

/* There and back over a new pair; errno of whatever fails. */
static int local_pass(int listener, int type, const struct sockaddr_storage *sa,
		      socklen_t len)
{
	_cleanup_close_ int fd = socket(sa->ss_family, type | SOCK_CLOEXEC, 0);
	_cleanup_close_ int conn = -1;
	char byte = 1;
	int at = listener, r;

	if (fd < 0 || connect(fd, (const struct sockaddr *)sa, len) < 0)
		return -errno;
	if (type != SOCK_DGRAM) {
		conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (conn < 0)
			return -errno;
		at = conn;
	}
	if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return -errno;
	r = sock_wait(at, POLLIN, 1000);
	if (r < 0)
		return r;
	return recv(at, &byte, 1, 0) == 1 ? 0 : -errno;
}

static int local_main(const char *to, int type, unsigned n)
{
	struct sockaddr_storage sa;
	socklen_t len = local_address(to, &sa);
	_cleanup_close_ int listener =
		socket(sa.ss_family, type | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&sa, len) < 0)
		return errno;
	len = sizeof(sa);
	if (getsockname(listener, (struct sockaddr *)&sa, &len) < 0 ||
	    (type != SOCK_DGRAM && listen(listener, 16) < 0))
		return errno;
	for (unsigned i = 0; i < n; i++) {
		int r = local_pass(listener, type, &sa, len);

		if (r < 0)
			return -r;
	}
	return 0;
}

static int local_all(struct life *life)
{
	unsigned n = fault_count(life, LOCAL);
	int r = 0;

	for (unsigned i = 0; i < N_LOCALS * 2 && r >= 0; i++) {
		const char *to = locals[i / 2].to;
		pid_t pid = proc_fork(
			life->lab, life->lab->cgroup_fd[APP_LISTED], NS_CLIENT);

		if (pid == 0)
			_exit(proc_uid(i % 2 ? LAB_UID : 0) < 0 ?
				      EPERM :
				      local_main(to, locals[i / 2].type, n));
		r = pid < 0 ? (int)pid : proc_wait(pid, fault_ms(life, 20000));
		if (r)
			r = life_no(life, "%s, type %d: %s", to ? to : "unix",
				    locals[i / 2].type,
				    strerror(r < 0 ? -r : r));
	}
	return r;
}

/* The sensors are awake: the same number to a host outside is seen. */
static int local_control(struct life *life)
{
	struct volley volley = { .app = APP_LISTED,
				 .dst = DST_UNLISTED,
				 .n = fault_count(life, LOCAL) };
	int r = tally_reset(life);

	if (r >= 0)
		r = volley_answered(life, &volley, SIDE_UPLINK);
	if (r >= 0)
		r = tally_control(life, &volley, SIDE_UPLINK);
	return r < 0 ? r : local_all(life);
}

static int local_silent(struct life *life)
{
	int r = tally_reset(life);

	if (r >= 0)
		r = local_all(life);
	if (r >= 0)
		r = life_silent(life, SIDE_UPLINK);
	return r;
}

/* All addresses listed, loopback's and the host's own by name; tunnel up. */
static int local_sockets(struct life *life)
{
	static const char listed[] = TUN0 INCLUDED(
		PREFIX("0.0.0.0/0") PREFIX("::/0") PREFIX("127.0.0.1/32")
			PREFIX("::1/128") PREFIX("10.10.0.2/32"));
	int r = local_control(life);

	if (r >= 0)
		r = fault_govern(life);
	if (r >= 0)
		r = profile_put(life, "", listed);
	if (r >= 0)
		r = local_silent(life);
	if (r >= 0)
		r = tunnel_set(life, false);
	if (r >= 0)
		r = ctl_state(life, "down", fault_ms(life, 2000));
	/* tun0's own address is gone or not; the rest must not care */
	if (r >= 0)
		r = local_silent(life);
	life_say(life, "n=%zux%u errors=0", N_LOCALS * 4,
		 fault_count(life, LOCAL));
	return r;
}

const struct life_test fault_socket_tests[] = {
	{ "fault-14-first-packet", first_packet, LIFE_STOPPED },
	{ "fault-15-alternating", alternating, LIFE_STOPPED },
	{ "fault-35-local", local_sockets, LIFE_STOPPED },
	{ 0 }
};
