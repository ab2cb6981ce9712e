/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a map differs from an array: found without a write, written later. */
#ifndef SPLITD_MAP_DELTA_H
#define SPLITD_MAP_DELTA_H

#include <stdbool.h>
#include <stddef.h>

#define MAP_DELTA_VALUE 16 /* bytes of a value, at most */

/* What a map should hold: entries that begin with a key; borrowed. */
struct map_entries {
	const void *entries;
	size_t n, stride;
	size_t key_size, value_offset, value_size;
};

/* Owned: keys with their values behind them, and keys. Zeroes are none. */
struct map_delta {
	int fd;
	size_t key_size, value_size;
	char *puts;
	size_t n_puts;
	char *drops;
	size_t n_drops;
};

/*
 * Finds the entries that the map lacks or has another value for, and which of
 * these keys (of the map's, those that may go) nobody wants. On failure
 * *ret_delta holds nothing.
 */
int map_delta_find(int fd, const struct map_entries *want, const void *keys,
		   size_t n_keys, struct map_delta *ret_delta);

/*
 * Writes it, in the order of the entries; what goes, goes last. *ret_changed
 * becomes true before anything is written, and stays as it is else.
 */
int map_delta_make(const struct map_delta *delta, bool *ret_changed);

void map_delta_clear(struct map_delta *delta);

#endif
