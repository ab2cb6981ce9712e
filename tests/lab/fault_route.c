/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: routes, rules and addresses that others put before ours. */

/*
 * The attacks of 01 and 02 are first shown against an ordinary VPN: its route
 * in the main table leads the datagrams into the tunnel, and then the uplink's
 * network claims their destination, and has them. The same claims must do
 * nothing to splitd's pairs, nor draw anything else into the tunnel.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define REPAIR_US 100000
#define REPAIRS	  20
#define CLAIM_MS  3000
#define MIDFLOW	  50 /* answers before a claim, and after it */

/* A claim of the uplink's network on a listed destination. */
struct claim {
	const char *name;
	enum dst dst;
	bool v6;
	const char *vpn, *vpn_end; /* what an ordinary VPN has in main */
	const char *come, *go;	   /* NULL: by router advertisement */
};

#define ROUTE(verb, text) "route " verb " " text "\n"
#define BY_UPLINK4	  " via 10.10.0.1 dev up0"
#define BY_UPLINK6	  " via fd10::1 dev up0"
#define VPN(text)	  .vpn = ROUTE("add", text), .vpn_end = ROUTE("del", text)
#define CLAIM(text)	  .come = ROUTE("add", text), .go = ROUTE("del", text)
#define VPN4                                                                   \
	.vpn = ROUTE("replace", "default dev tun0"),                           \
	.vpn_end = ROUTE("replace", "default" BY_UPLINK4)
#define VPN6 VPN("::/0 dev tun0 metric 1")

static const struct claim tunnel_vision[] = {
	{ "0/1", DST_LISTED, false, VPN4, CLAIM("0.0.0.0/1" BY_UPLINK4) },
	{ "128/1", DST_INSIDE, false, VPN4, CLAIM("128.0.0.0/1" BY_UPLINK4) },
	{ "/24", DST_INSIDE, false, VPN("203.0.113.0/24 dev tun0 metric 9"),
	  CLAIM("203.0.113.0/24" BY_UPLINK4) },
	{ "/32", DST_LISTED, false, VPN("1.1.1.0/24 dev tun0"),
	  CLAIM("1.1.1.1/32" BY_UPLINK4) },
	{ "::/1", DST_LISTED, true, VPN6, CLAIM("::/1" BY_UPLINK6) },
	{ "2000::/3", DST_LISTED, true, VPN6, CLAIM("2000::/3" BY_UPLINK6) },
	{ "/48", DST_INSIDE, true, VPN("2001:db8:1::/48 dev tun0 metric 9"),
	  CLAIM("2001:db8:1::/48" BY_UPLINK6 " metric 8") },
	{ "/128", DST_LISTED, true, VPN("2001:db8:1::/48 dev tun0"),
	  CLAIM("2001:db8:1::10/128" BY_UPLINK6) },
	{ "route information", DST_LISTED, true, VPN("2001:db8::/32 dev tun0"),
	  NULL, NULL },
	{ 0 }
};

/* ---- router advertisements ---------------------------------------------- */

#define ND_OPT_ROUTE_INFO 24 /* RFC 4191, 2.3 */
#define PREFERENCE_HIGH	  0x08

static const char ra_plen[] = "net/ipv6/conf/up0/accept_ra_rt_info_max_plen";
static const char ra_accept[] = "net/ipv6/conf/up0/accept_ra";

/* A router with a more specific route: 2001:db8:1::/48 by this link. */
static int ra_send(uint32_t lifetime)
{
	struct {
		struct nd_router_advert ra;
		uint8_t type, length, prefix_len, preference;
		uint32_t lifetime;
		uint8_t prefix[8];
	} packet = { .ra.nd_ra_type = ND_ROUTER_ADVERT,
		     .type = ND_OPT_ROUTE_INFO,
		     .length = 2,
		     .prefix_len = 48,
		     .preference = PREFERENCE_HIGH,
		     .lifetime = htonl(lifetime),
		     .prefix = { 0x20, 0x01, 0x0d, 0xb8, 0, 1 } };
	struct sockaddr_in6 all = { .sin6_family = AF_INET6,
				    .sin6_addr.s6_addr = { 0xff, 2, [15] = 1 },
				    .sin6_scope_id = if_nametoindex("lab0") };
	_cleanup_close_ int fd =
		socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	int hops = 255;

	if (fd < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops,
		       sizeof(hops)) < 0 ||
	    sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&all,
		   sizeof(all)) < 0)
		return -errno;
	return 0;
}

