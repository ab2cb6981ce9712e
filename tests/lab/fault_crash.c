/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: killed at any point of start, reload, stop and purge. */

/*
 * First each of them runs once undisturbed and its system calls are counted;
 * then it is killed at points spread evenly over them. A round goes through a
 * whole life:
 *
 *	start on nothing, killed	anything may be half there; no stray
 *	start again			the state of an undisturbed start
 *	new files, reload, killed	not one packet astray, before or after
 *	start again, killed		over what is in force already
 *	start again			the state of a start with the new files
 *	stop, killed			everything stays
 *	purge, killed			no stray
 *	purge again			the host as it was
 *
 * Between the first READY and the purge, traffic of both apps runs all the
 * time: every number must be answered by the right side.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"
#include "tests/lab/trace.h"

#define POINTS	 200
#define TRACE_MS 30000
#define LEAST	 200u /* numbers in each life, at the least */
#define SEEDS	 997
#define EXTRA	 24 /* prefixes that the reload brings */

enum stage {
	STAGE_START,
	STAGE_RELOAD,
	STAGE_AGAIN, /* a start over what is in force */
	STAGE_STOP,
	STAGE_PURGE,
	N_STAGES
};

/* How often in a round: each time over what the one before has left. */
static const struct {
	const char *name;
	unsigned times;
} stages[] = {
	[STAGE_START] = { "start", 2 }, [STAGE_RELOAD] = { "reload", 1 },
	[STAGE_AGAIN] = { "again", 3 }, [STAGE_STOP] = { "stop", 1 },
	[STAGE_PURGE] = { "purge", 3 },
};
#define PER_ROUND 10

struct crash {
	struct life *life;
	struct traffic traffic;
	unsigned long calls[N_STAGES]; /* undisturbed */
	unsigned long at;	       /* this point */
	unsigned rounds, round, killed;
	unsigned seed;
	uint32_t numbers;
	char *none, *before, *after; /* what the kernel holds in three states */
};

/* To an address of the file system, where netlink's has twelve bytes. */
static bool is_notice(const struct trace_call *call)
{
	return call->number == SYS_sendto &&
	       call->args[5] > sizeof(struct sockaddr_nl);
}

/* The first word to the manager is READY=1. */
static bool started(void *ctx, const struct trace_call *call)
{
	(void)ctx;
	return !call->entry && is_notice(call);
}

/* A reload ends with a word to the manager, and with waiting again. */
static bool reloaded(void *ctx, const struct trace_call *call)
{
	bool *told = ctx;

	*told |= is_notice(call);
#ifdef SYS_epoll_wait
	if (*told && call->entry && call->number == SYS_epoll_wait)
		return (int)call->args[3] == -1;
#endif
	return *told && call->entry && call->number == SYS_epoll_pwait &&
	       (int)call->args[3] == -1;
}

/* Runs a stage up to the n-th system call (0: to its end). */
static int stage_run(struct crash *crash, enum stage stage, struct trace *trace)
{
	struct lab *lab = crash->life->lab;
	bool told = false;
	int r = 0;

	if (stage == STAGE_START || stage == STAGE_AGAIN) {
		lab->daemon.traced = true;
		r = daemon_launch(lab);
		lab->daemon.traced = false;
		close(lab->daemon.notify);
		trace->pid = lab->daemon.pid;
		trace->done = started;
	} else if (stage == STAGE_PURGE) {
		lab->daemon.traced = true;
		trace->pid = daemon_purge_launch(lab);
		lab->daemon.traced = false;
		r = trace->pid;
	} else {
		r = trace_seize(trace, lab->daemon.pid);
		if (r >= 0 && kill(lab->daemon.pid,
				   stage == STAGE_STOP ? SIGTERM : SIGHUP) < 0)
			r = -errno;
		trace->done = stage == STAGE_RELOAD ? reloaded : NULL;
		trace->ctx = &told;
	}
	return r < 0 ? r : trace_run(trace, fault_ms(crash->life, TRACE_MS));
}

