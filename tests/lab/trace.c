/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process followed by its system calls: killed or refused at any of them. */

/*
 * What a process does to the kernel it does by system calls: between two of
 * them a SIGKILL is the same wherever it comes. So killing it at the n-th, for
 * n spread over all of them, is killing it everywhere; and n names the place.
 */
#include <elf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lab/trace.h"

#define SYSCALL_STOP (SIGTRAP | 0x80)
#define OPTIONS	     (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)

int trace_me(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? -errno : 0;
}

int trace_seize(struct trace *trace, pid_t pid)
{
	trace->pid = pid;
	if (ptrace(PTRACE_SEIZE, pid, NULL, OPTIONS) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		return -errno;
	return 0;
}

/* ---- registers --------------------------------------------------------- */

/* Makes the call that is being entered one that does not exist. */
static int call_void(pid_t pid)
{
#ifdef __aarch64__
	int number = -1;
	struct iovec iov = { &number, sizeof(number) };

	return ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &iov) < 0 ?
		       -errno :
		       0;
#else
	return ptrace(PTRACE_POKEUSER, pid,
		      offsetof(struct user_regs_struct, orig_rax), -1L) < 0 ?
		       -errno :
		       0;
#endif
}

static int call_return(pid_t pid, int result)
{
#ifdef __aarch64__
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) < 0)
		return -errno;
	regs.regs[0] = (uint64_t)result;
	return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov) < 0 ? -errno :
								      0;
#else
	return ptrace(PTRACE_POKEUSER, pid,
		      offsetof(struct user_regs_struct, rax),
		      (long)result) < 0 ?
		       -errno :
		       0;
#endif
}

/* ---- the loop ---------------------------------------------------------- */

/* waitpid() must not outlast the deadline: the timer interrupts it. */
static void on_alarm(int signal)
{
	(void)signal;
}

static void deadline_set(int ms)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval timer = {
		.it_value = { ms / 1000, ms % 1000 * 1000 },
		/* again, should it come between two calls */
		.it_interval = { 0, ms ? 100000 : 0 },
	};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static int end_it(struct trace *trace)
{
	kill(trace->pid, SIGKILL);
	while (waitpid(trace->pid, &trace->status, __WALL) >= 0 ||
	       errno == EINTR)
		if (WIFEXITED(trace->status) || WIFSIGNALED(trace->status))
			break;
	return TRACE_KILLED;
}

/* It only looks: being killed here or at the next is the same. */
static bool only_looks(const struct trace_call *call)
{
	static const long numbers[] = { SYS_read,	SYS_pread64,
					SYS_readlinkat, SYS_newfstatat,
					SYS_lseek,	SYS_getdents64,
#ifdef SYS_readlink
					SYS_readlink
#endif
	};

	if (call->number == SYS_bpf)
		return call->args[0] == BPF_MAP_LOOKUP_ELEM ||
		       call->args[0] == BPF_MAP_GET_NEXT_KEY;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (call->number == numbers[i])
			return true;
	return false;
}

static int call_read(struct trace *trace, struct trace_call *call)
{
	struct __ptrace_syscall_info info = { 0 };

	if (ptrace(PTRACE_GET_SYSCALL_INFO, trace->pid, sizeof(info), &info) <
	    0)
		return -errno;
	call->entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;
	/* on the way out, call still holds what came in */
	if (!call->entry)
		return 0;
	call->number = (long)info.entry.nr;
	memcpy(call->args, info.entry.args, sizeof(call->args));
	trace->calls += !only_looks(call);
	return 0;
}

/* At a stop: 0 to go on, 1 to let it go, 2 when it has been killed. */
static int stop_handle(struct trace *trace, struct trace_call *call,
		       int *refusal)
{
	int r = call_read(trace, call);

	if (r < 0)
		return r;
	if (call->entry && trace->kill_at && trace->calls >= trace->kill_at) {
		end_it(trace);
		return 2;
	}
	if (trace->done && trace->done(trace->ctx, call))
		return 1;
	if (call->entry && trace->refuse) {
		*refusal = trace->refuse(trace->ctx, call);
		trace->refused += *refusal != 0;
		return *refusal ? call_void(trace->pid) : 0;
	}
	if (call->entry || !*refusal)
		return 0;
	r = call_return(trace->pid, *refusal);
	*refusal = 0;
	return r;
}

static int stops_follow(struct trace *trace)
{
	struct trace_call call = { 0 };
	int refusal = 0, signal, r;

	for (;;) {
		if (waitpid(trace->pid, &trace->status, __WALL) < 0)
			return errno == EINTR ? -ETIMEDOUT : -errno;
		if (!WIFSTOPPED(trace->status))
			return TRACE_ENDED;
		signal = WSTOPSIG(trace->status);
		if (signal == SYSCALL_STOP) {
			r = stop_handle(trace, &call, &refusal);
			if (r < 0)
				return r;
			if (r == 2)
				return TRACE_KILLED;
			if (r == 1)
				return ptrace(PTRACE_DETACH, trace->pid, NULL,
					      NULL) < 0 ?
					       -errno :
					       TRACE_DONE;
			signal = 0;
		} else if (signal == SIGTRAP) {
			/* its exec, or the stop we asked for */
			ptrace(PTRACE_SETOPTIONS, trace->pid, NULL, OPTIONS);
			signal = 0;
		}
		if (ptrace(PTRACE_SYSCALL, trace->pid, NULL, signal) < 0 &&
		    errno != ESRCH)
			return -errno;
	}
}

int trace_run(struct trace *trace, int deadline_ms)
{
	int r;

	deadline_set(deadline_ms);
	r = stops_follow(trace);
	deadline_set(0);
	if (r < 0)
		end_it(trace);
	return r;
}
