/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A timer by the wall clock that also tells when that clock was set. */
#ifndef SPLITD_ALARM_H
#define SPLITD_ALARM_H

#include <stdint.h>

#include "loader/daemon/loop.h"

struct alarm {
	struct source source; /* fd -1: not open */
	void (*fn)(void *ctx);
	void *ctx;
};

/*
 * Calls fn at the time, and whenever the clock was set: then the time may have
 * come, or may not have. The alarm stays where it is in memory.
 */
int alarm_open(struct alarm *alarm, int loop, void (*fn)(void *ctx), void *ctx);
void alarm_close(struct alarm *alarm);

/* at: seconds since the epoch; a past one is at once, INT64_MAX is never. */
int alarm_set(struct alarm *alarm, int64_t at);

#endif
