/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: the daemon is killed in mid-traffic, and another takes over. */

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "tests/lab/life.h"

#define NUMBERS	   100000u
#define TALK_MS	   120000
#define LATE_SPEED 500 /* numbers that must still follow a restart */

/* Numbers to the listed destination and to the unlisted one, side by side. */
static int both_start(struct life *life)
{
	talk_add(life, DST_LISTED, true, SIDE_TUNNEL);
	talk_add(life, DST_UNLISTED, true, SIDE_UPLINK);
	return talk_start(life, TALK_ON);
}

/* Kills the daemon at one number and starts this one at another. */
static int kill_and_start(struct life *life, const char *path, uint32_t at,
			  uint32_t again)
{
	int64_t start;
	int r = talk_reach(life, at, TALK_MS);

	if (r >= 0)
		r = daemon_stop(life->lab, SIGKILL);
	if (r >= 0)
		r = talk_reach(life, again, TALK_MS);
	if (r < 0)
		return r;
	life->lab->daemon.path = path;
	start = now_ms();
	r = daemon_start(life->lab);
	if (r < 0)
		return life_no(life, "restart: %s", strerror(-r));
	life_say(life, "restart=%lldms", (long long)(now_ms() - start));
	return talk_reach(life, again + LATE_SPEED, TALK_MS);
}

/* The rest of the numbers, with the last daemon; the talk was not over yet. */
static int both_end(struct life *life, uint32_t numbers)
{
	uint32_t limit = talk_limit(life, numbers);
	int r = talk_end(life, TALK_MS);

	for (unsigned i = 0; i < life->shared->n_talks && r >= 0; i++)
		if (life->shared->talks[i].sent != limit)
			r = life_no(life, "%u sent, not %u",
				    life->shared->talks[i].sent, limit);
	if (r >= 0)
		r = talk_clean(life);
	if (r >= 0)
		r = talk_sides(life);
	life_say(life, "numbers=2x%u", limit);
	return r < 0 ? r : life_governed(life);
}

static int killed(struct life *life)
{
	const char *path = life->lab->daemon.path;
	int64_t start = now_ms();
	int r = both_start(life);

	if (r >= 0)
		r = kill_and_start(life, path, NUMBERS / 4, NUMBERS / 2);
	if (r >= 0)
		r = both_end(life, NUMBERS);
	if (r >= 0)
		life_say(life, "in %lldms", (long long)(now_ms() - start));
	return r;
}

/* To the other map layout and back, each time over a dead daemon. */
static int killed_abi(struct life *life)
{
	const char *path = life->lab->daemon.path;
	int r;

	if (!life->lab->daemon.changed) {
		life_say(life, "no --splitd2");
		return 1;
	}
	r = both_start(life);
	if (r >= 0)
		r = kill_and_start(life, life->lab->daemon.changed, NUMBERS / 8,
				   NUMBERS / 4);
	if (r >= 0)
		r = life_goes(life, APP_LISTED, DST_LISTED, SIDE_TUNNEL);
	if (r >= 0)
		r = kill_and_start(life, path, NUMBERS / 2, NUMBERS * 5 / 8);
	life->lab->daemon.path = path;
	if (r >= 0)
		r = both_end(life, NUMBERS);
	return r;
}

/* Stopped in order, and started again: nobody must notice either. */
static int stopped(struct life *life)
{
	int r = both_start(life);

	if (r >= 0)
		r = talk_reach(life, NUMBERS / 50, TALK_MS);
	if (r >= 0)
		r = daemon_stop(life->lab, SIGTERM);
	if (r >= 0)
		r = life_goes(life, APP_LISTED, DST_LISTED, SIDE_TUNNEL);
	if (r >= 0)
		r = daemon_start(life->lab);
	return r < 0 ? r : both_end(life, NUMBERS / 10);
}

const struct life_test life_traffic_tests[] = {
	{ "traffic-killed", killed, 0 },
	{ "traffic-killed-abi", killed_abi, 0 },
	{ "traffic-stopped", stopped, 0 },
	{ 0 }
};
