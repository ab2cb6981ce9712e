/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: the tunnel goes in mid-flow, or comes again as another device. */

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/fault.h"

#define FLOWS	   6 /* every way of asking, both families */
#define MIDFLOW	   20
#define ERRNO_MS   1000
#define BACK_MS	   500
#define WAIT_MS	   50
#define HANG_MS	   20000 /* so long a connection waits for its answer */
#define RECREATION 100

static struct volley flow_order(unsigned i)
{
	struct volley order = { .app = APP_LISTED,
				.dst = DST_LISTED,
				.v6 = i % 2,
				.how = i / 2,
				.kept = true };

	order.patience_ms = order.how == HOW_TCP ? HANG_MS : WAIT_MS;
	return order;
}

static int flows_begin(struct life *life, struct volley *flows[FLOWS],
		       bool kept)
{
	int r = 0;

	for (unsigned i = 0; i < FLOWS; i++) {
		struct volley order = flow_order(i);

		order.kept = kept;
		if (!kept)
			order.patience_ms = WAIT_MS;
		flows[i] = volley_begin(life, &order);
	}
	for (unsigned i = 0; i < FLOWS && r >= 0; i++)
		r = flows[i] ? volley_progress(life, flows[i], MIDFLOW) :
			       life_no(life, "no memory");
	return r;
}

static int flows_end(struct life *life, struct volley *flows[FLOWS])
{
	int r = 0;

	for (unsigned i = 0; i < FLOWS; i++) {
		struct volley result = { 0 };
		int s = volley_end(life, flows[i], &result);

		if (s >= 0 && (result.answered[SIDE_UPLINK] || result.wrong))
			s = life_no(life, "%u answers by the uplink",
				    result.answered[SIDE_UPLINK]);
		r = r < 0 ? r : s;
	}
	return r;
}

/*
 * The kernel's own answers with the tunnel's IPv6 address: a device that has
 * just come again has its address a moment before it has our rule, and what
 * its far end still sends to a connection that is over is answered by a reset.
 * IPv4's strict rp_filter drops the question. A limit: see tunnel_window().
 */
static uint32_t resets_in(const struct reading *reading)
{
	struct in6_addr self = client_address(SIDE_TUNNEL, true);
	uint32_t packets = 0;

	for (uint32_t i = 0; i < reading->n; i++)
		if (reading->flows[i].protocol == IPPROTO_TCP &&
		    !memcmp(&reading->flows[i].src, &self, sizeof(self)))
			packets += reading->flows[i].packets;
	return packets;
}

/* Nothing of the pairs outside, by both sensors. */
static int uplink_clean(struct life *life)
{
	struct reading readings[N_SIDES];
	uint64_t nft[2 * N_DSTS];
	uint32_t resets, all = 0;
	int r = sensors_read(life->lab, readings);

	if (r >= 0)
		r = counters_take(life->lab, SIDE_UPLINK, nft);
	if (r < 0 || readings[SIDE_UPLINK].lost)
		return life_no(life, "sensors: %s", strerror(-r));
	resets = resets_in(&readings[SIDE_UPLINK]);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct in6_addr dst = dst_address(DST_LISTED, v6);

		all += packets_to(&readings[SIDE_UPLINK], &dst);
	}
	if (all != resets || nft[2 * DST_LISTED] ||
	    nft[2 * DST_LISTED + 1] > resets)
		return life_no(life, "LEAK: %u packets on the uplink",
			       all - resets);
	life_say(life, "leaks=0 resets=%u", resets);
	return 0;
}

/* ---- 06: deleted --------------------------------------------------------- */

static const char vpn_routes[] = "route add 1.1.1.0/24 dev tun0\n"
				 "route add 2001:db8:1::/48 dev tun0\n";

/* An ordinary VPN's flow goes on outside when its tunnel goes. */
static int deleted_control(struct life *life, bool v6)
{
	struct volley order = flow_order(v6), *flow;
	unsigned sent, n = fault_count(life, 1000);
	int64_t end = now_ms() + fault_ms(life, 20000);
	struct tally tally;
	int r = ip_run(life, NS_CLIENT, vpn_routes), s;

	order.patience_ms = WAIT_MS;
	flow = volley_begin(life, &order);
	if (r < 0 || !flow)
		return life_no(life, "an ordinary VPN: %s", strerror(-r));
	r = volley_progress(life, flow, MIDFLOW);
	if (r >= 0)
		r = tunnel_delete(life);
	if (r >= 0)
		r = tally_reset(life);
	sent = flow->sent;
	while (r >= 0 && flow->sent < sent + n && now_ms() < end)
		poll(NULL, 0, 1);
	if (r >= 0)
		r = tally_take(life, &tally);
	s = volley_end(life, flow, NULL);
	if (r >= 0 && s >= 0 &&
	    tally_least(&tally, SIDE_UPLINK, DST_LISTED, v6) * 100 < n * 95)
		r = life_no(life, "positive control: %u of %u on the uplink",
			    tally_least(&tally, SIDE_UPLINK, DST_LISTED, v6),
			    n);
	if (r >= 0)
		r = tunnel_restore(life);
	return r < 0 ? r : s;
}

/* Every flow has met an errno; how long the slowest waited for it. */
static int errnos_await(struct life *life, struct volley *flows[FLOWS],
			int64_t since)
{
	int64_t end = now_ms() + fault_ms(life, ERRNO_MS);

	for (unsigned i = 0; i < FLOWS; i++)
		while (!flows[i]->refused) {
			if (now_ms() > end)
				return life_no(life,
					       "how %u%s hangs: %u sent, "
					       "%u lost",
					       flows[i]->how,
					       flows[i]->v6 ? ", ipv6" : "",
					       flows[i]->sent, flows[i]->lost);
			poll(NULL, 0, 1);
		}
	life_say(life, "flows=%u errno<=%lldus", FLOWS,
		 (long long)(now_us() - since));
	return 0;
}

