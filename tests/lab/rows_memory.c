/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: what is gone, the kernel side has forgotten. */

/*
 * A stale entry is never believed, so no packet would tell; but one that is
 * never taken away fills the map, and a full one turns newcomers away. So
 * these look into the pinned maps (bpf/abi.h): the key is there while its
 * owner lives, which shows that the right map is asked, and not any more
 * afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/abi.h"
#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

/* The daemon, if it lives, may be looking at the cgroup as it goes. */
#define FORGET_MS 1000

enum {
	MEMBER_SINGLE,
	MEMBER_THREAD, /* the leader goes before its thread */
	MEMBER_ZOMBIE  /* looked at between its end and its burial */
};

static bool cgroup_known(int map, uint64_t id)
{
	struct sp_cgroup entry;

	return bpf_map_lookup_elem(map, &id, &entry) == 0;
}

static bool task_known(int map, pid_t pid)
{
	uint32_t tgid = (uint32_t)pid;
	struct sp_task entry;

	return bpf_map_lookup_elem(map, &tgid, &entry) == 0;
}

static int cgroup_forgotten(struct lab *lab, struct trial *trial)
{
	char path[LAB_PATH + 64];
	_cleanup_close_ int map = -1;
	int64_t end;
	struct stat st;

	snprintf(path, sizeof(path), "%s/apps/named", lab->cgroup);
	if (map_open(lab->bpffs, "abi-*/sp_cgroup", &map) < 0 ||
	    cgroup_make(path, NULL) < 0 || stat(path, &st) < 0)
		return trial_fail(trial, FAULT_OTHER, "cannot begin: %m");
	if (!cgroup_known(map, st.st_ino))
		trial_fail(trial, FAULT_OTHER, "mkdir: not known");
	if (rmdir(path) < 0)
		return trial_fail(trial, FAULT_OTHER, "rmdir: %m");
	end = now_ms() + FORGET_MS;
	while (lab->daemon.pid > 0 && cgroup_known(map, st.st_ino) &&
	       now_ms() < end)
		daemon_settle(lab);
	if (cgroup_known(map, st.st_ino))
		return trial_fail(trial, FAULT_OTHER, "rmdir: not forgotten");
	return trial->fault == FAULT_NONE ? 0 : -EPROTO;
}

static int member_ask(struct trial *trial)
{
	_cleanup_close_ int fd = -1;
	int r = sock_open(trial, SOCK_DGRAM, 0, &fd);

	return r < 0 ? r : udp_ask(trial, fd, trial->dst, PORT_ECHO);
}

/* Asks, says so, lives until it is told. */
static int member_main(struct trial *trial, int channel)
{
	int r = member_ask(trial);

	if (r < 0 || write(channel, "", 1) != 1)
		return -EPROTO;
	return pipe_wait(channel, 10000);
}

struct member {
	struct trial *trial;
	int channel;
};

/*
 * A leader that is through with its exit is a zombie until its threads are.
 * Nothing else tells: proc_fork() keeps glibc from knowing its own thread.
 */
static bool leader_gone(void)
{
	char path[64], text[256] = "";
	_cleanup_close_ int fd = -1;
	const char *state;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	state = strrchr(text, ')');
	return state && strncmp(state, ") Z", 3) == 0;
}

/* The last thread: asks when the leader is gone. */
static void *thread_main(void *ctx)
{
	const struct member *member = ctx;
	int64_t end = now_ms() + member->trial->deadline_ms;

	while (!leader_gone())
		if (now_ms() > end)
			_exit(1);
	_exit(member_main(member->trial, member->channel) < 0);
}

static int leader_main(struct trial *trial, int channel)
{
	static struct member member;
	pthread_t thread;

	member = (struct member){ trial, channel };
	if (member_ask(trial) < 0 ||
	    pthread_create(&thread, NULL, thread_main, &member) != 0)
		return -EPROTO;
	syscall(SYS_exit, 0);
	return 0;
}

static int exit_wait(pid_t pid, int deadline_ms)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : sock_wait(fd, POLLIN, deadline_ms);
}

static int member_watch(const struct lab *lab, struct trial *trial, int map,
			int channel, pid_t pid)
{
	int r = pipe_wait(channel, trial->deadline_ms * 2);

	if (r >= 0 && !task_known(map, pid))
		r = trial_fail(trial, FAULT_OTHER, "alive, not known");
	if (write(channel, "", 1) != 1)
		r = -EPIPE;
	/* A daemon that looks at all processes finds it dead, not reaped. */
	if (trial->arg == MEMBER_ZOMBIE &&
	    (exit_wait(pid, trial->deadline_ms) < 0 || daemon_settle(lab) < 0))
		r = -EPROTO;
	if (proc_wait(pid, trial->deadline_ms * 2) != 0 || r < 0)
		return trial_fail(trial, FAULT_OTHER, "the member failed");
	if (task_known(map, pid))
		return trial_fail(trial, FAULT_OTHER, "exit: not forgotten");
	return 0;
}

static int task_forgotten(struct lab *lab, struct trial *trial)
{
	_cleanup_close_ int map = -1;
	int pair[2], r;
	pid_t pid;

	if (map_open(lab->bpffs, "memory-*/sp_task", &map) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return trial_fail(trial, FAULT_OTHER, "cannot begin: %m");
	pid = proc_fork(lab, lab->cgroup_fd[trial->app], NS_CLIENT);
	if (pid == 0) {
		close(pair[0]);
		_exit((trial->arg == MEMBER_THREAD ?
			       leader_main(trial, pair[1]) :
			       member_main(trial, pair[1])) < 0);
	}
	close(pair[1]);
	r = member_watch(lab, trial, map, pair[0], pid);
	close(pair[0]);
	return r;
}

#define MEMORY                                                                 \
	.apps = BIT(APP_LISTED), .dsts = BIT(DST_LISTED),                      \
	.families = BIT(FAM_V4)

const struct row rows_memory[] = { { .name = "cgroup-forgotten",
				     .drive = cgroup_forgotten,
				     MEMORY,
				     .flags = ROW_MEMORY | ROW_SILENT },
				   { .name = "task-forgotten",
				     .drive = task_forgotten,
				     MEMORY,
				     .arg = MEMBER_SINGLE,
				     .flags = ROW_MEMORY },
				   { .name = "task-forgotten-thread",
				     .drive = task_forgotten,
				     MEMORY,
				     .arg = MEMBER_THREAD,
				     .flags = ROW_MEMORY },
				   { .name = "task-forgotten-zombie",
				     .drive = task_forgotten,
				     MEMORY,
				     .arg = MEMBER_ZOMBIE,
				     .flags = ROW_MEMORY | ROW_DAEMON },
				   { 0 } };
