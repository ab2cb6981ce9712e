/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: the tunnel goes down, goes away, and comes back. */

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "tests/lab/life.h"

#define NOTICE_MS 1000
#define BACK_US	  500000
/*
 * Only the carrier went: the kernel may hold back for a second that it is there
 * again (linkwatch), and a neighbour that was asked for while it was away is
 * asked for again only after a second (retrans_time_ms).
 */
#define CARRIER_US  (BACK_US + 1000000)
#define RECREATIONS 20

static const char when_down_direct[] =
	"<key>Interface</key><string>tun0</string>\n"
	"<key>WhenDown</key><string>direct</string>\n";

/*
 * From the moment the device is away not one packet of the pair may be on the
 * uplink, whether or not the daemon knows already: hence the first question.
 */
static int down_refused(struct life *life)
{
	struct ask early = { .app = APP_LISTED, .dst = DST_LISTED };
	int64_t start, us;
	int r;

	life_ask(life, &early);
	if (!early.error)
		return life_no(life, "answered by the %s without a tunnel",
			       side_name(early.side));
	r = tunnel_running(life, false);
	start = now_us();
	if (r >= 0)
		r = ctl_state(life, "down", NOTICE_MS);
	if (r < 0)
		return r;
	life_say(life, "noticed<=%lldus", (long long)(now_us() - start));
	r = life_refused(life, APP_LISTED, DST_LISTED, &us);
	if (r < 0)
		return r;
	life_say(life, "refused<=%lldus", (long long)us);
	return life_silent(life, SIDE_UPLINK);
}

static int others_untouched(struct life *life)
{
	int r = life_goes(life, APP_LISTED, DST_UNLISTED, SIDE_UPLINK);

	if (r >= 0)
		r = life_goes(life, APP_LISTED, DST_EXCLUDED, SIDE_UPLINK);
	if (r >= 0)
		r = life_goes(life, APP_UNLISTED, DST_LISTED, SIDE_UPLINK);
	return r < 0 ? r :
		       life_goes(life, APP_UNLISTED, DST_UNLISTED, SIDE_UPLINK);
}

/* The link is up now: how long until the pair works, without a reload? */
static int back(struct life *life, int64_t limit_us, int64_t *ret_us)
{
	struct ask ask = { .app = APP_LISTED,
			   .dst = DST_LISTED,
			   .patience_ms = 2000 };

	if (tunnel_running(life, true) < 0)
		return -EPROTO;
	life_ask(life, &ask);
	if (ask.error)
		return life_no(life, "does not come back: %s",
			       strerror(-ask.error));
	if (ask.side != SIDE_TUNNEL || !ask.sourced)
		return life_no(life, "comes back on the wrong side");
	if (ask.us > limit_us)
		return life_no(life, "back after %lld us", (long long)ask.us);
	if (ret_us)
		*ret_us = ask.us;
	return 0;
}

static int back_within(struct life *life, int64_t limit_us)
{
	int64_t us;
	int r = back(life, limit_us, &us);

	if (r >= 0)
		r = ctl_state(life, "up", NOTICE_MS);
	if (r >= 0)
		r = tunnel_restore(life);
	if (r < 0)
		return r;
	life_say(life, "back=%lldus", (long long)us);
	return life_governed(life);
}

static int back_whole(struct life *life)
{
	return back_within(life, BACK_US);
}

static int tunnel_down(struct life *life)
{
	int r = life_governed(life);

	if (r >= 0)
		r = life_forget(life);
	if (r >= 0)
		r = tunnel_set(life, false);
	if (r >= 0)
		r = down_refused(life);
	if (r >= 0)
		r = others_untouched(life);
	if (r >= 0)
		r = tunnel_set(life, true);
	return r < 0 ? r : back_whole(life);
}

static int tunnel_carrier_lost(struct life *life)
{
	int r = life_governed(life);

	if (r >= 0)
		r = life_forget(life);
	if (r >= 0)
		r = tunnel_carrier(life, false);
	if (r >= 0)
		r = down_refused(life);
	if (r >= 0)
		r = others_untouched(life);
	if (r >= 0)
		r = tunnel_carrier(life, true);
	return r < 0 ? r : back_within(life, CARRIER_US);
}

