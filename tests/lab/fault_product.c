/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: every kind of socket, with every trick, of every app and user. */

/*
 * A generated product. Each case is played n times, first without splitd,
 * where the sensors must see it leave by where the trick leads; then with it:
 * not one packet on the side that is not the pair's, whatever the app does,
 * and all n on the right side unless the trick asks for the wrong one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lab/fault.h"
#include "tests/lab/fault_product.h"

#define CASE_N	    20
#define CONNECT_MS  3000
#define DOUBTFUL_MS 100 /* for a connection that may be dropped */
#define N_USERS	    2

#define ALL_TRICKS  (BIT(N_TRICKS) - 1)
#define ALL_KINDS   (BIT(N_KINDS) - 1)
#define ROOT	    1u
#define USER	    2u
#define STREAMS                                                                \
	(BIT(KIND_TCP) | BIT(KIND_TFO) | BIT(KIND_MPTCP) | BIT(KIND_SCTP))
#define ICMPS (BIT(KIND_RAW) | BIT(KIND_PING))

/* What there is not before a version of the kernel, or ever, and why. */
#define EVER 99, 0
static const struct absent {
	unsigned kinds, tricks, users, families;
	const char *why;
	unsigned major, minor;
} absents[] = {
	{ ALL_KINDS & ~BIT(KIND_RAW), BIT(TRICK_HDRINCL) | BIT(TRICK_HDR_OTHER),
	  ROOT | USER, ALL_FAMS, "only raw sockets write their own header",
	  EVER },
	{ BIT(KIND_RAW), ALL_TRICKS, USER, ALL_FAMS, "needs CAP_NET_RAW",
	  EVER },
	{ ALL_KINDS, BIT(TRICK_MARK), USER, ALL_FAMS, "needs CAP_NET_ADMIN",
	  EVER },
	{ ALL_KINDS, BIT(TRICK_TRANSPARENT), USER, ALL_FAMS,
	  "needs CAP_NET_ADMIN or CAP_NET_RAW", EVER },
	{ ICMPS, ALL_TRICKS, ROOT | USER, BIT(FAM_MAPPED),
	  "an ICMPv6 socket sends no IPv4", EVER },
	{ STREAMS, BIT(TRICK_PKTINFO_UP) | BIT(TRICK_PKTINFO_TUN), ROOT | USER,
	  ALL_FAMS, "a stream has no ancillary data for a packet", EVER },
	{ BIT(KIND_RAW), BIT(TRICK_TRANSPARENT), ROOT, BIT(FAM_V4),
	  "is bound to the host's own addresses only", 5, 17 },
	{ BIT(KIND_PING), BIT(TRICK_PKTINFO_UP) | BIT(TRICK_PKTINFO_TUN),
	  ROOT | USER, BIT(FAM_V6), "does not read ancillary data", 5, 18 },
};

static const char *const kind_names[N_KINDS] = {
	[KIND_UDP] = "udp",	   [KIND_CONNECTED] = "connected",
	[KIND_TCP] = "tcp",	   [KIND_TFO] = "tfo",
	[KIND_MPTCP] = "mptcp",	   [KIND_RAW] = "raw",
	[KIND_PING] = "ping",	   [KIND_SCTP] = "sctp",
	[KIND_URING] = "io_uring", [KIND_SENDMMSG] = "sendmmsg",
};

static const char *const trick_names[N_TRICKS] = {
	[TRICK_PLAIN] = "plain",
	[TRICK_DEVICE_UP] = "device-uplink",
	[TRICK_DEVICE_TUN] = "device-tunnel",
	[TRICK_PKTINFO_UP] = "pktinfo-uplink",
	[TRICK_PKTINFO_TUN] = "pktinfo-tunnel",
	[TRICK_SOURCE] = "source-uplink",
	[TRICK_DONTROUTE] = "dontroute",
	[TRICK_MARK] = "mark",
	[TRICK_HDRINCL] = "hdrincl",
	[TRICK_HDR_OTHER] = "hdrincl-other",
	[TRICK_TRANSPARENT] = "transparent",
};

