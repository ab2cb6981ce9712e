/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: the kernel refuses something in the middle of a reload. */

/*
 * A reload whose n-th change of the kernel (a bpf() that writes, a message to
 * netlink) is refused, for n spread over all of them: it fails and everything
 * is as before, or it succeeds and everything is as it should be. Refused from
 * there on, the way back fails as well: then nothing may be astray, and the
 * next reload puts everything right.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"
#include "tests/lab/trace.h"

#define POINTS	  20
#define EXTRA	  12
#define TRACE_MS  30000
#define RELOAD_MS 10000

struct refusal {
	unsigned long writes; /* so far */
	unsigned long from;   /* the first to be refused; 0: none */
	bool on;	      /* and all behind it */
	bool told;	      /* the reload's last word */
};

static bool is_write(const struct trace_call *call)
{
	if (call->number == SYS_bpf)
		return call->args[0] == BPF_MAP_UPDATE_ELEM ||
		       call->args[0] == BPF_MAP_UPDATE_BATCH ||
		       call->args[0] == BPF_MAP_DELETE_ELEM;
	return call->number == SYS_sendto &&
	       call->args[5] == sizeof(struct sockaddr_nl);
}

static int refuse_write(void *ctx, const struct trace_call *call)
{
	struct refusal *refusal = ctx;

	if (!is_write(call))
		return 0;
	refusal->writes++;
	if (!refusal->from || refusal->writes < refusal->from ||
	    (refusal->writes > refusal->from && !refusal->on))
		return 0;
	return -EPERM;
}

/* As in fault_crash.c: a word to the manager, then waiting again. */
static bool reload_over(void *ctx, const struct trace_call *call)
{
	struct refusal *refusal = ctx;
	bool waits = call->number == SYS_epoll_pwait;

#ifdef SYS_epoll_wait
	waits |= call->number == SYS_epoll_wait;
#endif
	refusal->told |= call->number == SYS_sendto &&
			 call->args[5] > sizeof(struct sockaddr_nl);
	return refusal->told && call->entry && waits &&
	       (int)call->args[3] == -1;
}

/* And back, by a reload that nobody refuses. */
static int files_less(struct life *life)
{
	unsigned told = log_count(life, "governing: ");
	int r = file_edit(life, "policy/vpn.mobileconfig", "", "");

	return r < 0 ? r :
		       log_wait(life, "governing: ", told,
				fault_ms(life, RELOAD_MS));
}

static int reload_refused(struct life *life, struct refusal *refusal)
{
	struct trace trace = { .refuse = refuse_write,
			       .done = reload_over,
			       .ctx = refusal };
	int r = trace_seize(&trace, life->lab->daemon.pid);

	if (r >= 0)
		r = files_more(life, EXTRA);
	if (r >= 0)
		r = trace_run(&trace, fault_ms(life, TRACE_MS));
	return r == TRACE_DONE ? 0 : life_no(life, "reload: %d", r);
}

struct states {
	char *before, *after;
	unsigned long writes;
	unsigned kept, taken;
};

/* Without a refusal: how many writes, and what it comes to. And back. */
static int states_take(struct life *life, struct states *states)
{
	struct refusal none = { 0 };
	int r;

	states->before = look_take(life);
	r = reload_refused(life, &none);
	states->after = look_take(life);
	states->writes = none.writes;
	if (r >= 0)
		r = files_less(life);
	if (r >= 0 && !none.writes)
		r = life_no(life, "a reload writes nothing");
	return r < 0 ? r : look_same(life, states->before, "back again");
}

/* Either state, whole; which one tells the daemon's log. */
static int either_state(struct life *life, struct states *states, bool failed)
{
	states->kept += failed;
	states->taken += !failed;
	return look_same(life, failed ? states->before : states->after,
			 failed ? "kept" : "taken");
}

static int one_point(struct life *life, struct states *states,
		     unsigned long from, bool on)
{
	struct refusal refusal = { .from = from, .on = on };
	unsigned failed = log_count(life, "reload failed");
	struct traffic traffic;
	int r = traffic_start(life, &traffic);

	traffic.lossy = on;
	if (r >= 0)
		r = reload_refused(life, &refusal);
	if (r >= 0 && !on)
		r = either_state(life, states,
				 log_count(life, "reload failed") > failed);
	if (r >= 0)
		r = files_less(life);
	if (r >= 0)
		r = look_same(life, states->before, "reloaded");
	if (r >= 0)
		return traffic_end(&traffic, 50, NULL);
	traffic_drop(&traffic);
	return r;
}

static int refused(struct life *life, bool on)
{
	unsigned points = fault_count(life, POINTS);
	struct states states = { 0 };
	int r = traffic_control(life);

	if (r >= 0 && daemon_start(life->lab) < 0)
		r = life_no(life, "splitd does not start");
	if (r >= 0)
		r = states_take(life, &states);
	for (unsigned i = 0; i < points && r >= 0; i++) {
		unsigned long from = 1 + i * states.writes / points;
		char why[sizeof(life->text)];

		r = one_point(life, &states, from, on);
		if (r >= 0)
			continue;
		snprintf(why, sizeof(why), "%s", life->text + 1);
		life->text[0] = '\0';
		life_no(life, "refused write %lu of %lu: %s", from,
			states.writes, why);
	}
	life_say(life, "points=%u writes=%lu kept=%u taken=%u", points,
		 states.writes, states.kept, states.taken);
	free(states.before);
	free(states.after);
	return r < 0 ? r : life_governed(life);
}

static int refused_once(struct life *life)
{
	return refused(life, false);
}

static int refused_on(struct life *life)
{
	return refused(life, true);
}

const struct life_test fault_refuse_tests[] = {
	{ "fault-29-refused-once", refused_once, LIFE_STOPPED },
	{ "fault-29-refused-on", refused_on, LIFE_STOPPED },
	{ 0 }
};