static int tunnel_deleted(struct life *life)
{
	int r = life_governed(life);

	if (r >= 0)
		r = life_forget(life);
	if (r >= 0)
		r = tunnel_delete(life);
	if (r >= 0)
		r = down_refused(life);
	if (r >= 0)
		r = others_untouched(life);
	if (r >= 0)
		r = tunnel_create(life);
	return r < 0 ? r : back_whole(life);
}

static int tunnel_recreated(struct life *life)
{
	int64_t us, worst = 0;
	int r = 0;

	for (unsigned i = 0; i < RECREATIONS && r >= 0; i++) {
		r = tunnel_delete(life);
		if (r >= 0)
			r = tunnel_create(life);
		if (r >= 0)
			r = back(life, BACK_US, &us);
		if (r >= 0)
			worst = us > worst ? us : worst;
	}
	if (r >= 0)
		r = life_silent(life, SIDE_UPLINK);
	if (r >= 0)
		r = tunnel_restore(life);
	if (r < 0)
		return r;
	life_say(life, "times=%u back<=%lldus", RECREATIONS, (long long)worst);
	return life_governed(life);
}

/* Nothing on the uplink; unlike with a daemon, an errno is not promised. */
static int blocked_without_daemon(struct life *life)
{
	for (unsigned i = 0; i < 6; i++) {
		struct ask ask = { .app = APP_LISTED,
				   .dst = DST_LISTED,
				   .v6 = i % 2,
				   .how = i / 2 };

		life_ask(life, &ask);
		if (!ask.error)
			return life_no(life, "answered by the %s",
				       side_name(ask.side));
	}
	return life_silent(life, SIDE_UPLINK);
}

/* The tunnel goes with nobody there to notice: the guard is left. */
static int killed_tunnel_deleted(struct life *life)
{
	int r = daemon_stop(life->lab, SIGKILL);

	if (r >= 0)
		r = life_forget(life);
	if (r >= 0)
		r = tunnel_delete(life);
	if (r >= 0)
		r = blocked_without_daemon(life);
	if (r >= 0)
		r = others_untouched(life);
	if (r >= 0)
		r = daemon_start(life->lab);
	if (r >= 0)
		r = life_forget(life);
	if (r >= 0)
		r = down_refused(life);
	if (r >= 0)
		r = tunnel_create(life);
	return r < 0 ? r : back_whole(life);
}

/* A limit (the new device has no door and no entry): closed until it is back.
 */
static int killed_tunnel_recreated(struct life *life)
{
	int r = daemon_stop(life->lab, SIGKILL);

	if (r >= 0)
		r = tunnel_delete(life);
	if (r >= 0)
		r = tunnel_create(life);
	if (r >= 0)
		r = tunnel_restore(life);
	if (r >= 0)
		r = life_forget(life);
	if (r >= 0)
		r = blocked_without_daemon(life);
	if (r >= 0)
		r = others_untouched(life);
	if (r >= 0)
		r = daemon_start(life->lab);
	return r < 0 ? r : life_governed(life);
}

static int when_down(struct life *life)
{
	int r = file_edit(life, "policy/vpn.mobileconfig",
			  "<key>Interface</key><string>tun0</string>\n",
			  when_down_direct);

	if (r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0)
		r = tunnel_delete(life);
	if (r >= 0)
		r = ctl_state(life, "down", NOTICE_MS);
	if (r >= 0)
		r = life_goes(life, APP_LISTED, DST_LISTED, SIDE_UPLINK);
	if (r >= 0)
		r = others_untouched(life);
	if (r >= 0)
		r = tunnel_create(life);
	if (r >= 0)
		r = ctl_state(life, "up", NOTICE_MS);
	if (r >= 0)
		r = tunnel_restore(life);
	return r < 0 ? r : life_governed(life);
}

const struct life_test life_tunnel_tests[] = {
	{ "tunnel-down", tunnel_down, 0 },
	{ "tunnel-carrier", tunnel_carrier_lost, 0 },
	{ "tunnel-deleted", tunnel_deleted, 0 },
	{ "tunnel-recreated", tunnel_recreated, 0 },
	{ "tunnel-killed-deleted", killed_tunnel_deleted, 0 },
	{ "tunnel-killed-recreated", killed_tunnel_recreated, 0 },
	{ "tunnel-when-down-direct", when_down, 0 },
	{ 0 }
};
