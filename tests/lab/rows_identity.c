/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: who is the app? By executable, by parent, by cgroup. */

/*
 * All executables are copies of the lab itself: an image started as "PATH @op
 * NAME" goes on with the trial of its starter (proc.c). "app", "other" are
 * listed by their path, "plain" is nobody; paths that change are in
 * rows_path.c. ROW_GUEST starts in the unlisted app's cgroup, so that
 * what counts is the executable alone.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

#define RACERS	   200
#define RACERS_FEW 20

static int path_exec(struct trial *trial, const char *file, const char *op)
{
	char path[LAB_PATH + 32];

	snprintf(path, sizeof(path), "%s/%s", trial->dir, file);
	return op_exec(trial, path, op);
}

/* The peer has closed as well, so nothing of it is still to come. */
static int stream_end(struct trial *trial, int fd)
{
	char byte;
	int r = shutdown(fd, SHUT_WR) < 0 ?
			-errno :
			sock_wait(fd, POLLIN, trial->deadline_ms);

	if (r < 0 || recv(fd, &byte, 1, 0) != 0)
		return trial_fail(trial, FAULT_OTHER, "the peer stays");
	return 0;
}

/* Who am I? Three ways to ask; the answers tell. */
static int ask_all(struct trial *trial)
{
	bool v6 = family_is_v6(trial->family);
	_cleanup_close_ int tcp = -1, udp = -1, ping = -1;
	int r = sock_open(trial, SOCK_STREAM, 0, &tcp);

	if (r >= 0)
		r = sock_open(trial, SOCK_DGRAM, 0, &udp);
	if (r >= 0)
		r = sock_open(trial, SOCK_DGRAM,
			      v6 ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP,
			      &ping);
	if (r < 0)
		return r;
	r = sock_connect(trial, tcp, trial->dst, PORT_ECHO);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "connect: %s",
				  strerror(-r));
	r = stream_ask(trial, tcp, trial->dst);
	if (r >= 0)
		r = stream_end(trial, tcp);
	if (r >= 0)
		r = udp_ask(trial, udp, trial->dst, PORT_ECHO);
	return r < 0 ? r : ping_ask(trial, ping, trial->dst, false);
}

static int children_wait(struct trial *trial, unsigned n)
{
	unsigned failed = 0;
	int status;

	for (unsigned i = 0; i < n; i++)
		if (wait(&status) < 0 || status != 0)
			failed++;
	if (failed)
		return trial_fail(trial, FAULT_OTHER,
				  "%u of %u children failed", failed, n);
	return 0;
}

/* A listed shell: its child is another, unlisted executable. */
static int op_shell(struct trial *trial)
{
	pid_t pid = fork();

	if (pid == 0) {
		/* Once more, so that the tag must survive two forks. */
		pid = fork();
		if (pid == 0)
			_exit(path_exec(trial, "bin/plain", "ask") < 0);
		_exit(children_wait(trial, 1) < 0);
	}
	return children_wait(trial, 1);
}

/* The grandchild: goes on when its parent is gone and init has taken it. */
static int orphan_main(struct trial *trial, pid_t parent)
{
	int fd = (int)syscall(SYS_pidfd_open, parent, 0);

	if (fd >= 0 && sock_wait(fd, POLLIN, trial->deadline_ms) < 0)
		return trial_fail(trial, FAULT_OTHER, "the parent lives on");
	return path_exec(trial, "bin/plain", "ask");
}

/*
 * As a daemon starts: what it inherited, it must have inherited at fork,
 * because its ancestors are nobody's any more. The end of the pipe tells that
 * it is done.
 */
static int op_orphan(struct trial *trial)
{
	int pipes[2], r;
	pid_t pid;

	if (pipe(pipes) < 0)
		return trial_fail(trial, FAULT_OTHER, "pipe: %m");
	pid = fork();
	if (pid == 0) {
		pid = getpid();
		close(pipes[0]);
		if (fork() == 0)
			_exit(orphan_main(trial, pid) < 0);
		_exit(0);
	}
	close(pipes[1]);
	children_wait(trial, 1);
	r = pipe_wait(pipes[0], trial->deadline_ms * 4);
	close(pipes[0]);
	return r == -EPIPE ? 0 : trial_fail(trial, FAULT_OTHER, "the orphan");
}

static int op_exec_other(struct trial *trial)
{
	return path_exec(trial, "bin/other", "ask");
}

static int op_exec_setuid(struct trial *trial)
{
	return path_exec(trial, "bin/setuid", "ask-root");
}

static int op_ask_root(struct trial *trial)
{
	if (geteuid() != 0)
		return trial_fail(trial, FAULT_OTHER, "not set-uid");
	return ask_all(trial);
}

