/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: an app writes to the VPN server's own address. */

/*
 * All addresses are listed, the endpoint's with them. Whoever carries the
 * tunnel reaches it by the uplink; a listed app that writes to the very same
 * address goes into the tunnel, where another host answers for it. Once with a
 * process for a VPN client, and once with a tunnel that the kernel itself
 * wraps into UDP: its outer packets have no socket of any app, as those of
 * WireGuard, and its far end was moved to another namespace likewise.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/fault.h"

#define ENDPOINT4 "10.10.0.1"
#define ENDPOINT6 "fd10::1"
#define VPN_MARK  51820 /* wg-quick's: bits that are not ours */
#define FLOWING	  20

static const char everything[] =
	TUN0 INCLUDED(PREFIX("0.0.0.0/0") PREFIX("::/0"));
static const char exactly[] =
	TUN0 INCLUDED(PREFIX(ENDPOINT4 "/32") PREFIX(ENDPOINT6 "/128"));
static const char inner_host[] = "addr replace " ENDPOINT4 "/32 dev lo\n"
				 "addr replace " ENDPOINT6
				 "/128 dev lab0 nodad\n";

/* Plain: of the app. Vpn: of the client. Outer: the kernel's. */
static const char ruleset[] =
	/* as often as a test sets it up */
	"table inet endpoint {}\ndelete table inet endpoint\n"
	"table inet endpoint {\n"
	"counter plain { }\ncounter vpn { }\ncounter outer { }\n"
	"chain in { type filter hook prerouting priority raw;\n"
	"iifname lab0 ip daddr " ENDPOINT4 " goto to\n"
	"iifname lab0 ip6 daddr " ENDPOINT6 " goto to\n}\n"
	"chain to {\n"
	"udp dport 7000 counter name plain\n"
	"tcp dport 7000 counter name plain\n"
	"udp dport 7001 counter name vpn\n"
	"udp dport 4789 counter name outer\n}\n}\n";

struct endpoint {
	unsigned plain, vpn, outer; /* by nftables */
	uint32_t tcp;		    /* by the capture: only apps send it */
};

static int counter_get(const char *text, const char *name)
{
	char find[32];
	const char *at;
	unsigned n;

	snprintf(find, sizeof(find), "counter %s {", name);
	at = strstr(text, find);
	at = at ? strstr(at, "packets ") : NULL;
	return at && sscanf(at, "packets %u", &n) == 1 ? (int)n : -1;
}

static uint32_t capture_tcp(const struct reading *reading)
{
	struct in6_addr v4 = address_of(ENDPOINT4), v6 = address_of(ENDPOINT6);
	uint32_t packets = 0;

	for (uint32_t i = 0; i < reading->n; i++) {
		const struct flow *flow = &reading->flows[i];

		if (flow->protocol == IPPROTO_TCP &&
		    (!memcmp(&flow->dst, &v4, sizeof(v4)) ||
		     !memcmp(&flow->dst, &v6, sizeof(v6))))
			packets += flow->packets;
	}
	return packets;
}

/* Both far ends, and back to zero. */
static int endpoint_take(struct life *life, struct endpoint ret_seen[N_SIDES])
{
	char *argv[] = { "nft",	 "reset",    "counters", "table",
			 "inet", "endpoint", NULL };
	struct reading readings[N_SIDES];
	int r = sensors_read(life->lab, readings);

	for (enum side s = 0; s < N_SIDES && r >= 0; s++) {
		char text[4096] = "";
		int plain, vpn, outer;

		r = proc_run(argv, life->lab->ns[s], NULL, text, sizeof(text));
		plain = counter_get(text, "plain");
		vpn = counter_get(text, "vpn");
		outer = counter_get(text, "outer");
		if (r < 0 || plain < 0 || vpn < 0 || outer < 0)
			return life_no(life, "no counters");
		ret_seen[s] = (struct endpoint){ (unsigned)plain, (unsigned)vpn,
						 (unsigned)outer,
						 capture_tcp(&readings[s]) };
	}
	return r < 0 ? life_no(life, "sensors: %s", strerror(-r)) : 0;
}

static int endpoint_setup(struct life *life)
{
	char *argv[] = { "nft", "-f", "-", NULL };
	int r = ip_run(life, NS_TUNNEL, inner_host);

	for (enum side s = 0; s < N_SIDES && r >= 0; s++)
		r = proc_run(argv, life->lab->ns[s], ruleset, NULL, 0);
	return r < 0 ? life_no(life, "endpoint: %s", strerror(-r)) : 0;
}

static struct volley endpoint_volley(const struct life *life, unsigned i)
{
	return (struct volley){ .app = APP_LISTED,
				.to = i % 2 ? ENDPOINT6 : ENDPOINT4,
				.v6 = i % 2,
				.how = i / 2,
				.n = fault_count(life, 1000) };
}

/* Without splitd it is plain to see on the uplink. */
static int endpoint_control(struct life *life)
{
	struct endpoint seen[N_SIDES] = { 0 };
	int r = endpoint_take(life, seen);

	for (unsigned i = 0; i < 6 && r >= 0; i++) {
		struct volley volley = endpoint_volley(life, i);

		r = volley_answered(life, &volley, SIDE_UPLINK);
		if (r >= 0)
			r = endpoint_take(life, seen);
		if (r >= 0 && seen[SIDE_UPLINK].plain * 100 < volley.n * 95)
			r = life_no(life, "positive control: %u of %u",
				    seen[SIDE_UPLINK].plain, volley.n);
		if (r >= 0 && volley.how == HOW_TCP &&
		    seen[SIDE_UPLINK].tcp * 100 < volley.n * 95)
			r = life_no(life, "positive control: capture %u of %u",
				    seen[SIDE_UPLINK].tcp, volley.n);
	}
	return r;
}

