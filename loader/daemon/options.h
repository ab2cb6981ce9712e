/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitd's command line. */
#ifndef SPLITD_OPTIONS_H
#define SPLITD_OPTIONS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "loader/kernel/engine.h"

enum mode {
	MODE_SERVE,
	MODE_CHECK,
	MODE_PURGE,
	MODE_PROBE,
	MODE_SELFTEST,
};

/* All paths absolute and owned here; engine borrows two of them. */
struct options {
	enum mode mode;
	char *policy, *state, *run, *cgroup, *bpffs, *host;
	struct engine_options engine;
};

/* Exit statuses of both programs (contract). */
#define EXIT_FAILED 1
#define EXIT_USAGE  2

/*
 * Fills in everything, defaults included. 0; -EINVAL for a usage error, which
 * has been printed; -ENOENT when there is no cgroup2 mount and none is named.
 * --help and --version print and exit.
 */
int options_parse(int argc, char **argv, struct options *ret_options);

void options_clear(struct options *options);

/*
 * How many tunnels the mark has room for: tunnel i of them carries
 * value + i * (lowest bit of mask), and no bit outside the mask.
 */
unsigned int options_mark_room(uint32_t value, uint32_t mask);

/* "VALUE/MASK", decimal or 0x...; -EINVAL when it makes no mark. */
int options_parse_mark(const char *text, uint32_t *ret_value,
		       uint32_t *ret_mask);

#endif