/* One of many at once: its serial numbers are its own. */
static int op_race(struct trial *trial)
{
	struct trial own = *trial;
	_cleanup_close_ int fd = -1;
	int r;

	own.serial = (uint32_t)getpid() << 8;
	own.fault = FAULT_NONE;
	own.deadline_ms *= 5; /* they wait for each other, too */
	r = sock_open(&own, SOCK_STREAM, 0, &fd);
	if (r >= 0)
		r = sock_connect(&own, fd, own.dst, PORT_ECHO);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "connect: %s",
				  strerror(-r));
	r = stream_ask(&own, fd, own.dst);
	return r < 0 ? trial_fail(trial, own.fault, "%s", own.why) : 0;
}

const struct op identity_ops[] = { { "ask", ask_all },
				   { "ask-root", op_ask_root },
				   { "shell", op_shell },
				   { "orphan", op_orphan },
				   { "exec-other", op_exec_other },
				   { "exec-setuid", op_exec_setuid },
				   { "race", op_race },
				   { "held-tcp", op_held_tcp },
				   { "held-udp", op_held_udp },
				   { "held-many", op_held_many },
				   { "hold", op_hold },
				   { "late", op_late },
				   { "burst", op_burst },
				   { "words", op_words },
				   { 0 } };

static int exe(struct trial *trial)
{
	return path_exec(trial, "bin/app", "ask");
}

static int exe_plain(struct trial *trial)
{
	return path_exec(trial, "bin/plain", "ask");
}

static int exe_symlink(struct trial *trial)
{
	return path_exec(trial, "bin/link", "ask");
}

static int exe_child(struct trial *trial)
{
	return path_exec(trial, "bin/app", "shell");
}

static int exe_orphan(struct trial *trial)
{
	return path_exec(trial, "bin/app", "orphan");
}

static int exe_other(struct trial *trial)
{
	return path_exec(trial, "bin/app", "exec-other");
}

/* uid 1000 gains privileges: what it inherited is dropped. */
static int exe_setuid(struct trial *trial)
{
	return path_exec(trial, "bin/app", "exec-setuid");
}

static int race(struct trial *trial)
{
	unsigned started = 0;
	bool few = trial->maimed || trial->emulated;
	unsigned racers = few ? RACERS_FEW : RACERS;

	for (; started < racers; started++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(path_exec(trial, "bin/app", "race") < 0);
		if (pid < 0)
			break;
	}
	if (children_wait(trial, started) < 0)
		return -EPROTO;
	return started == racers ? 0 : trial_fail(trial, FAULT_OTHER, "fork");
}

static int self_join(struct trial *trial, const char *group)
{
	char path[LAB_PATH + 64];
	int r;

	snprintf(path, sizeof(path), "%s/apps/%s", trial->cgroup, group);
	r = cgroup_join(path, getpid());
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "join %s: %s", path,
				  strerror(-r));
	return 0;
}

/*
 * A cgroup below the app's, made after the policy was loaded, and one below
 * that: the selector means all of them.
 */
static int cgroup_new(struct lab *lab, struct trial *trial)
{
	char outer[LAB_PATH + 64], inner[LAB_PATH + 80];
	_cleanup_close_ int fd = -1;
	pid_t pid;
	int r;

	snprintf(outer, sizeof(outer), "%s/apps/%s/new-%u", lab->cgroup,
		 app_name(trial->app), lab->nonce);
	snprintf(inner, sizeof(inner), "%s/inner.scope", outer);
	r = cgroup_make(outer, NULL);
	if (r >= 0)
		r = cgroup_make(inner, &fd);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "cgroup: %s",
				  strerror(-r));
	pid = proc_fork(lab, fd, NS_CLIENT);
	if (pid == 0)
		_exit(ask_all(trial) < 0);
	r = proc_wait(pid, trial->deadline_ms * 4);
	rmdir(inner);
	rmdir(outer);
	return r == 0 ? 0 : trial_fail(trial, FAULT_OTHER, "member: %d", r);
}

/*
 * The cgroup that a selector names did not exist when the policy was loaded.
 * Its first member is born in it, and asks at once: only what happens in mkdir
 * itself is in time. The selector means this one, none below.
 */
static int cgroup_named(struct lab *lab, struct trial *trial)
{
	char named[LAB_PATH + 64], below[LAB_PATH + 80];
	_cleanup_close_ int named_fd = -1, below_fd = -1;
	pid_t pid;
	int r;

	snprintf(named, sizeof(named), "%s/apps/named", lab->cgroup);
	snprintf(below, sizeof(below), "%s/below.scope", named);
	r = cgroup_make(named, &named_fd);
	if (r >= 0)
		r = cgroup_make(below, &below_fd);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "cgroup: %s",
				  strerror(-r));
	pid = proc_fork(lab, trial->app == APP_LISTED ? named_fd : below_fd,
			NS_CLIENT);
	if (pid == 0)
		_exit(ask_all(trial) < 0);
	r = proc_wait(pid, trial->deadline_ms * 4);
	rmdir(below);
	rmdir(named);
	return r == 0 ? 0 : trial_fail(trial, FAULT_OTHER, "member: %d", r);
}

