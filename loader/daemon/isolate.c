/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving up everything: how the child that parses is confined.
 *
 * The child was forked with the bytes to parse in its memory, so it needs to
 * open, read and connect nothing. In this order it gives up:
 *
 *   1. descriptors: all but the pipe for the answer
 *   2. limits: memory, CPU time; no new file, process or descriptor
 *   3. identity: user "splitd" (or nobody), no groups, not dumpable, so no
 *      other process of that user can look into it
 *   4. capabilities: none, and no_new_privs, so exec could not bring any back
 *   5. system calls: a filter that kills the process on anything but memory,
 *      time, signals and write
 *
 * Whoever takes the parser over holds a process that can compute and answer;
 * the answer is decoded by code that trusts nothing in it.
 */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

#include "loader/daemon/isolate.h"
#include "loader/util/cleanup.h"

#define NOBODY	    65534
#define ANSWER_FD   3
#define MAX_MEMORY  ((size_t)512 << 20)
#define MAX_CPU_SEC 10

static size_t address_space(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!f || fscanf(f, "%lu", &pages) != 1)
		return 0;
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/*
 * Looked up once a process, and kept: a name that is not in /etc/passwd costs
 * some forty files where systemd's user database is asked as well, and a start
 * asks as often as there are files to parse.
 */
static void find_user(uid_t *ret_uid, gid_t *ret_gid)
{
	static bool known;
	static uid_t uid = NOBODY;
	static gid_t gid = NOBODY;
	const struct passwd *user = known ? NULL : getpwnam("splitd");

	if (user && user->pw_uid != 0) {
		uid = user->pw_uid;
		gid = user->pw_gid;
	}
	known = true;
	*ret_uid = uid;
	*ret_gid = gid;
}

void isolation_find(struct isolation *ret)
{
	*ret = (struct isolation){ .uid = NOBODY, .gid = NOBODY };
	ret->memory = address_space();
	capng_get_caps_process();
	ret->change_user = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID) &&
			   capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID);
	if (ret->change_user)
		find_user(&ret->uid, &ret->gid);
}

static int close_all_but(int fd)
{
	if (fd != ANSWER_FD && dup2(fd, ANSWER_FD) < 0)
		return -errno;
	close(0);
	close(1);
	close(2);
	if (syscall(SYS_close_range, ANSWER_FD + 1, ~0u, 0) == 0)
		return 0;

	/* Before 5.9 (278a5fbaed89). */
	for (int i = ANSWER_FD + 1, n = (int)sysconf(_SC_OPEN_MAX); i < n; i++)
		close(i);
	return 0;
}

static int set_limits(const struct isolation *isolation)
{
	const struct {
		__rlimit_resource_t resource;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_AS, isolation->memory + MAX_MEMORY },
		{ RLIMIT_CPU, MAX_CPU_SEC },
		{ RLIMIT_FSIZE, 0 },
		{ RLIMIT_NPROC, 0 },
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, 0 },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		const struct rlimit limit = { limits[i].value,
					      limits[i].value };

		if (setrlimit(limits[i].resource, &limit) < 0)
			return -errno;
	}
	return 0;
}

static int drop_privileges(const struct isolation *isolation)
{
	if (isolation->change_user) {
		if (setgroups(0, NULL) < 0 ||
		    setresgid(isolation->gid, isolation->gid, isolation->gid) ||
		    setresuid(isolation->uid, isolation->uid, isolation->uid))
			return -errno;
	}

	/* The bounding set only with the right to; no_new_privs covers exec. */
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return -EPERM;
	if (prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/*
 * getrandom: expat's hash salt, malloc's cache. madvise, sched_yield,
 * sigaltstack: malloc and the sanitizers the tests are built with.
 */
static const int allowed[] = {
	SCMP_SYS(write),	SCMP_SYS(read),
	SCMP_SYS(exit),		SCMP_SYS(exit_group),
	SCMP_SYS(brk),		SCMP_SYS(munmap),
	SCMP_SYS(mremap),	SCMP_SYS(madvise),
	SCMP_SYS(futex),	SCMP_SYS(sched_yield),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(getrandom),	SCMP_SYS(sigaltstack),
};

static int add_rules(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
		if (r < 0)
			return r;
	}
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
				SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS,
					MAP_ANONYMOUS));
}

static int filter_system_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r;

	if (!filter)
		return -ENOMEM;
	r = add_rules(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int isolate(const struct isolation *isolation, int keep_fd)
{
	int r;

	r = close_all_but(keep_fd);
	if (r == 0)
		r = set_limits(isolation);
	if (r == 0)
		r = drop_privileges(isolation);
	/* Cleared by a change of user, hence now. */
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		r = -errno;
	if (r == 0)
		r = filter_system_calls();
	return r < 0 ? r : ANSWER_FD;
}

int isolate_memory(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return 0;
}
