// SPDX-License-Identifier: GPL-2.0-or-later
/* Typed reads and writes of the shared maps. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/maps.h"
#include "loader/util/cleanup.h"

int map_put(int fd, const void *key, const void *value)
{
	return bpf_map_update_elem(fd, key, value, BPF_ANY) ? -errno : 0;
}

int map_del(int fd, const void *key)
{
	return bpf_map_delete_elem(fd, key) && errno != ENOENT ? -errno : 0;
}

int map_get(int fd, const void *key, void *ret_value)
{
	return bpf_map_lookup_elem(fd, key, ret_value) ? -errno : 0;
}

int map_keys(int fd, size_t key_size, void **ret_keys, size_t *ret_n)
{
	_cleanup_free_ char *keys = NULL;
	size_t n = 0, room = 0;

	for (;;) {
		const char *last = n ? keys + (n - 1) * key_size : NULL;
		char *grown;

		if (n == room) {
			room = room ? 2 * room : 64;
			grown = realloc(keys, room * key_size);
			if (!grown)
				return -ENOMEM;
			keys = grown;
			last = n ? keys + (n - 1) * key_size : NULL;
		}
		if (bpf_map_get_next_key(fd, last, keys + n * key_size)) {
			if (errno != ENOENT)
				return -errno;
			break;
		}
		n++;
	}
	*ret_keys = TAKE_PTR(keys);
	*ret_n = n;

	return 0;
}

/* ---- prefixes ---------------------------------------------------------- */

/* What a map without batches answers, as tries before 5.13; no user header. */
#define KERNEL_ENOTSUPP 524

static struct sp_prefix_key prefix_key(uint32_t set,
				       const struct prefix *prefix)
{
	struct sp_prefix_key key = {
		.prefixlen = 32u + prefix->len,
		.addr = sp_addr_of(&prefix->addr),
	};
	uint32_t wire = htonl(set);

	memcpy(key.set, &wire, sizeof(wire));

	return key;
}

int prefix_batch_put(struct prefix_batch *batch, const struct prefix *prefix)
{
	batch->keys[batch->n] = prefix_key(batch->set, prefix);
	batch->routes[batch->n] = (struct sp_route){
		.verdict = prefix->excluded ? SP_DIRECT : SP_TUNNEL,
	};

	return ++batch->n < PREFIX_BATCH ? 0 : prefix_batch_flush(batch);
}

int prefix_batch_flush(struct prefix_batch *batch)
{
	uint32_t n = batch->n, done = n;
	int r = 0;

	batch->n = 0;
	if (!n || !bpf_map_update_batch(batch->fd, batch->keys, batch->routes,
					&done, NULL))
		return 0;
	if (errno != KERNEL_ENOTSUPP)
		return -errno;
	for (uint32_t i = 0; !r && i < n; i++)
		r = map_put(batch->fd, &batch->keys[i], &batch->routes[i]);

	return r;
}

int map_prefix_del(int fd, uint32_t set, const struct prefix *prefix)
{
	struct sp_prefix_key key = prefix_key(set, prefix);

	return map_del(fd, &key);
}

/* By set, then as prefix_compare() has it. */
static int compare_prefix(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;

	if (x->origin != y->origin)
		return x->origin < y->origin ? -1 : 1;

	return prefix_compare(x, y);
}

int map_prefix_list(int fd, struct prefix **ret_prefixes, size_t *ret_n)
{
	_cleanup_free_ struct sp_prefix_key *keys = NULL;
	_cleanup_free_ struct prefix *prefixes = NULL;
	size_t n_keys, n = 0;
	int r;

	r = map_keys(fd, sizeof(*keys), (void **)&keys, &n_keys);
	if (r)
		return r;
	prefixes = calloc(n_keys + 1, sizeof(*prefixes));
	if (!prefixes)
		return -ENOMEM;
	for (size_t i = 0; i < n_keys; i++) {
		struct sp_route route;
		struct sp_prefix_key exact = keys[i];
		uint32_t wire;

		/* a lookup of the prefix itself finds it or a longer host */
		if (keys[i].prefixlen < 32 || map_get(fd, &exact, &route))
			continue;
		memcpy(&wire, keys[i].set, sizeof(wire));
		memcpy(&prefixes[n].addr, &keys[i].addr, 16);
		prefixes[n].len = (uint8_t)(keys[i].prefixlen - 32);
		prefixes[n].excluded = route.verdict != SP_TUNNEL;
		prefixes[n].origin = ntohl(wire);
		n++;
	}
	if (n)
		qsort(prefixes, n, sizeof(*prefixes), compare_prefix);
	*ret_prefixes = TAKE_PTR(prefixes);
	*ret_n = n;

	return 0;
}
