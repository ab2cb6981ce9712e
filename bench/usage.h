/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much memory the kernel says something takes, in bytes. */
#ifndef SPLITD_BENCH_USAGE_H
#define SPLITD_BENCH_USAGE_H

/*
 * Of a map by its descriptor: fdinfo's memlock; 0: it does not say. Before
 * Linux 6.4 that of a hash is what it would have when it is full.
 */
long usage_map(int map);

/* Of a memory cgroup by such a file of it; -1 and errno when unreadable. */
long usage_read(const char *path);

#endif
