/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: two instances at once, shadow, and what each program costs. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define COST_NUMBERS 20000
#define COST_MS	     60000

/*
 * A second client with its own far ends, cgroup, pins, mark, tables and run
 * directory. It shares with the first the kernel, and nothing else.
 */
static int second_setup(struct life *life, struct lab *second)
{
	static const char *const extra[] = {
		"--mark", "0x00010000/0x00ff0000", "--table-base",
		"53000",  "--rule-priority",	   "5200",
	};
	struct lab *lab = life->lab;
	int r;

	*second = *lab;
	second->daemon.pid = 0;
	memcpy(second->daemon.extra, extra, sizeof(extra));
	snprintf(second->dir, sizeof(second->dir), "%.140s/second", lab->dir);
	snprintf(second->cgroup, sizeof(second->cgroup), "%.140s/second",
		 lab->cgroup);
	memcpy(second->governed, second->cgroup, sizeof(second->governed));
	snprintf(second->bpffs, sizeof(second->bpffs), "%.140s-second",
		 lab->bpffs);
	if (mkdir(second->dir, 0755) < 0)
		return -errno;
	r = cgroup_setup(second);
	if (r >= 0)
		r = net_setup(second);
	if (r >= 0)
		r = policy_write(second);
	for (enum side s = 0; s < N_SIDES && r >= 0; s++)
		r = far_start(second, s);
	ns_enter(lab, NS_CLIENT);
	return r;
}

static void second_end(struct lab *second)
{
	daemon_stop(second, SIGKILL);
	daemon_purge(second);
	for (enum side s = 0; s < N_SIDES; s++) {
		kill(second->far[s].pid, SIGKILL);
		proc_wait(second->far[s].pid, 1000);
		close(second->far[s].ctl);
	}
	for (enum app app = 0; app < N_APPS; app++)
		close(second->cgroup_fd[app]);
	for (enum ns ns = 0; ns < N_NS; ns++)
		close(second->ns[ns]);
}

static int both_governed(struct life *life, struct life *other)
{
	int r = life_governed(life);

	if (r < 0)
		return r;
	r = life_governed(other);
	return r < 0 ? life_no(life, "second: %s", other->text + 1) : 0;
}

static int second_ungoverned(struct life *life, struct life *other)
{
	return life_goes(other, APP_LISTED, DST_LISTED, SIDE_UPLINK) < 0 ?
		       life_no(life, "second: %s", other->text + 1) :
		       0;
}

/* The second comes, changes its tunnel, dies and is purged: nothing here. */
static int second_lives(struct life *life, struct life *other)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	int r = second_ungoverned(life, other);

	if (r >= 0)
		r = life_governed(life);
	before = snapshot_take(life->lab);
	if (r >= 0)
		r = daemon_start(other->lab);
	if (r >= 0)
		r = both_governed(life, other);
	if (r >= 0)
		r = daemon_stop(other->lab, SIGKILL);
	if (r >= 0)
		r = both_governed(life, other);
	if (r >= 0)
		r = daemon_purge(other->lab);
	if (r >= 0)
		r = second_ungoverned(life, other);
	if (r >= 0)
		r = life_governed(life);
	after = snapshot_take(life->lab);
	if (r >= 0 &&
	    (!before || !after || snapshot_compare(before, after, true)))
		r = life_no(life, "the second left its traces here");
	return r;
}

/* And the other way round: this one goes, the second stays. */
static int first_goes(struct life *life, struct life *other)
{
	int r = daemon_start(other->lab);

	if (r >= 0)
		r = both_governed(life, other);
	if (r >= 0)
		r = daemon_stop(life->lab, SIGTERM);
	if (r >= 0)
		r = daemon_purge(life->lab);
	if (r >= 0)
		r = life_goes(life, APP_LISTED, DST_LISTED, SIDE_UPLINK);
	if (r >= 0 && life_governed(other) < 0)
		r = life_no(life, "second: %s", other->text + 1);
	return r;
}

static int two_instances(struct life *life)
{
	struct lab second;
	struct life other = { .lab = &second, .shared = life->shared };
	struct lab *lab = life->lab;
	char all[LAB_PATH], apps[LAB_PATH];
	int r = daemon_stop(lab, SIGTERM);

	/* The first one's scope must not hold the second one's. */
	memcpy(all, lab->governed, sizeof(all));
	snprintf(apps, sizeof(apps), "%.150s/apps", lab->cgroup);
	if (r >= 0)
		r = daemon_purge(lab);
	if (r >= 0)
		r = second_setup(life, &second);
	if (r < 0)
		return life_no(life, "a second lab: %s", strerror(-r));
	memcpy(lab->governed, apps, sizeof(apps));
	r = daemon_start(lab);
	if (r >= 0)
		r = second_lives(life, &other);
	if (r >= 0)
		r = first_goes(life, &other);
	second_end(&second);
	daemon_stop(lab, SIGKILL);
	daemon_purge(lab);
	memcpy(lab->governed, all, sizeof(all));
	return r;
}

/* Nothing is steered or dropped; what would have been is counted. */
static int shadow(struct life *life)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	_cleanup_json_ json_t *json = NULL;
	struct ask ask = { .app = APP_LISTED, .dst = DST_LISTED };
	int shadowed = 0, leaks = 0, r;

	life->lab->daemon.extra[0] = "--shadow";
	r = daemon_start(life->lab);
	life->lab->daemon.extra[0] = NULL;
	for (enum app app = 0; app < N_APPS && r >= 0; app++)
		for (enum dst dst = 0; dst < N_DSTS && r >= 0; dst++)
			r = life_goes(life, app, dst, SIDE_UPLINK);
	if (r >= 0)
		life_ask(life, &ask);
	if (r >= 0)
		r = ctl_run(life, 0, &ctl, "status", "--json", NULL);
	if (r >= 0)
		r = ctl_json(life, &ctl, &json);
	if (r < 0)
		return r;
	json_unpack(json, "{s:b, s:{s:i}}", "shadow", &shadowed, "drops",
		    "leak", &leaks);
	if (!shadowed || leaks <= 0)
		return life_no(life, "shadow %d, %d leaks counted", shadowed,
			       leaks);
	life_say(life, "counted=%d", leaks);
	return life_silent(life, SIDE_TUNNEL);
}

/* Back from shadow, everything is steered. */
static int shadow_off(struct life *life)
{
	int r = shadow(life);

	if (r >= 0)
		r = daemon_stop(life->lab, SIGTERM);
	if (r >= 0)
		r = daemon_start(life->lab);
	return r < 0 ? r : life_governed(life);
}

/* Nanoseconds of each program, by the kernel's own clock, under traffic. */
static int costs(struct life *life)
{
	struct held held = { 0 };
	int r;

	talk_add(life, DST_LISTED, true, SIDE_TUNNEL);
	talk_add(life, DST_LISTED, false, SIDE_TUNNEL);
	talk_add(life, DST_UNLISTED, true, SIDE_UPLINK);
	talk_add(life, DST_UNLISTED, false, SIDE_UPLINK);
	r = talk_start(life, COST_NUMBERS);
	if (r >= 0)
		r = talk_end(life, COST_MS);
	if (r >= 0)
		r = talk_clean(life);
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0)
		r = held_note(life, &held);
	if (r >= 0)
		held_costs(&held);
	return r;
}

const struct life_test life_other_tests[] = {
	{ "two-instances", two_instances, 0 },
	{ "shadow", shadow_off, LIFE_STOPPED },
	{ "costs", costs, 0 },
	{ 0 }
};