/* Every plaintext inside, by an answer each and by both sensors. */
static int endpoint_inside(struct life *life)
{
	struct endpoint seen[N_SIDES] = { 0 };
	int r = endpoint_take(life, seen);

	for (unsigned i = 0; i < 6 && r >= 0; i++) {
		struct volley volley = endpoint_volley(life, i);

		r = volley_answered(life, &volley, SIDE_TUNNEL);
		if (r >= 0)
			r = endpoint_take(life, seen);
		if (r >= 0 &&
		    (seen[SIDE_UPLINK].plain || seen[SIDE_UPLINK].tcp))
			r = life_no(life, "LEAK: plaintext on the uplink: %u",
				    seen[SIDE_UPLINK].plain);
		if (r >= 0 && seen[SIDE_TUNNEL].plain < volley.n)
			r = life_no(life, "only %u of %u in the tunnel",
				    seen[SIDE_TUNNEL].plain, volley.n);
		if (r >= 0 && seen[SIDE_TUNNEL].vpn)
			r = life_no(life, "STRAY: %u of the VPN client's",
				    seen[SIDE_TUNNEL].vpn);
	}
	return r;
}

/* A process that carries the tunnel, and is no listed app. */
static int beside_client(struct life *life)
{
	struct volley order = { .app = APP_UNLISTED,
				.to = ENDPOINT4,
				.port = PORT_OTHER,
				.how = HOW_UDP_CONNECTED,
				.mark = VPN_MARK,
				.kept = true };
	struct volley *client = volley_begin(life, &order), result;
	int r, s;

	if (!client)
		return life_no(life, "no memory");
	r = volley_progress(life, client, FLOWING);
	if (r >= 0)
		r = endpoint_inside(life);
	if (r >= 0)
		r = volley_progress(life, client, FLOWING);
	s = volley_end(life, client, &result);
	if (r >= 0 && s >= 0 &&
	    (result.refused || result.lost || result.answered[SIDE_TUNNEL]))
		s = life_no(life,
			    "the VPN client: %u refused, %u lost, %u inside",
			    result.refused, result.lost,
			    result.answered[SIDE_TUNNEL]);
	life_say(life, "client=%u", result.answered[SIDE_UPLINK]);
	return r < 0 ? r : s;
}

static int endpoint_process(struct life *life)
{
	static const char *const policies[] = { everything, exactly };
	int r = endpoint_setup(life);

	if (r >= 0)
		r = endpoint_control(life);
	if (r >= 0)
		r = fault_govern(life);
	for (unsigned i = 0; i < 2 && r >= 0; i++) {
		r = profile_put(life, "", policies[i]);
		if (r >= 0)
			r = beside_client(life);
	}
	life_say(life, "n=12x%u", fault_count(life, 1000));
	return r;
}

/* ---- the kernel as the VPN client --------------------------------------- */

/* 1: this kernel has no VXLAN. */
static int wrap_make(struct life *life)
{
	static const char outside[] =
		"link add vx0 type vxlan id 7 local " ENDPOINT4
		" remote 10.10.0.2 dstport 4789\n";
	static const char near[] =
		"link add tun0 type vxlan id 7 local 10.10.0.2"
		" remote " ENDPOINT4 " dstport 4789\n";
	char move[128];
	int r = ip_run(life, NS_UPLINK, outside);

	if (r < 0)
		return 1;
	r = tunnel_delete(life);
	snprintf(move, sizeof(move),
		 "link set vx0 netns /proc/%d/fd/%d name lab0\n", getpid(),
		 life->lab->ns[NS_TUNNEL]);
	if (r >= 0)
		r = ip_run(life, NS_UPLINK, move);
	if (r >= 0)
		r = ip_run(life, NS_CLIENT, near);
	if (r >= 0)
		r = tunnel_restore(life);
	return r < 0 ? life_no(life, "vxlan: %s", strerror(-r)) : 0;
}

/* The next test gets its veth again. */
static int wrap_remove(struct life *life)
{
	ip_run(life, NS_TUNNEL, "link del lab0\n");
	return tunnel_delete(life);
}

static int endpoint_wrapped(struct life *life)
{
	struct endpoint seen[N_SIDES] = { 0 };
	struct volley volley = endpoint_volley(life, 0);
	int r = profile_put(life, "", everything);

	if (r >= 0)
		r = endpoint_inside(life);
	if (r >= 0)
		r = volley_answered(life, &volley, SIDE_TUNNEL);
	if (r >= 0)
		r = endpoint_take(life, seen);
	if (r >= 0 && (seen[SIDE_UPLINK].outer < volley.n ||
		       seen[SIDE_TUNNEL].outer || seen[SIDE_UPLINK].plain))
		r = life_no(life, "wrapped: %u outside of %u, %u inside",
			    seen[SIDE_UPLINK].outer, volley.n,
			    seen[SIDE_TUNNEL].outer);
	life_say(life, "n=6x%u outer=%u", volley.n, seen[SIDE_UPLINK].outer);
	return r;
}

static int endpoint_kernel(struct life *life)
{
	int r = wrap_make(life);

	if (r > 0) {
		life_say(life, "kernel without VXLAN");
		return r;
	}
	if (r >= 0)
		r = endpoint_setup(life);
	if (r >= 0)
		r = endpoint_control(life);
	if (r >= 0)
		r = fault_govern(life);
	if (r >= 0)
		r = endpoint_wrapped(life);
	wrap_remove(life);
	return r;
}

const struct life_test fault_endpoint_tests[] = {
	{ "fault-08-endpoint", endpoint_process, LIFE_STOPPED },
	{ "fault-08-endpoint-kernel", endpoint_kernel, LIFE_STOPPED },
	{ 0 }
};