static bool ra_believed(const struct life *life)
{
	char *argv[] = { "ip", "-6", "route", "show", "2001:db8:1::/48", NULL };
	char text[1024] = "";

	return proc_run(argv, life->lab->ns[NS_CLIENT], NULL, text,
			sizeof(text)) >= 0 &&
	       strstr(text, "proto ra");
}

/* Until the client has the route, or has it no longer: again and again. */
static int ra_claim(struct life *life, bool on)
{
	int64_t end = now_ms() + fault_ms(life, CLAIM_MS);

	if (sysctl_set(ra_plen, "64") < 0 || sysctl_set(ra_accept, "2") < 0)
		return life_no(life, "no router advertisements");
	while (ra_believed(life) != on) {
		pid_t pid = proc_fork(life->lab, -1, NS_UPLINK);

		if (pid == 0)
			_exit(ra_send(on ? 600 : 0) < 0);
		if (pid < 0 || proc_wait(pid, 5000) != 0 || now_ms() > end)
			return life_no(life, "router advertisement: %m");
	}
	return sysctl_set(ra_accept, "0");
}

/* ---- 01, 02: claims ------------------------------------------------------ */

static int claim_come(struct life *life, const struct claim *claim)
{
	if (!claim->come)
		return ra_claim(life, true);
	if (ip_run(life, NS_CLIENT, claim->come) < 0)
		return life_no(life, "%s", claim->come);
	return 0;
}

static int claim_go(struct life *life, const struct claim *claim)
{
	if (!claim->come)
		return ra_claim(life, false);
	return ip_run(life, NS_CLIENT, claim->go);
}

static struct volley claim_volley(const struct life *life,
				  const struct claim *claim, enum app app)
{
	return (struct volley){ .app = app,
				.dst = claim->dst,
				.v6 = claim->v6,
				.n = fault_count(life, 1000) };
}

/* An ordinary VPN holds the destination until the claim comes. */
static int claim_works(struct life *life, const struct claim *claim)
{
	struct volley volley = claim_volley(life, claim, APP_LISTED);
	int r = ip_run(life, NS_CLIENT, claim->vpn);

	if (r >= 0)
		r = volley_fire(life, &volley);
	if (r >= 0)
		r = tally_control(life, &volley, SIDE_TUNNEL);
	if (r >= 0)
		r = claim_come(life, claim);
	if (r >= 0)
		r = volley_fire(life, &volley);
	if (r >= 0)
		r = tally_control(life, &volley, SIDE_UPLINK);
	claim_go(life, claim);
	ip_run(life, NS_CLIENT, claim->vpn_end);
	if (r < 0)
		life_append(life, claim->name);
	return r;
}

/* Listed pairs through the tunnel, others not, by every way of asking. */
static int claim_held(struct life *life, const struct claim *claim)
{
	int r = 0;

	for (enum how how = HOW_UDP; how <= HOW_TCP && r >= 0; how++) {
		struct volley listed = claim_volley(life, claim, APP_LISTED);
		struct volley other = claim_volley(life, claim, APP_UNLISTED);

		listed.how = other.how = how;
		r = volley_answered(life, &listed, SIDE_TUNNEL);
		if (r >= 0)
			r = tally_clean(life, &listed);
		if (r >= 0)
			r = volley_answered(life, &other, SIDE_UPLINK);
		if (r >= 0)
			r = tally_clean(life, &other);
	}
	return r;
}