/* Undisturbed, for the count. */
static int stage_count(struct crash *crash, enum stage stage)
{
	bool ends = stage == STAGE_STOP || stage == STAGE_PURGE;
	struct trace trace = { 0 };
	int r = stage_run(crash, stage, &trace);

	crash->calls[stage] = trace.calls;
	if (stage == STAGE_STOP)
		crash->life->lab->daemon.pid = 0;
	if (r != (ends ? TRACE_ENDED : TRACE_DONE) || (ends && trace.status))
		return life_no(crash->life, "undisturbed %s: %d, status %d",
			       stages[stage].name, r, trace.status);
	return 0;
}

/*
 * Killed at one of this round's points. The points of all rounds divide the
 * stage evenly, the j-th time of all rounds its j-th part; the seed moves them
 * all within one step.
 */
static int kill_once(struct crash *crash, enum stage stage, unsigned time)
{
	unsigned long calls = crash->calls[stage];
	unsigned long all = (unsigned long)crash->rounds * stages[stage].times;
	unsigned long point =
		(unsigned long)time * crash->rounds + crash->round;
	struct trace trace = { .kill_at = 1 + (point * calls +
					       crash->seed * calls / SEEDS) /
						      all };
	int r;

	crash->at = trace.kill_at;
	r = stage_run(crash, stage, &trace);
	crash->killed += r == TRACE_KILLED || r == TRACE_DONE;
	if (r == TRACE_DONE)
		r = daemon_stop(crash->life->lab, SIGKILL);
	else if (r >= 0 && stage != STAGE_PURGE)
		crash->life->lab->daemon.pid = 0;
	return r < 0 ? life_no(crash->life, "%s", strerror(-r)) : 0;
}

/* Says where, if it goes wrong from here on. */
static int at(struct crash *crash, enum stage stage, int r)
{
	char why[sizeof(crash->life->text)];

	if (r >= 0 || strstr(crash->life->text, "killed at"))
		return r;
	snprintf(why, sizeof(why), "%s", crash->life->text + 1);
	crash->life->text[0] = '\0';
	return life_no(crash->life, "%s killed at call %lu of %lu: %s",
		       stages[stage].name, crash->at, crash->calls[stage], why);
}

static int stage_kill(struct crash *crash, enum stage stage)
{
	int r = 0;

	for (unsigned i = 0; i < stages[stage].times && r >= 0; i++)
		r = at(crash, stage, kill_once(crash, stage, i));
	return r;
}

/* ---- what holds -------------------------------------------------------- */

/* Half of a start or purge: an unlisted pair is direct all the same. */
static int no_stray(struct crash *crash)
{
	const struct {
		enum app app;
		enum dst dst;
	} pairs[] = { { APP_LISTED, DST_UNLISTED },
		      { APP_UNLISTED, DST_LISTED } };
	struct ask listed = { .app = APP_LISTED, .dst = DST_LISTED };

	for (unsigned i = 0; i < 2; i++) {
		struct ask ask = { .app = pairs[i].app, .dst = pairs[i].dst };

		life_ask(crash->life, &ask);
		if (ask.error || ask.side != SIDE_UPLINK || !ask.sourced)
			return life_no(crash->life,
				       "%s app, %s: by the %s from %s (%s)",
				       app_name(ask.app), dst_name(ask.dst),
				       side_name(ask.side), ask.source,
				       strerror(-ask.error));
	}
	/* one way, the other, or refused; but never in the wrong dress */
	life_ask(crash->life, &listed);
	if (!listed.error && !listed.sourced)
		return life_no(crash->life, "by the %s from %s",
			       side_name(listed.side), listed.source);
	return 0;
}

static int start_same(struct crash *crash, const char *want)
{
	if (daemon_start(crash->life->lab) < 0)
		return life_no(crash->life, "it does not start again");
	return look_same(crash->life, want, "started again");
}

