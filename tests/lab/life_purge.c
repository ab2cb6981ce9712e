/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: a purge leaves the host as it was, however the daemon ended. */

/*
 * The host is what snapshot.c looks at, and besides: every sysctl below net,
 * the programs on every cgroup of the run, and the objects by their ids.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define SETTLE_MS 5000
#define MAX_LINKS 32
#define AT_ONCE	  10

enum ending {
	STOPPED,
	RUNNING,
	KILLED
};

struct held_links {
	unsigned n;
	int fd[MAX_LINKS];
};

/* What counts or is drawn at random, and changes by itself. */
static const char *const volatile_sysctls[] = {
	"*/nf_conntrack_count", "*/stable_secret", "*/tcp_fastopen_key",
	"*/netdev_rss_key",	"*/flush",
};

/* For nftw(), which takes no context: one walk at a time. */
static FILE *sysctl_out;

static int sysctl_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	_cleanup_close_ int fd = -1;
	char text[1024];
	ssize_t n;

	(void)st;
	(void)ftw;
	for (size_t i = 0;
	     i < sizeof(volatile_sysctls) / sizeof(*volatile_sysctls); i++)
		if (fnmatch(volatile_sysctls[i], path, 0) == 0)
			return 0;
	if (type != FTW_F)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return 0;
	text[n] = '\0';
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
	fprintf(sysctl_out, "%s = %s\n", path, text);
	return 0;
}

/* In the client's namespace, where the runner is; free() it. */
static char *host_take(const struct life *life)
{
	_cleanup_free_ char *base = snapshot_take(life->lab);
	char *text = NULL;
	size_t size;
	FILE *out = base ? open_memstream(&text, &size) : NULL;

	if (!out)
		return NULL;
	fputs(base, out);
	sysctl_out = out;
	nftw("/proc/sys/net", sysctl_one, 16, FTW_PHYS);
	attached_write(life->lab, out);
	fclose(out);
	return text;
}

/* Devices settle and the kernel frees a little later. */
static int host_same(struct life *life, const char *before)
{
	int64_t end = now_ms() + SETTLE_MS;
	unsigned lines;

	for (;;) {
		_cleanup_free_ char *after = host_take(life);
		bool last = now_ms() > end;

		if (!after)
			return life_no(life, "out of memory");
		lines = snapshot_compare(before, after, last);
		if (!lines)
			return 0;
		if (last)
			return life_no(life, "%u lines differ", lines);
	}
}

static int purge_by_ctl(struct life *life)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	int r = ctl_run(life, 0, &ctl, "purge", NULL);

	if (r >= 0 && ctl.status)
		r = life_no(life, "splitctl purge exits %d: %.300s", ctl.status,
			    ctl.err);
	return r;
}

static int end_and_purge(struct life *life, enum ending ending)
{
	struct daemon *daemon = &life->lab->daemon;
	int r;

	if (ending == RUNNING) {
		pid_t pid = daemon->pid;

		r = purge_by_ctl(life);
		daemon->pid = 0;
		if (r >= 0 && proc_wait(pid, 1000) != 0)
			r = life_no(life, "splitd did not end with status 0");
		return r;
	}
	r = daemon_stop(life->lab, ending == KILLED ? SIGKILL : SIGTERM);
	/* Neither end is the end of enforcement. */
	if (r >= 0)
		r = life_governed(life);
	if (r < 0)
		return r;
	return ending == KILLED ? purge_by_ctl(life) : daemon_purge(life->lab);
}

static int ungoverned(struct life *life)
{
	int r = life_goes(life, APP_LISTED, DST_LISTED, SIDE_UPLINK);

	return r < 0 ? r :
		       life_goes(life, APP_UNLISTED, DST_LISTED, SIDE_UPLINK);
}

static int purged(struct life *life, enum ending ending, const char *next)
{
	const char *path = life->lab->daemon.path;
	struct held held = { 0 };
	_cleanup_free_ char *before = NULL;
	/* A new device asks for its neighbours first. */
	int r = ungoverned(life);

	before = host_take(life);
	if (r >= 0)
		r = daemon_start(life->lab);
	if (r >= 0)
		r = held_note(life, &held);
	if (r >= 0 && next) {
		r = daemon_stop(life->lab, SIGKILL);
		life->lab->daemon.path = next;
		if (r >= 0)
			r = daemon_start(life->lab);
		life->lab->daemon.path = path;
		if (r >= 0)
			r = held_note(life, &held);
	}
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0)
		r = end_and_purge(life, ending);
	if (r >= 0)
		r = held_gone(life, &held);
	if (r >= 0)
		r = host_same(life, before);
	life_say(life, "objects=%u", held.n);
	return r < 0 ? r : ungoverned(life);
}

static int purge_stopped(struct life *life)
{
	return purged(life, STOPPED, NULL);
}

static int purge_running(struct life *life)
{
	return purged(life, RUNNING, NULL);
}

