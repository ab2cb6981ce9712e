/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults and attacks: the tables of the mode, and what its sensors say. */

/*
 * Every test first shows its attack at work: without splitd, or without the
 * guard, the sensors must see 95 % of what is sent on the wrong side, or the
 * test is an error. Then the same with splitd, and exactly nothing there.
 * Capture and nftables count apart; for "nothing" both must have seen nothing,
 * for 95 % both must have seen them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "tests/lab/fault.h"

#define ROUNDS 20 /* of reading both sensors */

const struct life_test *const fault_tables[] = {
	/* routing and sockets */
	fault_route_tests,
	fault_tunnel_tests,
	fault_endpoint_tests,
	fault_socket_tests,
	fault_handed_tests,
	fault_product_tests,
	fault_odd_tests,
	/* crashes and state */
	fault_crash_tests,
	fault_state_tests,
	fault_update_tests,
	fault_scope_tests,
	fault_two_tests,
	fault_refuse_tests,
	fault_found_tests,
	fault_mended_tests,
	fault_cycle_tests,
	NULL,
};

unsigned fault_count(const struct life *life, unsigned full)
{
	unsigned n = full / life->lab->divisor;

	return n < 10 && full >= 10 ? 10 : n;
}

void life_append(struct life *life, const char *which)
{
	size_t len = strlen(life->text);

	if (life->text[0] == '\1')
		snprintf(life->text + len, sizeof(life->text) - len, " [%s]",
			 which);
}

int fault_ms(const struct life *life, int ms)
{
	int scaled =
		(int)((int64_t)ms * life->lab->deadline_ms / LAB_DEADLINE_MS);

	return scaled > ms ? scaled : ms;
}

static void flow_add(struct tally *tally, enum side side,
		     const struct flow *flow)
{
	bool v6 = !IN6_IS_ADDR_V4MAPPED(&flow->dst);
	struct in6_addr tunnel = client_address(SIDE_TUNNEL, v6);
	bool from_tunnel = !memcmp(&flow->src, &tunnel, sizeof(tunnel));
	enum dst dst;

	if (dst_from_address(&flow->dst, &dst)) {
		tally->capture[side][dst][v6] += flow->packets;
		tally->last[side][dst][v6] = *flow;
	} else {
		tally->strange[side] += flow->packets;
	}
	if (from_tunnel != (side == SIDE_TUNNEL))
		tally->strange[side] += flow->packets;
}

/* 1: either sensor has seen something since it was read last; 0: neither. */
static int side_take(struct life *life, enum side side,
		     const struct reading *reading, struct tally *tally)
{
	struct far *far = &life->lab->far[side];
	uint64_t nft[2 * N_DSTS];
	int r = counters_take(life->lab, side, nft);
	uint32_t seen = packets_all(reading);

	memset(far->counted, 0, sizeof(far->counted));
	if (r < 0 || far->gone)
		return r;
	if (reading->lost)
		return life_no(life, "the capture lost packets");
	for (uint32_t i = 0; i < reading->n; i++)
		flow_add(tally, side, &reading->flows[i]);
	for (unsigned i = 0; i < 2 * N_DSTS; i++) {
		tally->nft[side][i / 2][i % 2] += (uint32_t)nft[i];
		seen += (uint32_t)nft[i];
	}
	return seen > 0;
}

/* One sensor after the other. 1: either has seen something since; 0: neither */
static int round_take(struct life *life, struct tally *tally)
{
	struct reading readings[N_SIDES];
	int r = sensors_read(life->lab, readings);
	int seen = 0;

	for (enum side s = 0; s < N_SIDES && r >= 0; s++) {
		r = side_take(life, s, &readings[s], tally);
		seen |= r > 0;
	}
	return r < 0 ? life_no(life, "sensors: %s", strerror(-r)) : seen;
}

/* -1: they agree on what was there at all; or where they do not. */
static int disagreement(const struct tally *tally)
{
	const uint32_t *capture = &tally->capture[0][0][0];
	const uint32_t *nft = &tally->nft[0][0][0];

	for (int i = 0; i < N_SIDES * N_DSTS * 2; i++)
		if (!capture[i] != !nft[i])
			return i;
	return -1;
}

/*
 * Both sensors, and back to zero. A packet may come after the one was read and
 * before the other: so they are read until neither has anything new, or it
 * would be the one's now and the other's next time. (Where traffic goes on,
 * that is never: then it is enough that they agree.) A far end whose link is
 * away has none.
 */
