// SPDX-License-Identifier: GPL-2.0-or-later
/* A program for each way to find an address's verdict; never attached. */
#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench/tries.h"

char _license[] SEC("license") = "GPL";

#define MAP(name, kind, key_type, value_type, n, flags)                        \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_##kind);                             \
		__uint(max_entries, n);                                        \
		__uint(map_flags, flags);                                      \
		__type(key, key_type);                                         \
		__type(value, value_type);                                     \
	} name SEC(".maps")
/* The map itself is made by who fills it. */
#define MAP_OF(name, value_type)                                               \
	struct name##_inner {                                                  \
		__uint(type, BPF_MAP_TYPE_ARRAY);                              \
		__uint(max_entries, 1);                                        \
		__uint(map_flags, BPF_F_INNER_MAP);                            \
		__uint(key_size, sizeof(__u32));                               \
		__uint(value_size, sizeof(value_type));                        \
	};                                                                     \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                      \
		__uint(max_entries, SP_MAX_SETS);                              \
		__type(key, __u32);                                            \
		__array(values, struct name##_inner);                          \
	} name SEC(".maps")

MAP(address, ARRAY, __u32, struct sp_addr, ADDRESSES, 0);
MAP(trie, LPM_TRIE, struct sp_prefix_key, struct sp_route, SP_MAX_PREFIXES,
    BPF_F_NO_PREALLOC);
MAP(trie4, LPM_TRIE, struct key4, struct sp_route, SP_MAX_PREFIXES,
    BPF_F_NO_PREALLOC);
MAP(trie6, LPM_TRIE, struct sp_prefix_key, struct sp_route, SP_MAX_PREFIXES,
    BPF_F_NO_PREALLOC);
MAP(dir, ARRAY, __u32, struct dir_share, DIR_SIZE, 0);
MAP(deep, LPM_TRIE, struct key4, struct sp_route, SP_MAX_PREFIXES,
    BPF_F_NO_PREALLOC);
MAP(lengths, HASH, struct hash_key, __u64, SP_MAX_PREFIXES, BPF_F_NO_PREALLOC);
MAP(blocks, HASH, struct hash_key, __u64, SP_MAX_PREFIXES, BPF_F_NO_PREALLOC);
MAP(cache, LRU_HASH, struct sp_prefix_key, __u64, 65536, 0);
MAP_OF(ranges, struct range4);
MAP_OF(halving, struct range4);
MAP_OF(ranges6, struct range6);

struct tries_state state;

static __always_inline __u32 address_v4(const struct sp_addr *addr)
{
	return ((const __u32 *)addr)[3];
}

static __always_inline bool address_is_v4(const struct sp_addr *addr)
{
	const __u32 *word = (const __u32 *)addr;

	return !word[0] && !word[1] && word[2] == bpf_htonl(0xffff);
}

static __always_inline __u8 verdict_of(const struct sp_route *route)
{
	return route ? route->verdict : 0;
}

static __always_inline struct sp_prefix_key key_of(const struct sp_addr *addr)
{
	struct sp_prefix_key key = { .prefixlen = 160, .addr = *addr };

	*(__u32 *)key.set = bpf_htonl(SET);
	return key;
}

static __always_inline __u8 ask_nothing(const struct sp_addr *addr)
{
	return addr->byte[15] >> 7;
}

static __always_inline __u8 ask_trie(const struct sp_addr *addr)
{
	struct sp_prefix_key key = key_of(addr);

	return verdict_of(bpf_map_lookup_elem(&trie, &key));
}

/* The same, but the key is written by words, as the trie reads it. */
static __always_inline __u8 ask_words(const struct sp_addr *addr)
{
	struct sp_prefix_key key = { .prefixlen = 160 };
	const __u32 *from = (const __u32 *)addr;
	__u32 *to = (__u32 *)&key.addr;

	*(__u32 *)key.set = bpf_htonl(SET);
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
	return verdict_of(bpf_map_lookup_elem(&trie, &key));
}

static __always_inline __u8 ask_trie6(const struct sp_addr *addr)
{
	struct sp_prefix_key key = key_of(addr);

	return verdict_of(bpf_map_lookup_elem(&trie6, &key));
}

static __always_inline __u8 ask_key4(void *map, __u32 v4)
{
	struct key4 key = { .prefixlen = 64 };

	*(__u32 *)key.set = bpf_htonl(SET);
	*(__u32 *)key.addr = v4;
	return verdict_of(bpf_map_lookup_elem(map, &key));
}

static __always_inline __u8 ask_two(const struct sp_addr *addr)
{
	if (!address_is_v4(addr))
		return ask_trie6(addr);
	return ask_key4(&trie4, address_v4(addr));
}

static __always_inline __u8 ask_dir24(const struct sp_addr *addr)
{
	struct dir_share *share;
	__u32 v4, at;
	__u8 verdict, deeper;

	if (!address_is_v4(addr))
		return ask_trie6(addr);
	v4 = bpf_ntohl(address_v4(addr)) >> 8;
	at = v4 / DIR_SHARE;
	share = bpf_map_lookup_elem(&dir, &at);
	if (!share)
		return 0;
	verdict = share->verdict[v4 % DIR_SHARE];
	if (!(verdict & DIR_DEEP))
		return verdict;
	deeper = ask_key4(&deep, address_v4(addr));
	return deeper ? deeper : verdict & ~DIR_DEEP;
}

static __always_inline __u8 ask_lengths(const struct sp_addr *addr)
{
	struct hash_key key = { .set = { SET } };
	__u64 there = state.lengths, *verdict;
	__u32 v4;

	if (!address_is_v4(addr))
		return ask_trie6(addr);
	v4 = bpf_ntohl(address_v4(addr));
	for (int len = 32; len > 0; len--) {
		if (!(there >> len & 1))
			continue;
		key.len = len;
		key.addr = v4 >> (32 - len) << (32 - len);
		verdict = bpf_map_lookup_elem(&lengths, &key);
		if (verdict)
			return *verdict;
	}
	return 0;
}

