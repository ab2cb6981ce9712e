/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of processes and cgroups: what splitd's tracepoints ride on. */

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/traffic.h"

#define WARM_UP 3

static int reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return status ? -ECHILD : 0;
}

/* We are static, so this is little more than the exec. */
static int exec_once(const char *where)
{
	char *argv[] = { "traffic", "nothing", NULL };
	char *env[] = { NULL };
	pid_t pid;
	int r = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, env);

	(void)where;
	return r ? -r : reap(pid);
}

static int fork_once(const char *where)
{
	pid_t pid = fork();

	(void)where;
	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(0);
	return reap(pid);
}

static int mkdir_once(const char *where)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/made", where);
	if (mkdir(path, 0755) < 0 || rmdir(path) < 0)
		return -errno;
	return 0;
}

static int repeat(struct sample *sample, unsigned ms,
		  int (*once)(const char *where))
{
	int r = 0;

	for (unsigned i = 0; i < WARM_UP && r == 0; i++)
		r = once(sample->where);
	sample_begin(sample, ms);
	for (; r == 0 && !sample_over(sample); sample->ops++)
		r = once(sample->where);
	return r;
}

int row_exec(struct sample *sample, unsigned ms)
{
	return repeat(sample, ms, exec_once);
}

int row_fork(struct sample *sample, unsigned ms)
{
	return repeat(sample, ms, fork_once);
}

int row_mkdir(struct sample *sample, unsigned ms)
{
	return repeat(sample, ms, mkdir_once);
}
