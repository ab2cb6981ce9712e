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

/* One prefix of a set in the LPM map. */
int map_prefix_put(int fd, uint32_t set, const struct prefix *prefix);
int map_prefix_del(int fd, uint32_t set, const struct prefix *prefix);
/* What the map holds: by set, which `origin` tells, and as in a policy. */
int map_prefix_list(int fd, struct prefix **ret_prefixes, size_t *ret_n);

#endif
