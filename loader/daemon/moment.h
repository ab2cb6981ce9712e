/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A point in time, by the clock people set and by one that nobody can set. */
#ifndef SPLITD_MOMENT_H
#define SPLITD_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

struct moment {
	int64_t wall;	/* seconds since the epoch */
	int64_t uptime; /* seconds since boot, suspended ones too */
	char boot[40];	/* which boot; "": unknown */
};

/* Now, in full seconds that have passed. */
void moment_now(struct moment *ret_now);

bool moment_same_boot(const struct moment *a, const struct moment *b);

#endif
