/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A point in time, by the clock people set and by one that nobody can set. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "loader/daemon/moment.h"
#include "loader/util/cleanup.h"

static int64_t seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec;
}

void moment_now(struct moment *ret)
{
	_cleanup_fclose_ FILE *f =
		fopen("/proc/sys/kernel/random/boot_id", "re");

	*ret = (struct moment){ .wall = seconds(CLOCK_REALTIME),
				.uptime = seconds(CLOCK_BOOTTIME) };
	if (!f || fscanf(f, "%39s", ret->boot) != 1)
		ret->boot[0] = '\0';
}

bool moment_same_boot(const struct moment *a, const struct moment *b)
{
	return a->boot[0] && !strcmp(a->boot, b->boot);
}
