/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: the governed cgroup is removed and made again. */

#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"
#include "tests/lab/trace.h"

#define TIMES	  100
#define ATTACH_MS 2000
#define REFUSALS  3

/* What every process below it went down with; another id. */
static int scope_again(struct life *life)
{
	struct lab *lab = life->lab;
	int r;

	for (enum app app = 0; app < N_APPS; app++)
		close(lab->cgroup_fd[app]);
	cgroup_remove(lab->cgroup);
	if (access(lab->cgroup, F_OK) == 0)
		return life_no(life, "the cgroup stays");
	r = cgroup_setup(lab);
	return r < 0 ? life_no(life, "cgroup: %s", strerror(-r)) : 0;
}

/* Until as many programs are on it as before. */
static int scope_attached(struct life *life, unsigned programs, int deadline_ms)
{
	int64_t end = now_ms() + deadline_ms;

	while (programs_on(life) != programs) {
		if (now_ms() > end)
			return life_no(life, "%u programs after %d ms, not %u",
				       programs_on(life), deadline_ms,
				       programs);
		poll(NULL, 0, 1);
	}
	/* and the daemon has finished with it */
	return daemon_settle(life->lab);
}

static int side_of(struct life *life, enum app app, enum side want)
{
	struct ask ask = { .app = app, .dst = DST_LISTED };

	life_ask(life, &ask);
	if (ask.error || ask.side != want || !ask.sourced)
		return life_no(life, "%s app by the %s: %s", app_name(app),
			       side_name(ask.side), strerror(-ask.error));
	return 0;
}

