/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the hooks and the guard look up about a flow before they decide it. */
#ifndef SPLITD_FLOW_H
#define SPLITD_FLOW_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "bpf/decide.h"
#include "bpf/maps.h"
#include "bpf/netns.h"

#define AF_INET	   2
#define AF_INET6   10
#define LO_IFINDEX 1 /* in every namespace */

static __always_inline void sp_addr_v4(struct sp_addr *addr, __u32 v4)
{
	__u32 *word = (__u32 *)addr;

	word[0] = 0;
	word[1] = 0;
	word[2] = bpf_htonl(0xffff);
	word[3] = v4;
}

static __always_inline bool sp_addr_is_v4(const struct sp_addr *addr)
{
	const __u32 *word = (const __u32 *)addr;

	return !word[0] && !word[1] && word[2] == bpf_htonl(0xffff);
}

/* The unspecified address of either family. */
static __always_inline bool sp_addr_is_any(const struct sp_addr *addr)
{
	const __u32 *word = (const __u32 *)addr;

	return !word[0] && !word[1] && !word[3] &&
	       (!word[2] || word[2] == bpf_htonl(0xffff));
}

static __always_inline bool sp_addr_equal(const struct sp_addr *a,
					  const struct sp_addr *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1];
}

/*
 * By words: clang copies the structure by bytes, and the trie, which reads it
 * by words at once, has to wait for them. Both lie at a multiple of 8.
 */
static __always_inline void sp_addr_copy(struct sp_addr *to,
					 const struct sp_addr *from)
{
	__u64 *x = (__u64 *)to;
	const __u64 *y = (const __u64 *)from;

	x[0] = y[0];
	x[1] = y[1];
}

/*
 * A fingerprint says, in one word, all that a verdict was made of: so two CPUs
 * that send by one socket never see half of what the other remembers. Another
 * flow has the same one as likely as its sender guesses the salt.
 */
static __always_inline __u64 sp_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;

	return hash ^ hash >> 32;
}

static __always_inline __u64 sp_mix_addr(__u64 hash, const struct sp_addr *addr)
{
	const __u64 *word = (const __u64 *)addr;

	return sp_mix(sp_mix(hash, word[0]), word[1]);
}

static __always_inline __u64 sp_mix_begin(const struct sp_config *config,
					  __u32 class, __u32 ifindex)
{
	return sp_mix(sp_mix(config->salt, config->state),
		      (__u64)ifindex << 32 | class);
}

static __always_inline const struct sp_tunnel *sp_tunnel_get(__u32 tunnel)
{
	return bpf_map_lookup_elem(&sp_tunnel, &tunnel);
}

/* The tunnel of an interface; 0: it is none. */
static __always_inline __u32 sp_tunnel_of_ifindex(__u32 ifindex)
{
	__u32 *tunnel = bpf_map_lookup_elem(&sp_ifindex, &ifindex);

	return tunnel ? *tunnel : 0;
}

/* The tunnel whose address this is; 0: none's. */
static __always_inline __u32 sp_tunnel_of_addr(const struct sp_addr *addr)
{
	struct sp_owner *owner = bpf_map_lookup_elem(&sp_address, addr);

	return owner ? owner->tunnel : 0;
}

/* class -> set -> tunnel; *ret_set is 0 when the app is bound to nothing. */
static __always_inline __u32 sp_tunnel_of_class(__u32 class, __u32 *ret_set)
{
	struct sp_class *app = bpf_map_lookup_elem(&sp_class, &class);
	struct sp_set *set;

	*ret_set = 0;
	if (!app || !app->set)
		return 0;
	*ret_set = app->set;
	set = bpf_map_lookup_elem(&sp_set, ret_set);

	return set ? set->tunnel : 0;
}

/* A flow's decision, and the tunnel its app is linked to. */
struct sp_flow {
	struct sp_decision decision;
	__u32 tunnel;
	__u32 ifindex;
	__u32 mark;
	__u32 pad;
};

static __noinline int sp_decide_flow(struct sp_flow *flow, __u32 class,
				     const struct sp_addr *dst)
{
	struct sp_facts facts = { .class = class };
	struct sp_prefix_key key = { .prefixlen = 160 };
	const struct sp_tunnel *tunnel;
	struct sp_route *route;
	__u32 set;

	facts.tunnel = sp_tunnel_of_class(class, &set);
	tunnel = facts.tunnel ? sp_tunnel_get(facts.tunnel) : NULL;
	flow->tunnel = facts.tunnel;
	flow->ifindex = 0;
	flow->mark = 0;
	if (tunnel) {
		flow->ifindex = tunnel->ifindex;
		flow->mark = tunnel->mark;
		facts.tunnel_flags = tunnel->flags;
		facts.is_ipv6 = !sp_addr_is_v4(dst);
		*(__u32 *)key.set = bpf_htonl(set);
		sp_addr_copy(&key.addr, dst);
		route = bpf_map_lookup_elem(&sp_prefix, &key);
		if (route) {
			facts.has_route = 1;
			facts.route_verdict = route->verdict;
		}
		if (route && route->verdict == SP_TUNNEL &&
		    bpf_map_lookup_elem(&sp_address, dst))
			facts.dst_is_host = 1;
	}
	flow->decision = sp_decide(&facts);

	return 0;
}

#endif