static int purge_same(struct crash *crash)
{
	if (daemon_purge(crash->life->lab) < 0)
		return life_no(crash->life, "it cannot be purged");
	return look_same(crash->life, crash->none, "purged");
}

/* ---- rounds ------------------------------------------------------------ */

/* The counts, and the three states. */
static int undisturbed(struct crash *crash)
{
	struct life *life = crash->life;
	int r;

	crash->none = look_take(life);
	r = stage_count(crash, STAGE_START);
	crash->before = look_take(life);
	if (r >= 0)
		r = files_more(life, EXTRA);
	if (r >= 0)
		r = stage_count(crash, STAGE_RELOAD);
	if (r >= 0)
		r = daemon_stop(life->lab, SIGKILL);
	if (r >= 0)
		r = stage_count(crash, STAGE_AGAIN);
	crash->after = look_take(life);
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0)
		r = stage_count(crash, STAGE_STOP);
	if (r >= 0)
		r = stage_count(crash, STAGE_PURGE);
	if (r >= 0 && (!crash->none || !crash->before || !crash->after ||
		       strcmp(crash->before, crash->after) == 0))
		r = life_no(life, "states cannot be told apart");
	return r < 0 ? r : look_same(life, crash->none, "undisturbed");
}

/* From the first READY to the last word of a stop: enforced throughout. */
static int governed_round(struct crash *crash)
{
	struct life *life = crash->life;
	int r = traffic_start(life, &crash->traffic);

	if (r >= 0)
		r = files_more(life, EXTRA);
	if (r >= 0)
		r = stage_kill(crash, STAGE_RELOAD);
	if (r >= 0)
		r = stage_kill(crash, STAGE_AGAIN);
	if (r >= 0)
		r = at(crash, STAGE_AGAIN, start_same(crash, crash->after));
	if (r >= 0)
		r = stage_kill(crash, STAGE_STOP);
	if (r < 0) {
		traffic_drop(&crash->traffic);
		return r;
	}
	return at(crash, STAGE_STOP,
		  traffic_end(&crash->traffic, LEAST, &crash->numbers));
}

static int one_round(struct crash *crash)
{
	int r = files_restore(crash->life);

	if (r >= 0)
		r = stage_kill(crash, STAGE_START);
	if (r >= 0)
		r = at(crash, STAGE_START, no_stray(crash));
	if (r >= 0)
		r = at(crash, STAGE_START, start_same(crash, crash->before));
	if (r >= 0)
		r = governed_round(crash);
	if (r >= 0)
		r = stage_kill(crash, STAGE_PURGE);
	if (r >= 0)
		r = at(crash, STAGE_PURGE, no_stray(crash));
	return r < 0 ? r : at(crash, STAGE_PURGE, purge_same(crash));
}

/* LAB_SEED repeats a run; else each day has its own. */
static unsigned seed_take(void)
{
	const char *text = getenv("LAB_SEED");

	return (text ? (unsigned)atoi(text) : (unsigned)(time(NULL) / 86400)) %
	       SEEDS;
}

static int sigkill(struct life *life)
{
	struct crash crash = { .life = life, .seed = seed_take() };
	int r = traffic_control(life);

	/* one more: some end before they are killed, with less left to do */
	crash.rounds = fault_count(life, POINTS) / PER_ROUND + 1;
	if (r >= 0)
		r = undisturbed(&crash);
	for (; crash.round < crash.rounds && r >= 0; crash.round++)
		r = one_round(&crash);
	life_say(life, "killed=%u seed=%u numbers=%u calls", crash.killed,
		 crash.seed, crash.numbers);
	for (enum stage s = 0; s < N_STAGES; s++)
		life_say(life, "%s=%lu", stages[s].name, crash.calls[s]);
	free(crash.none);
	free(crash.before);
	free(crash.after);
	return r;
}

const struct life_test fault_crash_tests[] = {
	{ "fault-22-sigkill", sigkill, LIFE_STOPPED }, { 0 }
};
