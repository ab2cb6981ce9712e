/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up everything: how the child that parses is confined. */
#ifndef SPLITD_ISOLATE_H
#define SPLITD_ISOLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Found out beforehand: a confined process cannot look up users any more. */
struct isolation {
	bool change_user; /* we may; else the child keeps ours */
	uid_t uid;
	gid_t gid;
	size_t memory; /* bytes of address space we have already */
};

void isolation_find(struct isolation *ret_isolation);

/*
 * For the child, once: closes all descriptors but keep_fd (which may get
 * another number: it is returned), becomes nobody, drops all capabilities,
 * sets limits, and leaves it the system calls that computing in memory and
 * writing to keep_fd need. A negative errno: do not go on.
 */
int isolate(const struct isolation *isolation, int keep_fd);

/*
 * For the daemon: no core dump, no tracing by others. Profiles may hold private
 * keys, and their bytes pass through its memory.
 */
int isolate_memory(void);

#endif
