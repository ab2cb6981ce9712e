/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process followed by its system calls: killed or refused at any of them. */
#ifndef SPLITD_TESTS_TRACE_H
#define SPLITD_TESTS_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct trace_call {
	bool entry; /* else the way out of the kernel */
	long number;
	uint64_t args[6];
};

struct trace {
	pid_t pid;
	unsigned long calls;   /* entered so far that do more than look */
	unsigned long kill_at; /* at this one, before it does anything; 0: no */
	unsigned long refused; /* so often refuse() has said so */
	/* True: far enough; the process goes on untraced. */
	bool (*done)(void *ctx, const struct trace_call *call);
	/* A negative errno that this call returns instead; 0: let it be. */
	int (*refuse)(void *ctx, const struct trace_call *call);
	void *ctx;
	int status; /* of a process that has ended, as of waitpid() */
};

enum trace_end {
	TRACE_DONE,   /* done() said so, the process lives */
	TRACE_KILLED, /* at kill_at */
	TRACE_ENDED,  /* by itself */
};

/* In a child, before its exec: the parent will follow it. */
int trace_me(void);

/* A running process; it goes on with trace_run(). */
int trace_seize(struct trace *trace, pid_t pid);

/* An enum trace_end, or a negative errno: then the process has been killed. */
int trace_run(struct trace *trace, int deadline_ms);

#endif