/*
 * In two acts: as a member of the other app's cgroup, then, after the runner
 * has read the sensors, as a member of this one's.
 */
static int mover_main(struct trial *trial, int channel)
{
	_cleanup_close_ int held = -1;
	int r = sock_open(trial, SOCK_DGRAM, 0, &held);

	if (r >= 0)
		r = udp_ask(trial, held, trial->dst, PORT_ECHO);
	if (r >= 0)
		r = ask_all(trial);
	if (r < 0)
		return r;
	if (write(channel, "", 1) != 1)
		return -errno;
	r = pipe_wait(channel, trial->deadline_ms * 2);
	if (r >= 0)
		r = self_join(trial, app_name(trial->app));
	if (r >= 0)
		r = ask_all(trial);
	if (r < 0)
		return r;
	/* The socket of the first act, whose mark may be stale once. */
	r = udp_send(trial, held, trial->dst, PORT_ECHO);
	if (r == -EPERM && trial->app == APP_UNLISTED && kernel_before(5, 12))
		return mark_stays(trial, held);
	return udp_ask(trial, held, trial->dst, PORT_ECHO);
}

static int between_acts(struct lab *lab, struct trial *trial, int channel)
{
	struct reading readings[N_SIDES];
	enum app app = trial->app;
	int r = pipe_wait(channel, trial->deadline_ms * 4);

	if (r >= 0)
		r = sensors_read(lab, readings);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "first act: %s",
				  strerror(-r));
	r = check_sources(trial, readings);
	trial->app = app == APP_LISTED ? APP_UNLISTED : APP_LISTED;
	if (write(channel, "", 1) != 1)
		return trial_fail(trial, FAULT_OTHER, "mover: %m");
	return r;
}

static int cgroup_move(struct lab *lab, struct trial *trial)
{
	enum app from = trial->app == APP_LISTED ? APP_UNLISTED : APP_LISTED;
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return trial_fail(trial, FAULT_OTHER, "socketpair: %m");
	trial->app = from;
	pid = proc_fork(lab, lab->cgroup_fd[from], NS_CLIENT);
	if (pid == 0) {
		close(pair[0]);
		_exit(mover_main(trial, pair[1]) < 0);
	}
	close(pair[1]);
	r = between_acts(lab, trial, pair[0]);
	if (proc_wait(pid, trial->deadline_ms * 8) != 0)
		r = trial_fail(trial, FAULT_OTHER, "the mover failed");
	close(pair[0]);
	return r;
}

#define TWO_DSTS .dsts = BIT(DST_LISTED) | BIT(DST_UNLISTED)
#define LISTED_EXE                                                             \
	.apps = BIT(APP_LISTED), .families = REAL_FAMS, TWO_DSTS,              \
	.flags = ROW_GUEST

const struct row rows_identity[] = {
	{ .name = "exe", .run = exe, LISTED_EXE },
	{ .name = "exe-user", .run = exe, .uid = LAB_UID, LISTED_EXE },
	{ .name = "exe-plain",
	  .run = exe_plain,
	  .apps = BIT(APP_UNLISTED),
	  .families = REAL_FAMS,
	  TWO_DSTS },
	{ .name = "exe-symlink", .run = exe_symlink, LISTED_EXE },
	{ .name = "exe-child", .run = exe_child, LISTED_EXE },
	{ .name = "exe-orphan", .run = exe_orphan, LISTED_EXE },
	{ .name = "exe-other", .run = exe_other, LISTED_EXE },
	{ .name = "exe-setuid",
	  .run = exe_setuid,
	  .uid = LAB_UID,
	  .apps = BIT(APP_UNLISTED),
	  .families = REAL_FAMS,
	  TWO_DSTS },
	{ .name = "exe-race", .run = race, LISTED_EXE },
	{ .name = "cgroup-new",
	  .drive = cgroup_new,
	  .families = REAL_FAMS,
	  TWO_DSTS },
	{ .name = "cgroup-named",
	  .drive = cgroup_named,
	  .families = REAL_FAMS,
	  TWO_DSTS },
	{ .name = "cgroup-move",
	  .drive = cgroup_move,
	  .families = REAL_FAMS,
	  TWO_DSTS,
	  .flags = ROW_ESCAPE | ROW_HANDS },
	{ 0 }
};