/* A connected socket that was in use before the claim goes on after it. */
static int claim_midflow(struct life *life, const struct claim *claim)
{
	struct volley volley = claim_volley(life, claim, APP_LISTED), *flood;
	int r, s;

	volley.how = HOW_UDP_CONNECTED;
	volley.kept = true;
	volley.n = 0;
	flood = volley_begin(life, &volley);
	if (!flood)
		return life_no(life, "no memory");
	r = volley_progress(life, flood, MIDFLOW);
	if (r >= 0)
		r = claim_come(life, claim);
	if (r >= 0)
		r = volley_progress(life, flood, MIDFLOW);
	s = volley_end(life, flood, &volley);
	if (r >= 0 && s >= 0 && (volley.refused || volley.lost))
		s = life_no(life, "a flow: %u refused, %u lost", volley.refused,
			    volley.lost);
	if (r >= 0 && s >= 0)
		s = tally_clean(life, &volley);
	return r < 0 ? r : s;
}

static int claim_refuted(struct life *life, const struct claim *claim)
{
	int r = claim_midflow(life, claim);

	if (r >= 0)
		r = claim_held(life, claim);
	claim_go(life, claim);
	if (r < 0)
		life_append(life, claim->name);
	return r;
}

static int claims(struct life *life, const struct claim *list)
{
	const struct claim *claim;
	int r = tally_reset(life);

	for (claim = list; claim->name && r >= 0; claim++)
		r = claim_works(life, claim);
	if (r >= 0)
		r = fault_govern(life);
	for (claim = list; claim->name && r >= 0; claim++)
		r = claim_refuted(life, claim);
	life_say(life, "claims=%zu n=6x%u leaks=0 strays=0",
		 (size_t)(claim - list), fault_count(life, 1000));
	return r < 0 ? r : life_governed(life);
}

static int route_tunnel_vision(struct life *life)
{
	if (access("/proc/sys/net/ipv6/conf/up0/accept_ra_rt_info_max_plen",
		   F_OK) < 0)
		return life_no(life, "a kernel without route information");
	return claims(life, tunnel_vision);
}

/* The client's own network has a public prefix, and the target in it. */
static const struct claim lan_prefix[] = {
	{ "public network", DST_INSIDE, false,
	  VPN("203.0.113.0/24 dev tun0 metric 9"),
	  "addr add 203.0.113.77/24 dev up0\n",
	  "addr del 203.0.113.77/24 dev up0\n" },
	{ "public IPv6 network", DST_LISTED, true,
	  VPN("2001:db8:1::/48 dev tun0 metric 999"),
	  "addr add 2001:db8:1::77/48 dev up0 nodad\n",
	  "addr del 2001:db8:1::77/48 dev up0\n" },
	{ 0 }
};

static const char lan_back[] = "route replace 203.0.113.77/32 dev lab0\n"
			       "route replace 2001:db8:1::77/128 dev lab0\n";

static int route_lan_prefix(struct life *life)
{
	if (ip_run(life, NS_UPLINK, lan_back) < 0)
		return life_no(life, "no way back");
	return claims(life, lan_prefix);
}

/* ---- 05: rules ----------------------------------------------------------- */

static int rules_run(const struct life *life, const char *commands)
{
	char *argv4[] = { "ip", "-batch", "-", NULL };
	char *argv6[] = { "ip", "-6", "-batch", "-", NULL };
	int fd = life->lab->ns[NS_CLIENT];
	int r = proc_run(argv4, fd, commands, NULL, 0);

	return r < 0 ? r : proc_run(argv6, fd, commands, NULL, 0);
}

static const char rules_foreign[] = "rule add pref 100 lookup main\n";
static const char rules_foreign_end[] = "rule del pref 100\n";
static const char rules_ours_end[] = "rule del pref 5100\n"
				     "rule del pref 5101\n";
static const char routes_ours_end[] = "route flush table 51001\n"
				      "route flush table 51257\n";

/* Every way of asking of both families, from one half to the other. */
static struct volley pair_volley(const struct life *life, unsigned i)
{
	return (struct volley){ .app = APP_LISTED,
				.dst = DST_LISTED,
				.v6 = i % 2,
				.how = i / 2,
				.n = fault_count(life, 1000) };
}

