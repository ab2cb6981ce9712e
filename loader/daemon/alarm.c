/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A timer by the wall clock that also tells when that clock was set. */
#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "loader/daemon/alarm.h"
#include "loader/util/cleanup.h"

/* A kernel's clock ends in 2262; only a timer that runs tells of its setting.
 */
#define NEVER 9000000000

static void alarm_event(void *ctx, uint32_t events)
{
	struct alarm *alarm = ctx;
	uint64_t count;

	(void)events;
	/* ECANCELED: the clock was set. */
	if (read(alarm->source.fd, &count, sizeof(count)) < 0 &&
	    errno == EAGAIN)
		return;
	alarm->fn(alarm->ctx);
}

int alarm_open(struct alarm *alarm, int loop, void (*fn)(void *ctx), void *ctx)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	*alarm = (struct alarm){ { fd, alarm_event, alarm }, fn, ctx };
	return loop_add(loop, &alarm->source, EPOLLIN);
}

void alarm_close(struct alarm *alarm)
{
	cleanup_close(&alarm->source.fd);
	alarm->source.fd = -1;
}

static int set(const struct alarm *alarm, int64_t at)
{
	const struct itimerspec when = { .it_value.tv_sec = at };

	return timerfd_settime(alarm->source.fd,
			       TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
			       &when, NULL) < 0 ?
		       -errno :
		       0;
}

int alarm_set(struct alarm *alarm, int64_t at)
{
	int r;

	/* 0 would disarm. */
	at = at < 1 ? 1 : at;
	r = set(alarm, at < NEVER ? at : NEVER);
	/* Set since somebody read the alarm, which must not be lost. */
	return r == -ECANCELED ? set(alarm, 1) : r;
}