static bool is_absent(const struct product *p)
{
	for (size_t i = 0; i < sizeof(absents) / sizeof(*absents); i++) {
		const struct absent *a = &absents[i];

		if (a->kinds & BIT(p->kind) && a->tricks & BIT(p->trick) &&
		    a->users & (p->uid ? USER : ROOT) &&
		    a->families & BIT(p->family) &&
		    kernel_before(a->major, a->minor))
			return true;
	}
	return false;
}

static enum side want_of(const struct product *p)
{
	struct trial trial = { .app = p->app };

	return want_side(&trial, p->dst);
}

/* ---- what is expected ---------------------------------------------------- */

enum outcome {
	OUTCOME_OPEN,	/* all on the right side */
	OUTCOME_CLOSED, /* nothing anywhere */
	OUTCOME_EITHER, /* some or none, on the right side */
};

/* Where the trick leads when nobody minds. */
static enum side led_to(const struct product *p)
{
	return p->trick == TRICK_DEVICE_TUN || p->trick == TRICK_PKTINFO_TUN ?
		       SIDE_TUNNEL :
		       SIDE_UPLINK;
}

/* IPv6 keeps the way of the connection when its source has no other. */
static bool is_vague(const struct product *p)
{
	return p->kind == KIND_CONNECTED && p->trick == TRICK_PKTINFO_TUN &&
	       family_is_v6(p->family);
}

/*
 * SCTP looks routes up without the socket's mark, and no hook sees its
 * connect(): only the guard stands there, and README names the limit.
 */
static bool is_unsteered(const struct product *p)
{
	return p->kind == KIND_SCTP && want_of(p) != led_to(p);
}

static enum outcome outcome_of(const struct product *p)
{
	bool listed_dst = p->dst == DST_LISTED || p->dst == DST_INSIDE;

	if (is_vague(p))
		return OUTCOME_EITHER;
	if (is_unsteered(p))
		return OUTCOME_CLOSED;
	switch (p->trick) {
	case TRICK_PLAIN:
	case TRICK_DONTROUTE:
	case TRICK_HDRINCL:
		return OUTCOME_OPEN;
	case TRICK_MARK:
		return listed_dst ? OUTCOME_EITHER : OUTCOME_OPEN;
	case TRICK_HDR_OTHER:
		return p->app == APP_LISTED ? OUTCOME_CLOSED : OUTCOME_OPEN;
	default:
		return led_to(p) == want_of(p) ? OUTCOME_OPEN : OUTCOME_CLOSED;
	}
}

/* ---- one case ------------------------------------------------------------ */

static int case_no(struct life *life, const struct product *p, const char *what,
		   uint32_t seen, enum side side)
{
	return life_no(life,
		       "%s, %s, %s app, %s, %s, uid %u: %s: %u on the %s; "
		       "%u sent, %u refused, %u odd (%s)",
		       kind_names[p->kind], trick_names[p->trick],
		       app_name(p->app), dst_name(p->dst),
		       family_name(p->family), (unsigned)p->uid, what, seen,
		       side_name(side), p->sent, p->refused, p->odd,
		       strerror(p->error));
}