/* Without the guard the rules are all there is. */
static int rules_control(struct life *life)
{
	struct lab *lab = life->lab;
	const char *extra[2] = { lab->daemon.extra[0], lab->daemon.extra[1] };
	int r;

	lab->daemon.extra[0] = "--without";
	lab->daemon.extra[1] = "egress";
	r = daemon_start(lab);
	lab->daemon.extra[0] = extra[0];
	lab->daemon.extra[1] = extra[1];
	if (r >= 0)
		r = rules_run(life, rules_foreign);
	if (r >= 0)
		r = tally_reset(life);
	for (unsigned i = 0; i < 6 && r >= 0; i++) {
		struct volley volley = pair_volley(life, i);

		r = volley_fire(life, &volley);
		if (r >= 0)
			r = tally_control(life, &volley, SIDE_UPLINK);
	}
	rules_run(life, rules_foreign_end);
	if (r >= 0 && (daemon_stop(lab, SIGKILL) < 0 || daemon_purge(lab) < 0))
		r = life_no(life, "cannot purge");
	return r;
}

/* Somebody's rule comes before ours: closed, and not a packet outside. */
static int rules_closed(struct life *life)
{
	int r = rules_run(life, rules_foreign);

	for (unsigned i = 0; i < 6 && r >= 0; i++) {
		struct volley volley = pair_volley(life, i);

		volley.mute = volley.how == HOW_TCP;
		r = volley_refused(life, &volley);
		if (r >= 0 && !volley.mute && volley.refused != volley.n)
			r = life_no(life, "only %u of %u refused",
				    volley.refused, volley.n);
		if (r >= 0)
			r = tally_clean(life, &volley);
	}
	rules_run(life, rules_foreign_end);
	return r;
}

static int compare_us(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/*
 * Deletes ours again and again under a flood of new sockets. The gaps in its
 * answers are the figures; their median must hold, as on a machine that is
 * busy with something else any single one says little.
 */
static int deletions(struct life *life, bool v6, const char *what,
		     const char *commands)
{
	struct volley *flood, result;
	struct volley order = { .app = APP_LISTED,
				.dst = DST_LISTED,
				.v6 = v6,
				.patience_ms = 50 };
	unsigned n = fault_count(life, REPAIRS);
	int64_t gaps[REPAIRS];
	int r = 0, s;

	flood = volley_begin(life, &order);
	if (!flood)
		return life_no(life, "no memory");
	for (unsigned i = 0; i < n && r >= 0; i++) {
		r = volley_progress(life, flood, 1);
		flood->gap_us = 0;
		if (r >= 0)
			r = rules_run(life, commands);
		if (r >= 0)
			r = volley_progress(life, flood, 1);
		gaps[i] = flood->gap_us;
	}
	s = volley_end(life, flood, &result);
	if (r >= 0 && s >= 0)
		s = tally_clean(life, &result);
	if (r < 0 || s < 0)
		return r < 0 ? r : s;
	if (!result.refused && !result.lost)
		return life_no(life, "%s: nobody noticed", what);
	qsort(gaps, n, sizeof(*gaps), compare_us);
	life_say(life, "%s%s: n=%u median=%lldus worst=%lldus;", what,
		 v6 ? "6" : "4", n, (long long)gaps[n / 2],
		 (long long)gaps[n - 1]);
	return gaps[n / 2] > (int64_t)fault_ms(life, REPAIR_US / 1000) * 1000 ?
		       life_no(life, "%s: back after %lld us", what,
			       (long long)gaps[n / 2]) :
		       0;
}

static int route_rules(struct life *life)
{
	int r = rules_control(life);

	if (r >= 0)
		r = fault_govern(life);
	if (r >= 0)
		r = rules_closed(life);
	for (unsigned v6 = 0; v6 < 2 && r >= 0; v6++) {
		r = deletions(life, v6, "rules", rules_ours_end);
		if (r >= 0)
			r = deletions(life, v6, "routes", routes_ours_end);
	}
	return r < 0 ? r : life_governed(life);
}

const struct life_test fault_route_tests[] = {
	{ "fault-01-tunnelvision", route_tunnel_vision, LIFE_STOPPED },
	{ "fault-02-lan-prefix", route_lan_prefix, LIFE_STOPPED },
	{ "fault-05-rules", route_rules, LIFE_STOPPED },
	{ 0 }
};
