/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A parser held by a debugger, and what splitd says. */

/*
 * It is stopped where it is about to write its answer: it is confined by then
 * and has parsed, and looks to splitd like one that a file has sent into an
 * endless loop.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define DEADLINE_MS 10000

/* The next child of splitd's, at its birth; splitd itself goes on. */
static pid_t child_catch(pid_t parent)
{
	int64_t end = now_ms() + DEADLINE_MS;
	unsigned long child = 0;
	int status;

	while (now_ms() < end) {
		if (waitpid(parent, &status, WNOHANG | __WALL) != parent) {
			poll(NULL, 0, 1);
			continue;
		}
		if (!WIFSTOPPED(status))
			return -ECHILD;
		if (status >> 16 != PTRACE_EVENT_FORK) {
			ptrace(PTRACE_CONT, parent, 0, WSTOPSIG(status));
			continue;
		}
		ptrace(PTRACE_GETEVENTMSG, parent, 0, &child);
		ptrace(PTRACE_DETACH, parent, 0, 0);
		return (pid_t)child;
	}
	return -ETIMEDOUT;
}

static bool is_at_write(pid_t pid, int status)
{
	struct ptrace_syscall_info info = { 0 };

	return WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80) &&
	       ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY &&
	       info.entry.nr == SYS_write;
}

/* Call it before what makes splitd parse. */
int parser_await(struct life *life)
{
	if (ptrace(PTRACE_SEIZE, life->lab->daemon.pid, 0,
		   PTRACE_O_TRACEFORK | PTRACE_O_TRACESYSGOOD) < 0)
		return life_no(life, "ptrace: %s", strerror(errno));
	return 0;
}

/* The first parser that splitd starts after that; it does not get on. */
pid_t parser_hold(struct life *life)
{
	pid_t pid = child_catch(life->lab->daemon.pid);
	int status;

	if (pid < 0)
		return life_no(life, "no parser: %s", strerror(-pid));
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		if (is_at_write(pid, status))
			return pid;
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
	}
	return life_no(life, "the parser gives no answer");
}

void parser_release(pid_t pid)
{
	ptrace(PTRACE_DETACH, pid, 0, 0);
}

/* splitd has ended it; its tracer must let go of it. */
int parser_ends(struct life *life, pid_t pid, int deadline_ms)
{
	int64_t end = now_ms() + deadline_ms;
	int status;

	do {
		if (waitpid(pid, &status, WNOHANG | __WALL) == pid &&
		    WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			return 0;
		poll(NULL, 0, 1);
	} while (now_ms() < end);
	kill(pid, SIGKILL);
	waitpid(pid, &status, __WALL);
	return life_no(life, "the parser lives after %d ms", deadline_ms);
}

/* So often splitd has said this since the lab's start. */
unsigned log_count(const struct life *life, const char *what)
{
	char path[LAB_PATH + 32], line[1024];
	_cleanup_fclose_ FILE *file = NULL;
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/splitd.log", life->lab->dir);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		n += !!strstr(line, what);
	return n;
}