int tally_take(struct life *life, struct tally *ret_tally)
{
	struct tally tally = { 0 };
	unsigned tries = 0;
	uint32_t first = 0; /* of the reading that they disagreed on first */
	int r, at;

	do {
		r = round_take(life, &tally);
		if (r < 0)
			return r;
		at = disagreement(&tally);
		if (at >= 0 && !tries)
			first = (&tally.capture[0][0][0])[at];
	} while ((at >= 0 || r > 0) && ++tries < ROUNDS);
	if (at >= 0)
		return life_no(life,
			       "%s, %s%s: nft counts %u, the capture %u, "
			       "%u of them at once",
			       side_name(at / 2 / N_DSTS),
			       dst_name(at / 2 % N_DSTS),
			       at % 2 ? " (ipv6)" : "",
			       (&tally.nft[0][0][0])[at],
			       (&tally.capture[0][0][0])[at], first);
	*ret_tally = tally;
	return 0;
}

/* By the sensor that has seen more of them: 0 only if both have seen none. */
uint32_t tally_most(const struct tally *tally, enum side side, enum dst dst,
		    bool v6)
{
	uint32_t capture = tally->capture[side][dst][v6];
	uint32_t nft = tally->nft[side][dst][v6];

	return nft > capture ? nft : capture;
}

/* By the one that has seen fewer. */
uint32_t tally_least(const struct tally *tally, enum side side, enum dst dst,
		     bool v6)
{
	uint32_t capture = tally->capture[side][dst][v6];
	uint32_t nft = tally->nft[side][dst][v6];

	return nft < capture ? nft : capture;
}

/* Whatever the sensors have counted, it was before. */
int tally_reset(struct life *life)
{
	struct tally tally = { 0 };
	unsigned tries = 0;
	int r;

	connections_end(life->lab, FAREWELL_MS);
	do {
		r = round_take(life, &tally);
	} while (r > 0 && ++tries < ROUNDS);
	return r < 0 ? r : 0;
}

/*
 * From the control to splitd. What the control has left half open or
 * unanswered is forgotten: late answers would make the kernel reply.
 */
int fault_govern(struct life *life)
{
	int r = 0;

	for (enum side s = 0; s < N_SIDES && r >= 0; s++)
		r = far_restart(life->lab, s);
	if (r < 0)
		return life_no(life, "far end: %s", strerror(-r));
	if (daemon_start(life->lab) < 0)
		return life_no(life, "splitd does not start");
	return tally_reset(life);
}

/* The attack works: the volley was seen on this side. */
int tally_control(struct life *life, const struct volley *volley,
		  enum side side)
{
	struct tally tally;
	int r = tally_take(life, &tally);
	uint32_t seen;

	if (r < 0)
		return r;
	seen = tally_least(&tally, side, volley->dst, volley->v6);
	if (seen * 100 >= volley->n * 95)
		return 0;
	return life_no(life, "positive control: %u of %u to %s%s on the %s",
		       seen, volley->n, dst_name(volley->dst),
		       volley->v6 ? " (ipv6)" : "", side_name(side));
}

/* No packet of the app to this destination on the side that is not its own. */
static int side_clean(struct life *life, const struct volley *volley,
		      enum dst dst, const struct tally *tally)
{
	struct trial trial = { .app = volley->app, .dst = dst };
	enum side other = want_side(&trial, dst) == SIDE_TUNNEL ? SIDE_UPLINK :
								  SIDE_TUNNEL;
	const struct flow *last = &tally->last[other][dst][volley->v6];
	uint32_t n = tally_most(tally, other, dst, volley->v6);
	char source[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, &last->src, source, sizeof(source));
	return n ? life_no(life,
			   "%s: %u packets to %s%s on the %s, at last one of "
			   "protocol %u from %s",
			   fault_name(wrong_side(&trial, other, dst)), n,
			   dst_name(dst), volley->v6 ? " (ipv6)" : "",
			   side_name(other), last->protocol, source) :
		   0;
}

int tally_sides(struct life *life, const struct volley *volley,
		const struct tally *tally)
{
	int r = side_clean(life, volley, volley->dst, tally);

	if (r >= 0 && volley->both)
		r = side_clean(life, volley, dst_opposite(volley->dst), tally);
	if (r >= 0 && tally->strange[SIDE_TUNNEL])
		r = life_no(life, "%u strange packets in the tunnel",
			    tally->strange[SIDE_TUNNEL]);
	return r;
}

int tally_clean(struct life *life, const struct volley *volley)
{
	struct tally tally;
	int r = tally_take(life, &tally);

	return r < 0 ? r : tally_sides(life, volley, &tally);
}
