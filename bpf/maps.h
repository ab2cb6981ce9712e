/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps of abi.h, shared by all programs through their pins. */
#ifndef SPLITD_MAPS_H
#define SPLITD_MAPS_H

#include "bpf/abi.h"

const volatile struct sp_features sp_has = {};

/*
 * Hashes allocate as they grow: a preallocated table for the limits would cost
 * every small host tens of megabytes.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sp_config);
} sp_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SP_MAX_CLASSES);
	__type(key, __u32);
	__type(value, struct sp_class);
} sp_class SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SP_MAX_SETS);
	__type(key, __u32);
	__type(value, struct sp_set);
} sp_set SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SP_MAX_TUNNELS + 1);
	__type(key, __u32);
	__type(value, struct sp_tunnel);
} sp_tunnel SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, SP_MAX_PREFIXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sp_prefix_key);
	__type(value, struct sp_route);
} sp_prefix SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} sp_ifindex SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SP_MAX_ADDRESSES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sp_addr);
	__type(value, struct sp_owner);
} sp_address SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SP_MAX_EXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sp_exe_key);
	__type(value, __u32);
} sp_exe SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SP_MAX_CGROUPS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct sp_cgroup);
} sp_cgroup SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SP_MAX_EXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sp_cg_path);
	__type(value, struct sp_cgroup);
} sp_cg_path SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SP_MAX_TASKS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct sp_task);
} sp_task SEC(".maps");

/*
 * An accepted socket gets a copy of its listener's: so it is known to answer,
 * and not to be one that a process held before it was classed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct sp_sock);
} sp_sock SEC(".maps");

/*
 * Makes it where there is none. Of two that do so at the same moment (a hook, a
 * packet that comes in, the daemon with a duplicate of the socket) the kernel
 * refuses the slower one, -EAGAIN or -EEXIST, and does not show it what the
 * other made: it has to ask again. Another program's storage on the same socket
 * may be in the way once more.
 */
static __always_inline struct sp_sock *sp_sock_make(struct bpf_sock *sk)
{
	struct sp_sock *sock = NULL;

	for (int i = 0; i < 3 && !sock; i++)
		sock = bpf_sk_storage_get(&sp_sock, sk, NULL,
					  BPF_SK_STORAGE_GET_F_CREATE);

	return sock;
}

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SP_MAX_PEERS);
	__type(key, struct sp_peer_key);
	__type(value, struct sp_peer);
} sp_peer SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SP_MAX_DROP_KEYS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sp_drop_key);
	__type(value, __u64);
} sp_drop SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SP_STAT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} sp_stat SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SP_EVENTS_SIZE);
} sp_event SEC(".maps");

/* For the daemon: which app or tunnel has which number. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SP_MAX_CLASSES);
	__type(key, __u32);
	__type(value, char[SP_NAME_SIZE]);
} sp_class_name SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SP_MAX_TUNNELS + 1);
	__type(key, __u32);
	__type(value, char[SP_NAME_SIZE]);
} sp_tunnel_name SEC(".maps");

static __always_inline const struct sp_config *sp_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sp_config, &zero);
}

static __always_inline void sp_count(__u32 stat)
{
	__u64 *n = bpf_map_lookup_elem(&sp_stat, &stat);

	if (n)
		(*n)++;
}

static __always_inline void sp_count_drop(__u32 class, __u32 reason)
{
	struct sp_drop_key key = { .class = class, .reason = reason };
	__u64 one = 1, *n;

	n = bpf_map_lookup_elem(&sp_drop, &key);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&sp_drop, &key, &one, BPF_NOEXIST);
}

#endif