static int case_play(struct life *life, struct product *p)
{
	struct product *shared = mmap(NULL, sizeof(*shared),
				      PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int r;

	if (shared == MAP_FAILED)
		return -errno;
	*shared = *p;
	pid = proc_fork(life->lab, life->lab->cgroup_fd[p->app], NS_CLIENT);
	if (pid == 0) {
		if (proc_uid(shared->uid) < 0)
			_exit(1);
		product_play(shared);
		_exit(0);
	}
	r = pid < 0 ? (int)pid : proc_wait(pid, fault_ms(life, 30000));
	*p = *shared;
	munmap(shared, sizeof(*shared));
	return r ? case_no(life, p, "the process failed", 0, SIDE_UPLINK) : 0;
}

/* By the capture; nftables is compared once for all cases of a kind. */
static int case_read(struct life *life, const struct product *p,
		     uint32_t ret_seen[N_SIDES])
{
	struct in6_addr dst = dst_address(p->dst, family_is_v6(p->family));
	struct reading readings[N_SIDES];
	int r;

	connections_end(life->lab, FAREWELL_MS);
	r = sensors_read(life->lab, readings);
	for (enum side s = 0; s < N_SIDES && r >= 0; s++) {
		struct in6_addr tunnel =
			client_address(SIDE_TUNNEL, family_is_v6(p->family));

		ret_seen[s] = packets_to(&readings[s], &dst);
		if (readings[s].lost ||
		    packets_all(&readings[s]) != ret_seen[s])
			return case_no(life, p, "others seen",
				       packets_all(&readings[s]), s);
		for (uint32_t i = 0; i < readings[s].n && !life->lab->control;
		     i++)
			if (!memcmp(&readings[s].flows[i].src, &tunnel,
				    sizeof(tunnel)) != (s == SIDE_TUNNEL) &&
			    life->lab->daemon.pid > 0)
				return case_no(life, p, "a wrong source",
					       readings[s].flows[i].packets, s);
	}
	return r < 0 ? life_no(life, "sensors: %s", strerror(-r)) : 0;
}

static int case_control(struct life *life, const struct product *p,
			const uint32_t seen[N_SIDES])
{
	enum side side = led_to(p);
	uint32_t n = seen[side];

	if (is_vague(p))
		n = seen[SIDE_UPLINK] + seen[SIDE_TUNNEL];
	return n * 100 >= p->n * 95 ?
		       0 :
		       case_no(life, p, "positive control", seen[side], side);
}

static int case_judge(struct life *life, const struct product *p,
		      const uint32_t seen[N_SIDES])
{
	enum side want = want_of(p);
	enum side other = want == SIDE_TUNNEL ? SIDE_UPLINK : SIDE_TUNNEL;
	enum outcome outcome = outcome_of(p);

	if (seen[other])
		return case_no(life, p, other == SIDE_UPLINK ? "LEAK" : "STRAY",
			       seen[other], other);
	if (outcome == OUTCOME_OPEN && seen[want] < p->n)
		return case_no(life, p, "too few", seen[want], want);
	if (outcome == OUTCOME_CLOSED && seen[want])
		return case_no(life, p, "not refused", seen[want], want);
	if (p->odd)
		return case_no(life, p, "an odd errno", p->odd, want);
	return 0;
}

struct product_count {
	unsigned cases, lacking;
};

static int case_run(struct life *life, struct product *p, bool control,
		    struct product_count *count)
{
	uint32_t seen[N_SIDES];
	int r;

	p->source = control ? SIDE_UPLINK : want_of(p);
	if (control || outcome_of(p) == OUTCOME_OPEN)
		p->wait_ms = fault_ms(life, CONNECT_MS);
	else if (outcome_of(p) == OUTCOME_EITHER)
		p->wait_ms = fault_ms(life, DOUBTFUL_MS);
	/* these answers find no way back, or not without splitd */
	if (p->trick == TRICK_TRANSPARENT ||
	    (control && led_to(p) == SIDE_TUNNEL))
		p->wait_ms = 0;
	r = case_play(life, p);
	if (r >= 0)
		r = case_read(life, p, seen);
	if (r < 0)
		return r;
	count->cases++;
	if (p->lacking) {
		count->lacking++;
		return p->kind == KIND_MPTCP || p->kind == KIND_SCTP ?
			       0 :
			       case_no(life, p, "cannot", 0, SIDE_UPLINK);
	}
	return control ? case_control(life, p, seen) :
			 case_judge(life, p, seen);
}

/* ---- the product --------------------------------------------------------- */

static const enum dst product_dsts[] = { DST_LISTED, DST_UNLISTED };

/* Every packet that one sensor has counted the other has, too. */
static int kind_counters(struct life *life)
{
	uint64_t nft[2 * N_DSTS];

	for (enum side s = 0; s < N_SIDES; s++) {
		struct far *far = &life->lab->far[s];
		int r = counters_take(life->lab, s, nft);

		if (r < 0)
			return life_no(life, "nft: %s", strerror(-r));
		for (unsigned i = 0; i < 2 * N_DSTS; i++)
			if (nft[i] != far->counted[i / 2][i % 2])
				return life_no(
					life, "%s, %s: nft %llu, capture %llu",
					side_name(s), dst_name(i / 2),
					(unsigned long long)nft[i],
					(unsigned long long)
						far->counted[i / 2][i % 2]);
		memset(far->counted, 0, sizeof(far->counted));
	}
	return 0;
}

/* In the control an app is like another. */
static int kind_cases(struct life *life, enum kind kind, bool control,
		      struct product_count *count)
{
	const unsigned n = N_TRICKS * N_USERS * N_APPS * N_FAMILIES * 2;
	int r = tally_reset(life);

	for (unsigned i = 0; i < n && r >= 0; i++) {
		struct product product = {
			.kind = kind,
			.dst = product_dsts[i % 2],
			.family = (enum family)(i / 2 % N_FAMILIES),
			.app = i / (2 * N_FAMILIES) % N_APPS,
			.uid = i / (2 * N_FAMILIES * N_APPS) % N_USERS ?
				       LAB_UID :
				       0,
			.trick = (enum trick)(
				i / (2 * N_FAMILIES * N_APPS * N_USERS)),
			.n = fault_count(life, CASE_N),
		};

		memcpy(product.ifindex, life->lab->ifindex,
		       sizeof(product.ifindex));
		if (!is_absent(&product) &&
		    !(control && product.app == APP_UNLISTED))
			r = case_run(life, &product, control, count);
	}
	return r < 0 ? r : kind_counters(life);
}

/*
 * So that SO_DONTROUTE finds somebody, and IPv6 a way by the tunnel and its
 * neighbour there, from whatever source.
 */
static const char on_link[] = "route replace 1.1.1.1 dev up0 scope link\n"
			      "route replace 9.9.9.9 dev up0 scope link\n"
			      "route replace ::/0 dev tun0 metric 5000\n";
static const char on_link_end[] = "route del 1.1.1.1 dev up0\n"
				  "route del 9.9.9.9 dev up0\n"
				  "route del ::/0 dev tun0 metric 5000\n";

static const char far_back[] = "route replace fd10::/64 dev lab0\n"
			       "route replace 2001:db8:ffff::/48 dev lab0\n";

static int product_run(struct life *life, enum kind kind)
{
	struct product probe = { .kind = kind };
	struct product_count count = { 0, 0 }, control = { 0, 0 };
	int fd = product_open(&probe), r;

	if (fd < 0) {
		life_say(life, "kernel without %s", kind_names[kind]);
		return 1;
	}
	close(fd);
	r = ip_run(life, NS_CLIENT, on_link);
	if (r >= 0)
		r = ip_run(life, NS_TUNNEL, far_back);
	if (r >= 0)
		r = kind_cases(life, kind, true, &control);
	if (r >= 0)
		r = fault_govern(life);
	if (r >= 0)
		r = kind_cases(life, kind, false, &count);
	ip_run(life, NS_CLIENT, on_link_end);
	life_say(life, "controls=%u cases=%u n=%u lacking=%u", control.cases,
		 count.cases, fault_count(life, CASE_N), count.lacking);
	return r;
}

#define KIND_TEST(name, kind)                                                  \
	static int name(struct life *life)                                     \
	{                                                                      \
		return product_run(life, kind);                                \
	}

KIND_TEST(product_udp, KIND_UDP)
KIND_TEST(product_connected, KIND_CONNECTED)
KIND_TEST(product_tcp, KIND_TCP)
KIND_TEST(product_tfo, KIND_TFO)
KIND_TEST(product_mptcp, KIND_MPTCP)
KIND_TEST(product_raw, KIND_RAW)
KIND_TEST(product_ping, KIND_PING)
KIND_TEST(product_sctp, KIND_SCTP)
KIND_TEST(product_uring, KIND_URING)
KIND_TEST(product_sendmmsg, KIND_SENDMMSG)

const struct life_test fault_product_tests[] = {
	{ "fault-13-udp", product_udp, LIFE_STOPPED },
	{ "fault-13-connected", product_connected, LIFE_STOPPED },
	{ "fault-13-tcp", product_tcp, LIFE_STOPPED },
	{ "fault-13-tfo", product_tfo, LIFE_STOPPED },
	{ "fault-13-mptcp", product_mptcp, LIFE_STOPPED },
	{ "fault-13-raw", product_raw, LIFE_STOPPED },
	{ "fault-13-ping", product_ping, LIFE_STOPPED },
	{ "fault-13-sctp", product_sctp, LIFE_STOPPED },
	{ "fault-13-io_uring", product_uring, LIFE_STOPPED },
	{ "fault-13-sendmmsg", product_sendmmsg, LIFE_STOPPED },
	{ 0 }
};
