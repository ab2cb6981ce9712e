/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: no hook is on the host before there is something to govern. */

#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"
#include "tests/lab/trace.h"

#define SAID	    200u /* numbers of each talk, per stage */
#define ATTACH_MS   10000
#define DEADLINE_MS 60000
#define REFUSED_AT  5 /* the first of cgroup hooks that sit there already */

/* Of the host's own file an empty one takes back what it said. */
static int files_take(struct life *life)
{
	file_remove(life, "policy/vpn.mobileconfig");
	file_remove(life, "policy/apps.plist");
	return file_put(life, "host.plist",
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			"<plist version=\"1.0\"><dict><key>Apps</key>"
			"<dict/></dict></plist>\n");
}

/* A link goes some time after its last handle. */
static int is_bare(struct life *life, const char *when)
{
	int64_t end = now_ms() + fault_ms(life, 2000);

	while (programs_on(life) && now_ms() < end)
		poll(NULL, 0, 1);
	if (programs_on(life) || pins_count(life, "/links"))
		return life_no(life, "%s: %u programs, %u pinned links", when,
			       programs_on(life), pins_count(life, "/links"));
	return 0;
}

/* Neither hook nor rule nor route: pinned maps are the one difference. */
static int start_bare(struct life *life)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	int r = files_take(life);

	before = snapshot_take(life->lab);
	if (r >= 0 && daemon_start(life->lab) < 0)
		r = life_no(life, "splitd does not start");
	if (r >= 0)
		r = is_bare(life, "started");
	after = snapshot_take(life->lab);
	if (r >= 0 &&
	    (!before || !after || snapshot_compare(before, after, false) > 1))
		r = life_no(life, "the host is not as it was");
	return r;
}

static int said_by(struct life *life, enum side side)
{
	const struct life_shared *shared = life->shared;

	for (unsigned i = 0; i < shared->n_talks; i++)
		if (shared->talks[i].last_us[!side])
			return life_no(life, "talk %u by the %s", i,
				       side_name(!side));
	return 0;
}

/* What the app held when the policy came goes the policy's way. */
static int comes_over(struct life *life)
{
	struct life_shared *shared = life->shared;
	int64_t from;
	int r = life_governed(life);

	from = now_us();
	if (r >= 0)
		r = life_forget(life);
	for (unsigned i = 0; i < shared->n_talks && r >= 0; i++) {
		uint32_t seen = shared->talks[i].answered;
		int64_t end = now_ms() + fault_ms(life, 5000);

		while (shared->talks[i].answered < seen + SAID &&
		       now_ms() < end)
			poll(NULL, 0, 1);
		if (shared->talks[i].answered < seen + SAID ||
		    shared->talks[i].last_us[SIDE_UPLINK] > from)
			r = life_no(life, "talk %u does not come over: %s", i,
				    strerror(shared->talks[i].error));
	}
	return r < 0 ? r : life_silent(life, SIDE_UPLINK);
}

/* Started and killed without a policy; it comes; it goes. */
static int until_policy(struct life *life)
{
	unsigned programs;
	int64_t start;
	int r = start_bare(life);

	talk_add(life, DST_LISTED, true, N_SIDES);
	talk_add(life, DST_LISTED, false, N_SIDES);
	if (r >= 0)
		r = talk_start(life, TALK_ON);
	if (r >= 0)
		r = talk_reach(life, SAID, DEADLINE_MS);
	if (r >= 0)
		r = daemon_stop(life->lab, SIGKILL);
	if (r >= 0)
		r = daemon_start(life->lab);
	if (r >= 0)
		r = is_bare(life, "started again");
	if (r >= 0)
		r = said_by(life, SIDE_UPLINK);
	if (r >= 0)
		r = files_restore(life);
	start = now_ms();
	if (r >= 0)
		r = ctl_reload(life, 0);
	life_say(life, "attached after %lldms", (long long)(now_ms() - start));
	if (r >= 0)
		r = comes_over(life);
	if (r >= 0)
		r = talk_end(life, 0);

	programs = programs_on(life);
	if (r >= 0)
		r = files_take(life);
	if (r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0 && programs_on(life) != programs)
		r = life_no(life, "%u programs, not %u", programs_on(life),
			    programs);
	return r < 0 ? r : life_goes(life, APP_LISTED, DST_LISTED, SIDE_UPLINK);
}

/* ---- a first policy whose hooks the kernel refuses ---------------------- */

struct refusal {
	unsigned links;
	bool on;
};

static int refuse_link(void *ctx, const struct trace_call *call)
{
	struct refusal *refusal = ctx;

	if (call->number != SYS_bpf || call->args[0] != BPF_LINK_CREATE)
		return 0;
	refusal->on |= ++refusal->links == REFUSED_AT;
	return refusal->on ? -EPERM : 0;
}

static bool waits_again(void *ctx, const struct trace_call *call)
{
	const struct refusal *refusal = ctx;
	bool waits = call->number == SYS_epoll_pwait;

#ifdef SYS_epoll_wait
	waits |= call->number == SYS_epoll_wait;
#endif
	return refusal->on && call->entry && waits && (int)call->args[3] == -1;
}

static int refused(struct life *life)
{
	unsigned told = log_count(life, "cannot attach hook");
	struct refusal refusal = { 0 };
	struct trace trace = { .refuse = refuse_link,
			       .done = waits_again,
			       .ctx = &refusal };
	int r = start_bare(life), s;

	s = trace_seize(&trace, life->lab->daemon.pid);
	if (r >= 0)
		r = files_restore(life);
	if (s >= 0)
		s = trace_run(&trace, fault_ms(life, DEADLINE_MS));
	if (r >= 0 && s != TRACE_DONE)
		r = life_no(life, "trace: %d", s);
	if (r >= 0)
		r = log_wait(life, "cannot attach hook", told, ATTACH_MS);
	if (r >= 0)
		r = is_bare(life, "refused");
	if (r >= 0)
		r = life_goes(life, APP_LISTED, DST_LISTED, SIDE_UPLINK);
	life_say(life, "refused=%lu", trace.refused);
	if (r >= 0)
		r = ctl_reload(life, 0);
	return r < 0 ? r : life_governed(life);
}

const struct life_test life_bare_tests[] = {
	{ "bare-until-policy", until_policy, LIFE_STOPPED },
	{ "bare-refused", refused, LIFE_STOPPED },
	{ 0 }
};
