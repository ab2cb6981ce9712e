/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function with a stack of its own: while it waits, the loop goes on.
 *
 * Reading a policy is a straight line of many steps, each of which may have to
 * wait for a parser. In a fiber it stays one: fiber_wait() puts the descriptor
 * into the loop and goes back to whoever resumed the fiber, and the event
 * resumes it. No two run at once and nothing is interrupted, so there is
 * nothing to lock; but whatever a fiber found out before it waited may have
 * changed when it goes on.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <ucontext.h>
#include <unistd.h>

#include "loader/daemon/fiber.h"
#include "loader/daemon/loop.h"
#include "loader/util/cleanup.h"

/* The address sanitizer must know on whose stack we are (make asan). */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#define stack_leave(kept, to, size)                                            \
	__sanitizer_start_switch_fiber(kept, to, size)
#define stack_enter(kept, from, size)                                          \
	__sanitizer_finish_switch_fiber(kept, from, size)
#else
#define stack_leave(kept, to, size)   ((void)(kept), (void)(to), (void)(size))
#define stack_enter(kept, from, size) ((void)(kept), (void)(from), (void)(size))
#endif

#define STACK ((size_t)8 << 20) /* as the process itself has; used lazily */
#define GUARD ((size_t)64 << 10)

struct fiber {
	ucontext_t inside, outside;
	void *stack;
	int loop;
	struct source wake, timer;
	void (*fn)(void *ctx);
	void *ctx;
	struct fiber **place; /* the owner's */
	int woken;	      /* what fiber_wait() returns */
	bool over, cancelled;
	const void *below; /* the stack outside, for the sanitizer */
	size_t below_size;
};

/* On whose stack we are: a fact about the process, hence the global. */
static struct fiber *running;

static void fiber_free(struct fiber *fiber)
{
	if (!fiber)
		return;
	/* By name: a child that was just forked may have the timer, too. */
	if (fiber->timer.fd >= 0)
		loop_del(fiber->loop, &fiber->timer);
	cleanup_close(&fiber->timer.fd);
	if (fiber->stack != MAP_FAILED)
		munmap(fiber->stack, STACK);
	free(fiber);
}

DEFINE_CLEANUP(struct fiber *, fiber_free);

static void resume(struct fiber *fiber, int woken)
{
	void *kept = NULL;

	assert(!running);
	fiber->woken = woken;
	running = fiber;
	stack_leave(&kept, fiber->stack, STACK);
	swapcontext(&fiber->outside, &fiber->inside);
	stack_enter(kept, NULL, NULL);
	running = NULL;
	if (!fiber->over)
		return;
	*fiber->place = NULL;
	fiber_free(fiber);
}

static void wake_event(void *ctx, uint32_t events)
{
	(void)events;
	resume(ctx, 1);
}

static void timer_event(void *ctx, uint32_t events)
{
	(void)events;
	resume(ctx, 0);
}

/* Ends by going to uc_link, which is outside. */
static void enter(void)
{
	stack_enter(NULL, &running->below, &running->below_size);
	running->fn(running->ctx);
	running->over = true;
	stack_leave(NULL, running->below, running->below_size);
}

static int make_stack(struct fiber *fiber)
{
	fiber->stack = mmap(
		NULL, STACK, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (fiber->stack == MAP_FAILED ||
	    mprotect(fiber->stack, GUARD, PROT_NONE) < 0 ||
	    getcontext(&fiber->inside) < 0)
		return -errno;
	fiber->inside.uc_stack.ss_sp = fiber->stack;
	fiber->inside.uc_stack.ss_size = STACK;
	fiber->inside.uc_link = &fiber->outside;
	makecontext(&fiber->inside, enter, 0);
	return 0;
}

int fiber_start(int loop, void (*fn)(void *ctx), void *ctx,
		struct fiber **place)
{
	_cleanup_(fiber_free_p) struct fiber *fiber = malloc(sizeof(*fiber));
	int r;

	if (!fiber)
		return -ENOMEM;
	*fiber = (struct fiber){
		.stack = MAP_FAILED,
		.loop = loop,
		.wake = { -1, wake_event, fiber },
		.timer = { timerfd_create(CLOCK_MONOTONIC,
					  TFD_CLOEXEC | TFD_NONBLOCK),
			   timer_event, fiber },
		.fn = fn,
		.ctx = ctx,
		.place = place,
	};
	if (fiber->timer.fd < 0)
		return -errno;
	r = make_stack(fiber);
	if (r == 0)
		r = loop_add(loop, &fiber->timer, EPOLLIN);
	if (r < 0)
		return r;

	*place = fiber;
	resume(TAKE_PTR(fiber), 0);
	return 0;
}

void fiber_cancel(struct fiber *fiber)
{
	if (!fiber)
		return;
	fiber->cancelled = true;
	resume(fiber, -ECANCELED);
}

static int set_timer(const struct fiber *fiber, int ms)
{
	const struct itimerspec in = {
		.it_value = { ms / 1000, ms % 1000 * 1000000 },
	};

	return timerfd_settime(fiber->timer.fd, 0, &in, NULL) < 0 ? -errno : 0;
}

static int poll_for(int fd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int n = poll(&poll_fd, 1, timeout_ms > 0 ? timeout_ms : 0);

	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	return n > 0;
}

/* Out, to whoever resumed us; back when somebody does so again. */
static int step_out(struct fiber *fiber)
{
	void *kept = NULL;

	stack_leave(&kept, fiber->below, fiber->below_size);
	swapcontext(&fiber->inside, &fiber->outside);
	stack_enter(kept, &fiber->below, &fiber->below_size);

	return fiber->woken;
}

int fiber_wait(int fd, int timeout_ms)
{
	struct fiber *fiber = running;
	int r;

	if (!fiber || timeout_ms <= 0)
		return poll_for(fd, timeout_ms);
	if (fiber->cancelled)
		return -ECANCELED;
	fiber->wake.fd = fd;
	r = loop_add(fiber->loop, &fiber->wake, EPOLLIN);
	if (r < 0)
		return r;
	r = set_timer(fiber, timeout_ms);
	if (r == 0)
		r = step_out(fiber);
	/* Whatever it was that woke us, the other shall not do so later. */
	loop_del(fiber->loop, &fiber->wake);
	(void)set_timer(fiber, 0);
	return r;
}

bool fiber_is_cancelled(void)
{
	return running && running->cancelled;
}