static int purge_killed(struct life *life)
{
	return purged(life, KILLED, NULL);
}

/* The splitd beside splitctl is not the one that was running. */
static int purge_abi(struct life *life)
{
	if (life->lab->daemon.changed)
		return purged(life, KILLED, life->lab->daemon.changed);
	life_say(life, "no --splitd2");
	return 1;
}

/* Somebody else's qdisc stays; the kernel has one place for both kinds. */
static int purge_foreign(struct life *life, const char *kind)
{
	char *add[] = {
		"tc", "qdisc", "add", "dev", "tun0", (char *)kind, NULL
	};
	char *del[] = {
		"tc", "qdisc", "del", "dev", "tun0", (char *)kind, NULL
	};
	int r;

	r = proc_run(add, life->lab->ns[NS_CLIENT], NULL, NULL, 0);
	if (r >= 0)
		r = purged(life, RUNNING, NULL);
	if (proc_run(del, life->lab->ns[NS_CLIENT], NULL, NULL, 0) < 0)
		r = life_no(life, "the %s is gone", kind);
	return r;
}

static int purge_clsact(struct life *life)
{
	return purge_foreign(life, "clsact");
}

static int purge_ingress(struct life *life)
{
	return purge_foreign(life, "ingress");
}

/* Another's filter at tun0's ingress, in whose clsact it may be. */
static int filter_do(int (*act)(const struct bpf_tc_hook *,
				struct bpf_tc_opts *),
		     int program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex("tun0"),
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 7,
		    .prog_fd = program);

	return act(&hook, &opts);
}

static int filter_add(void)
{
	/* r0 = TC_ACT_UNSPEC; exit */
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return filter_do(bpf_tc_attach,
			 bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "other", "GPL",
				       pass, 2, NULL));
}

static int filter_look(void)
{
	return filter_do(bpf_tc_query, 0);
}

static int in_client(struct life *life, int (*fn)(void), const char *why)
{
	pid_t pid = proc_fork(life->lab, -1, NS_CLIENT);

	if (pid == 0)
		_exit(fn() != 0);
	return proc_wait(pid, 5000) == 0 ? 0 : life_no(life, "%s", why);
}

/* Somebody has put a filter of theirs into the clsact that splitd made. */
static int purge_shared(struct life *life)
{
	char *del[] = { "tc", "qdisc", "del", "dev", "tun0", "clsact", NULL };
	int r = in_client(life, filter_add, "no filter can be added");

	if (r >= 0)
		r = end_and_purge(life, STOPPED);
	if (r >= 0)
		r = in_client(life, filter_look, "another's filter is gone");
	if (r >= 0)
		r = ungoverned(life);
	if (proc_run(del, life->lab->ns[NS_CLIENT], NULL, NULL, 0) < 0 &&
	    r >= 0)
		r = life_no(life, "the clsact is gone");
	return r;
}

/* Nothing to take away is no error. */
static int purge_twice(struct life *life)
{
	int r = daemon_purge(life->lab);

	return r < 0 ? r : daemon_purge(life->lab);
}

static int link_hold(void *ctx, const char *name, int fd)
{
	struct held_links *held = ctx;

	(void)name;
	if (held->n == MAX_LINKS)
		return -ENOSPC;
	held->fd[held->n] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (held->fd[held->n] < 0)
		return -errno;
	held->n++;
	return 0;
}

/*
 * When it says that it is done, it is. The kernel lets go of a link some time
 * after its last pin, or when others do who look at it, as here; and what is
 * still attached then refuses the app what nobody steers any more.
 */
static int purge_held(struct life *life)
{
	struct held_links held = { 0 };
	int r = link_pins(life, link_hold, &held);

	if (r < 0 || !held.n)
		r = life_no(life, "no links: %d", r);
	else if (daemon_stop(life->lab, SIGTERM) < 0 ||
		 daemon_purge(life->lab) < 0)
		r = life_no(life, "stop and purge: failed");
	if (r >= 0)
		r = life_goes(life, APP_LISTED, DST_LISTED, SIDE_UPLINK);
	if (r >= 0 && programs_on(life))
		r = life_no(life, "%u programs are still attached",
			    programs_on(life));
	while (held.n)
		close(held.fd[--held.n]);
	return r;
}

const struct life_test life_purge_tests[] = {
	{ "purge-stopped", purge_stopped, LIFE_STOPPED },
	{ "purge-running", purge_running, LIFE_STOPPED },
	{ "purge-killed", purge_killed, LIFE_STOPPED },
	{ "purge-other-abi", purge_abi, LIFE_STOPPED },
	{ "purge-foreign-clsact", purge_clsact, LIFE_STOPPED },
	{ "purge-foreign-ingress", purge_ingress, LIFE_STOPPED },
	{ "purge-shared-clsact", purge_shared, 0 },
	{ "purge-twice", purge_twice, LIFE_STOPPED },
	{ "purge-held", purge_held, 0 },
	{ 0 }
};
