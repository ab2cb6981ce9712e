// SPDX-License-Identifier: GPL-2.0-or-later
/* How a map differs from an array: found without a write, written later. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/map_delta.h"
#include "loader/kernel/maps.h"
#include "loader/util/cleanup.h"

static int compare_keys(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(const size_t *)size);
}

static const char *entry_at(const struct map_entries *want, size_t i)
{
	return (const char *)want->entries + i * want->stride;
}

/* All keys in order, for is_wanted(); free(). NULL without memory. */
static char *sort_keys(const struct map_entries *want)
{
	size_t key_size = want->key_size;
	char *keys = calloc(want->n + 1, key_size);

	for (size_t i = 0; keys && i < want->n; i++)
		memcpy(keys + i * key_size, entry_at(want, i), key_size);
	if (keys)
		qsort_r(keys, want->n, key_size, compare_keys, &key_size);

	return keys;
}

static bool is_wanted(const struct map_entries *want, const char *sorted,
		      const char *key)
{
	size_t low = 0, high = want->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(sorted + middle * want->key_size, key,
				   want->key_size);

		if (!order)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}

	return false;
}

static void find_puts(const struct map_entries *want, struct map_delta *delta)
{
	char value[MAP_DELTA_VALUE];

	for (size_t i = 0; i < want->n; i++) {
		const char *key = entry_at(want, i);
		const char *wanted = key + want->value_offset;
		char *put = delta->puts +
			    delta->n_puts * (want->key_size + want->value_size);

		if (!map_get(delta->fd, key, value) &&
		    !memcmp(value, wanted, want->value_size))
			continue;
		memcpy(put, key, want->key_size);
		memcpy(put + want->key_size, wanted, want->value_size);
		delta->n_puts++;
	}
}

static void find_drops(const struct map_entries *want, const char *sorted,
		       const char *keys, size_t n_keys, struct map_delta *delta)
{
	for (size_t i = 0; i < n_keys; i++) {
		const char *key = keys + i * want->key_size;

		if (!is_wanted(want, sorted, key))
			memcpy(delta->drops + delta->n_drops++ * want->key_size,
			       key, want->key_size);
	}
}

int map_delta_find(int fd, const struct map_entries *want, const void *keys,
		   size_t n_keys, struct map_delta *ret_delta)
{
	struct map_delta delta = {
		.fd = fd,
		.key_size = want->key_size,
		.value_size = want->value_size,
	};
	_cleanup_free_ char *sorted = sort_keys(want);

	assert(want->value_size <= MAP_DELTA_VALUE);
	*ret_delta = (struct map_delta){ 0 };
	delta.puts = calloc(want->n + 1, want->key_size + want->value_size);
	delta.drops = calloc(n_keys + 1, want->key_size);
	if (!sorted || !delta.puts || !delta.drops) {
		map_delta_clear(&delta);
		return -ENOMEM;
	}
	find_puts(want, &delta);
	find_drops(want, sorted, keys, n_keys, &delta);
	*ret_delta = delta;

	return 0;
}

int map_delta_make(const struct map_delta *delta, bool *ret_changed)
{
	int r = 0;

	if (delta->n_puts || delta->n_drops)
		*ret_changed = true;
	for (size_t i = 0; !r && i < delta->n_puts; i++) {
		const char *key =
			delta->puts + i * (delta->key_size + delta->value_size);

		r = map_put(delta->fd, key, key + delta->key_size);
	}
	for (size_t i = 0; !r && i < delta->n_drops; i++)
		r = map_del(delta->fd, delta->drops + i * delta->key_size);

	return r;
}

void map_delta_clear(struct map_delta *delta)
{
	free(delta->puts);
	free(delta->drops);
	*delta = (struct map_delta){ 0 };
}
