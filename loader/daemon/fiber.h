/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A function with a stack of its own: while it waits, the loop goes on. */
#ifndef SPLITD_FIBER_H
#define SPLITD_FIBER_H

#include <stdbool.h>

struct fiber;

/*
 * Calls fn, which runs until it waits for the first time or is over; the loop
 * goes on with it from there. *fiber, which must be NULL, is set meanwhile and
 * NULL again once fn has returned: that may be before this returns.
 */
int fiber_start(int loop, void (*fn)(void *ctx), void *ctx,
		struct fiber **fiber);

/* Lets fn come to its end without waiting for anything any more. */
void fiber_cancel(struct fiber *fiber);

/*
 * Waits for the descriptor to become readable: 1, or 0 when the time is over.
 * In a fiber others are served meanwhile, elsewhere this is poll(). -ECANCELED
 * when the fiber is to come to an end, or another negative errno.
 */
int fiber_wait(int fd, int timeout_ms);

/* Is it a fiber that runs, and is it to come to an end? */
bool fiber_is_cancelled(void);

#endif