static unsigned fds_of(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/*
 * No more than at first: what leaks, leaks each time. One more there may be for
 * a moment, of the question that daemon_settle() has just put.
 */
static int fds_back(struct life *life, unsigned fds)
{
	int64_t end = now_ms() + fault_ms(life, ATTACH_MS);
	unsigned now;

	while ((now = fds_of(life->lab->daemon.pid)) > fds) {
		if (now_ms() > end)
			return life_no(life, "%u descriptors, not %u", now,
				       fds);
		poll(NULL, 0, 1);
	}
	return 0;
}

static int one_time(struct life *life, unsigned programs, int64_t *ret_ms)
{
	int64_t start;
	int r = scope_again(life);

	start = now_ms();
	if (r >= 0)
		r = scope_attached(life, programs, fault_ms(life, ATTACH_MS));
	*ret_ms = now_ms() - start;
	if (r >= 0)
		r = side_of(life, APP_LISTED, SIDE_TUNNEL);
	return r < 0 ? r : side_of(life, APP_UNLISTED, SIDE_UPLINK);
}

static int removed(struct life *life)
{
	unsigned programs, fds = 0, times = fault_count(life, TIMES);
	int64_t ms, worst = 0, sum = 0;
	struct traffic traffic;
	int r = traffic_control(life);

	if (r >= 0 && daemon_start(life->lab) < 0)
		r = life_no(life, "splitd does not start");
	programs = programs_on(life);
	for (unsigned i = 0; i < times && r >= 0; i++) {
		r = one_time(life, programs, &ms);
		sum += ms;
		worst = ms > worst ? ms : worst;
		if (i == 0)
			fds = fds_of(life->lab->daemon.pid);
	}
	life_say(life,
		 "times=%u programs=%u attached after %lldms, at most "
		 "%lldms",
		 times, programs, (long long)(sum / times), (long long)worst);
	if (r >= 0)
		r = fds_back(life, fds);
	if (r >= 0)
		r = traffic_start(life, &traffic);
	if (r >= 0)
		r = traffic_end(&traffic, 500, NULL);
	return r < 0 ? r : life_governed(life);
}

/* While there was no policy and nothing on it; then one comes. */
static int bare(struct life *life)
{
	int r;

	file_remove(life, "policy/vpn.mobileconfig");
	file_remove(life, "policy/apps.plist");
	file_remove(life, "host.plist");
	if (daemon_start(life->lab) < 0)
		return life_no(life, "splitd does not start");
	if (programs_on(life))
		return life_no(life, "%u programs without a policy",
			       programs_on(life));
	r = scope_again(life);
	if (r >= 0)
		r = files_restore(life);
	if (r >= 0)
		r = ctl_reload(life, 0);
	return r < 0 ? r : life_governed(life);
}

/* ---- and the kernel refuses the hooks at first -------------------------- */

/* Every hook, until status has been heard to say so. */
struct refusals {
	pid_t asker;
	unsigned seen;
	bool over;
	int status; /* of the asker */
};

static int refuse_links(void *ctx, const struct trace_call *call)
{
	struct refusals *refusals = ctx;

	if (refusals->over || call->number != SYS_bpf ||
	    (call->args[0] != BPF_LINK_CREATE &&
	     call->args[0] != BPF_RAW_TRACEPOINT_OPEN))
		return 0;
	refusals->seen++;
	return -EPERM;
}

/* The call behind the last refusal: back from the kernel. */
static bool refused_all(void *ctx, const struct trace_call *call)
{
	struct refusals *refusals = ctx;

	if (!refusals->over && refusals->seen >= REFUSALS)
		refusals->over = waitpid(refusals->asker, &refusals->status,
					 WNOHANG) == refusals->asker;
	return refusals->over && call->entry && call->number != SYS_bpf;
}

/* Until status names a hook that is missing, and exits accordingly. */
static int ask_degraded(struct life *life)
{
	int64_t end = now_ms() + fault_ms(life, 10000);

	while (now_ms() < end) {
		_cleanup_ctl_ struct ctl ctl = { 0 };
		_cleanup_json_ json_t *json = NULL;
		const char *state = "", *hook = "";

		if (ctl_run(life, 0, &ctl, "status", "--json", NULL) < 0 ||
		    ctl_json(life, &ctl, &json) < 0)
			return 1;
		/* while nothing is missing, "degraded" is null */
		if (json_unpack(json, "{s:s, s:s}", "state", &state, "degraded",
				&hook) == 0 &&
		    strcmp(state, "degraded") == 0 && *hook)
			return 0;
	}
	return 2;
}

static int refused(struct life *life)
{
	unsigned programs, told = log_count(life, "cannot attach hook");
	struct refusals refusals = { 0 };
	struct trace trace = { .refuse = refuse_links,
			       .done = refused_all,
			       .ctx = &refusals };
	int r;

	if (daemon_start(life->lab) < 0)
		return life_no(life, "splitd does not start");
	programs = programs_on(life);
	r = trace_seize(&trace, life->lab->daemon.pid);
	if (r >= 0)
		r = scope_again(life);
	refusals.asker = proc_fork(life->lab, -1, NS_CLIENT);
	if (refusals.asker == 0)
		_exit(ask_degraded(life));
	if (r >= 0)
		r = trace_run(&trace, fault_ms(life, 20000));
	if (r != TRACE_DONE)
		return life_no(life, "trace: %d", r);
	if (refusals.status)
		return life_no(life, "status says nothing of missing hooks");
	r = log_wait(life, "cannot attach hook", told, 2000);
	if (r >= 0)
		r = scope_attached(life, programs, 10000);
	life_say(life, "refused=%lu", trace.refused);
	return r < 0 ? r : life_governed(life);
}

/* The root of all cgroups cannot be removed: the lab's own is governed. */
static int on_own(struct life *life, int (*run)(struct life *life))
{
	struct lab *lab = life->lab;
	char before[sizeof(lab->governed)];
	int r;

	memcpy(before, lab->governed, sizeof(before));
	memcpy(lab->governed, lab->cgroup, sizeof(before));
	r = run(life);
	memcpy(lab->governed, before, sizeof(before));
	return r;
}

static int scope_removed(struct life *life)
{
	return on_own(life, removed);
}

static int scope_bare(struct life *life)
{
	return on_own(life, bare);
}

static int scope_refused(struct life *life)
{
	return on_own(life, refused);
}

const struct life_test fault_scope_tests[] = {
	{ "fault-24-cgroup-again", scope_removed, LIFE_STOPPED },
	{ "fault-24-cgroup-bare", scope_bare, LIFE_STOPPED },
	{ "fault-24-cgroup-refused", scope_refused, LIFE_STOPPED },
	{ 0 }
};