/* The longest match of the four bits in a block; 0: none. */
static __always_inline __u8 block_match(__u64 block, __u32 bits)
{
	for (int depth = BLOCK_DEPTH - 1; depth >= 0; depth--) {
		__u32 node =
			(1 << depth) - 1 + (bits >> (BLOCK_DEPTH - 1 - depth));
		__u8 verdict = block >> (2 * node) & 3;

		if (verdict)
			return verdict;
	}
	return 0;
}

static __always_inline __u8 ask_blocks(const struct sp_addr *addr)
{
	struct hash_key key = { .set = { SET } };
	__u64 there = state.levels, *block;
	__u8 verdict;
	__u32 v4;

	if (!address_is_v4(addr))
		return ask_trie6(addr);
	v4 = bpf_ntohl(address_v4(addr));
	for (int level = BLOCK_LEVELS - 1; level >= 0; level--) {
		__u32 below = 32 - level * BLOCK_DEPTH;

		if (!(there >> level & 1))
			continue;
		key.len = level;
		key.addr = (__u64)v4 >> below << below;
		block = bpf_map_lookup_elem(&blocks, &key);
		if (!block)
			continue;
		verdict = block_match(*block,
				      (__u64)(v4 - key.addr) << 4 >> below);
		if (verdict)
			return verdict;
	}
	return 0;
}

static __always_inline __u8 ask_cached(const struct sp_addr *addr)
{
	struct sp_prefix_key key = key_of(addr);
	__u64 *known = bpf_map_lookup_elem(&cache, &key), verdict;

	if (known)
		return *known;
	verdict = verdict_of(bpf_map_lookup_elem(&trie, &key));
	bpf_map_update_elem(&cache, &key, &verdict, BPF_ANY);
	return verdict;
}

static __always_inline __u8 ranges6_search(const struct sp_addr *addr)
{
	__u64 high = bpf_be64_to_cpu(((const __u64 *)addr)[0]);
	__u64 low = bpf_be64_to_cpu(((const __u64 *)addr)[1]);
	__u32 set = SET, from = 0, to, middle;
	void *inner = bpf_map_lookup_elem(&ranges6, &set);
	struct range6 *range;

	range = inner ? bpf_map_lookup_elem(inner, &from) : NULL;
	if (!range)
		return 0;
	from = 1;
	to = range->low;
	for (int i = 0; i < RANGE_STEPS && from < to; i++) {
		middle = (from + to + 1) / 2;
		range = bpf_map_lookup_elem(inner, &middle);
		if (!range)
			return 0;
		if (range->high < high ||
		    (range->high == high && range->low <= low))
			from = middle;
		else
			to = middle - 1;
	}
	range = bpf_map_lookup_elem(inner, &from);
	return range ? range->verdict : 0;
}

static __always_inline __u8 ranges_search(void *outer,
					  const struct sp_addr *addr)
{
	__u32 v4 = bpf_ntohl(address_v4(addr)), at = SET, from, to;
	void *inner = bpf_map_lookup_elem(outer, &at);
	struct range4 *range;

	at = 0;
	range = inner ? bpf_map_lookup_elem(inner, &at) : NULL;
	if (!range)
		return 0;
	at = 1 + ((__u64)v4 >> (32 - (range->a & 31)));
	range = bpf_map_lookup_elem(inner, &at);
	if (!range)
		return 0;
	from = range->a;
	to = range->b;
	for (int i = 0; i < RANGE_STEPS && from < to; i++) {
		at = (from + to + 1) / 2;
		range = bpf_map_lookup_elem(inner, &at);
		if (!range)
			return 0;
		if (range->a <= v4)
			from = at;
		else
			to = at - 1;
	}
	range = bpf_map_lookup_elem(inner, &from);
	return range ? range->b : 0;
}

static __always_inline __u8 ask_ranges(const struct sp_addr *addr)
{
	return address_is_v4(addr) ? ranges_search(&ranges, addr) :
				     ranges6_search(addr);
}

/* The same without an index: as if all prefixes were close to each other. */
static __always_inline __u8 ask_halving(const struct sp_addr *addr)
{
	return address_is_v4(addr) ? ranges_search(&halving, addr) :
				     ranges6_search(addr);
}

/*
 * Which address comes next hangs on the last answer, as far as a processor can
 * tell: none is looked for before it has found the one before.
 */
#define PROGRAM(name)                                                          \
	SEC("tc") int look_##name(struct __sk_buff *skb)                       \
	{                                                                      \
		__u32 at = state.cursor;                                       \
		__u64 total = state.sum;                                       \
		__u8 last = 0;                                                 \
                                                                               \
		for (int i = 0; i < LOOKUPS; i++) {                            \
			__u32 key = (at + i + (last >> 6)) & state.mask;       \
			struct sp_addr *addr;                                  \
                                                                               \
			addr = bpf_map_lookup_elem(&address, &key);            \
			if (!addr)                                             \
				break;                                         \
			last = ask_##name(addr);                               \
			total = total * 31 + last;                             \
		}                                                              \
		state.cursor = at + LOOKUPS;                                   \
		state.sum = total;                                             \
		return 0;                                                      \
	}

PROGRAM(nothing)
PROGRAM(trie)
PROGRAM(words)
PROGRAM(two)
PROGRAM(dir24)
PROGRAM(lengths)
PROGRAM(blocks)
PROGRAM(cached)
PROGRAM(ranges)
PROGRAM(halving)
