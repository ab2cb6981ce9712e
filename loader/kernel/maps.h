/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Typed reads and writes of the shared maps. */
#ifndef SPLITD_MAP_IO_H
#define SPLITD_MAP_IO_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "policy/plan/policy.h"

/* Element of any map; deleting what is not there is success. */
int map_put(int fd, const void *key, const void *value);
int map_del(int fd, const void *key);
/* -ENOENT when absent. */
int map_get(int fd, const void *key, void *ret_value);

/* All keys of a map at once, so that it may be changed while walking them. */
int map_keys(int fd, size_t key_size, void **ret_keys, size_t *ret_n);

static inline struct sp_addr sp_addr_of(const struct in6_addr *addr)
{
	struct sp_addr out;

	__builtin_memcpy(&out, addr, sizeof(out));

	return out;
}

/*
 * Prefixes of a set on their way into the LPM map, many in one call: with a
 * call for each, a million take 1.9 s instead of 1.1 (bench/FINDINGS.md). What
 * was put is there after a flush.
 */
#define PREFIX_BATCH 256
struct prefix_batch {
	int fd;
	uint32_t set;
	uint32_t n;
	struct sp_prefix_key keys[PREFIX_BATCH];
	struct sp_route routes[PREFIX_BATCH];
};

int prefix_batch_put(struct prefix_batch *batch, const struct prefix *prefix);
int prefix_batch_flush(struct prefix_batch *batch);

int map_prefix_del(int fd, uint32_t set, const struct prefix *prefix);
/* What the map holds: by set, which `origin` tells, and as in a policy. */
int map_prefix_list(int fd, struct prefix **ret_prefixes, size_t *ret_n);

#endif