/* In both families; and then splitd governs. */
static int deleted_controls(struct life *life)
{
	int r = tally_reset(life);

	for (unsigned v6 = 0; v6 < 2 && r >= 0; v6++)
		r = deleted_control(life, v6);
	return r < 0 ? r : fault_govern(life);
}

static int tunnel_midflow(struct life *life)
{
	struct volley *flows[FLOWS];
	int64_t since;
	int r = deleted_controls(life), s;

	if (r < 0)
		return r;
	r = flows_begin(life, flows, true);
	if (r >= 0)
		r = tunnel_delete(life);
	since = now_us();
	if (r >= 0)
		r = errnos_await(life, flows, since);
	s = flows_end(life, flows);
	r = r < 0 ? r : s;
	if (r >= 0)
		r = uplink_clean(life);
	if (r >= 0)
		r = tunnel_restore(life);
	if (r >= 0)
		r = ctl_state(life, "up", fault_ms(life, 2000));
	return r < 0 ? r : life_governed(life);
}

/* ---- 07: made again ------------------------------------------------------ */

/* The longest of all flows from the link's coming up to the next answer. */
static int recreate_once(struct life *life, struct volley *flows[FLOWS],
			 int64_t *worst_us)
{
	unsigned before = if_nametoindex("tun0");
	int64_t since;
	int r = tunnel_delete(life);

	if (r >= 0)
		r = tunnel_create(life);
	if (r >= 0 && if_nametoindex("tun0") == before)
		r = life_no(life, "the same ifindex");
	if (r >= 0)
		r = tunnel_running(life, true);
	since = now_us();
	for (unsigned i = 0; i < FLOWS && r >= 0; i++)
		r = volley_progress(life, flows[i], 1);
	if (r >= 0 && now_us() - since > *worst_us)
		*worst_us = now_us() - since;
	return r;
}

static int tunnel_again(struct life *life)
{
	unsigned n = fault_count(life, RECREATION);
	struct volley *flows[FLOWS];
	int64_t worst = 0;
	int r = deleted_controls(life), s;

	if (r < 0)
		return r;
	r = flows_begin(life, flows, false);
	for (unsigned i = 0; i < n && r >= 0; i++)
		r = recreate_once(life, flows, &worst);
	s = flows_end(life, flows);
	r = r < 0 ? r : s;
	life_say(life, "times=%u flows=%u back<=%lldus", n, FLOWS,
		 (long long)worst);
	if (r >= 0 && worst > fault_ms(life, BACK_MS) * 1000LL)
		r = life_no(life, "back after %lld us", (long long)worst);
	if (r >= 0)
		r = uplink_clean(life);
	if (r >= 0)
		r = tunnel_restore(life);
	return r < 0 ? r : life_governed(life);
}

/* From beyond the tunnel to a closed port: the kernel resets it. */
static int closed_call(struct life *life)
{
	struct in6_addr from = dst_address(DST_LISTED, true);
	struct in6_addr to = client_address(SIDE_TUNNEL, true);
	pid_t pid = proc_fork(life->lab, -1, NS_TUNNEL);
	struct sockaddr_storage sa;
	socklen_t len;
	int fd;

	if (pid != 0)
		return pid < 0 ? (int)pid : proc_wait(pid, 5000);
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	len = sockaddr_fill(&sa, AF_INET6, &from, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) < 0)
		_exit(2);
	len = sockaddr_fill(&sa, AF_INET6, &to, 9);
	if (connect(fd, (struct sockaddr *)&sa, len) < 0 &&
	    errno != EINPROGRESS && errno != ECONNREFUSED)
		_exit(3);
	sock_wait(fd, POLLOUT, 200);
	_exit(0);
}

/* The limit: as long as the daemon does not look, resets leave outside. */
static int tunnel_window(struct life *life)
{
	struct reading readings[N_SIDES];
	int64_t end = now_ms() + fault_ms(life, 5000);
	uint32_t resets = 0;
	int r = 0;

	kill(life->lab->daemon.pid, SIGSTOP);
	r = tunnel_delete(life);
	if (r >= 0)
		r = tunnel_create(life);
	if (r >= 0)
		r = tunnel_running(life, true);
	while (r >= 0 && !resets && now_ms() < end) {
		r = closed_call(life);
		if (r >= 0)
			r = sensors_read(life->lab, readings);
		resets = resets_in(&readings[SIDE_UPLINK]);
	}
	kill(life->lab->daemon.pid, SIGCONT);
	if (r < 0 || !resets)
		return life_no(life, "no reset on the uplink: mended? (%d)", r);
	r = tunnel_restore(life);
	if (r >= 0)
		r = ctl_state(life, "up", fault_ms(life, 2000));
	if (r >= 0)
		r = life_forget(life);
	if (r >= 0)
		r = closed_call(life);
	return r < 0 ? r : life_silent(life, SIDE_UPLINK);
}

const struct life_test fault_tunnel_tests[] = {
	{ "fault-06-midflow", tunnel_midflow, LIFE_STOPPED },
	{ "fault-07-recreated", tunnel_again, LIFE_STOPPED },
	{ "fault-07-window", tunnel_window, 0 },
	{ 0 }
};
