/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decision itself: pure, the same code in the kernel and in user space. */
#ifndef SPLITD_DECIDE_H
#define SPLITD_DECIDE_H

/*
 * Code in a header, against the house rule, because there must be one decision
 * only: BPF programs inline it, `splitctl explain` and the unit tests call it.
 * The includer brings the integer types and "bpf/abi.h".
 */
#include "bpf/abi.h"

/* Which of 64 an address belongs to: it fills sp_config.address_bits. */
static inline __attribute__((always_inline)) __u32
sp_addr_hash(const struct sp_addr *addr)
{
	const __u32 *word = (const __u32 *)addr;

	return (word[0] ^ word[1] ^ word[2] ^ word[3]) * 2654435761u >> 26;
}

/* What is known of a flow when it is to be decided. */
struct sp_facts {
	__u32 class;	    /* 0: no listed app */
	__u32 tunnel;	    /* the app's; 0: linked to none, or unbound */
	__u32 tunnel_flags; /* SP_TUN_... */
	__u8 is_ipv6;	    /* the destination; v4-mapped is IPv4 */
	__u8 dst_is_host; /* the destination is one of this host's addresses */
	__u8 has_route;	  /* some prefix of the app's set matches */
	__u8 route_verdict; /* and this is what the longest says */
};

struct sp_decision {
	__u32 verdict;
	__u32 reason;
};

static inline __attribute__((always_inline)) struct sp_decision
sp_decision(__u32 verdict, __u32 reason)
{
	struct sp_decision d = { .verdict = verdict, .reason = reason };

	return d;
}

/* Where the flow has to go. */
static inline __attribute__((always_inline)) struct sp_decision
sp_decide(const struct sp_facts *f)
{
	__u32 family = f->is_ipv6 ? SP_TUN_IPV6 : SP_TUN_IPV4;

	if (!f->class)
		return sp_decision(SP_DIRECT, SP_R_APP_UNLISTED);
	if (!f->tunnel)
		return sp_decision(SP_DIRECT, SP_R_APP_UNBOUND);
	if (!f->has_route)
		return sp_decision(SP_DIRECT, SP_R_DST_UNLISTED);
	if (f->route_verdict != SP_TUNNEL)
		return sp_decision(SP_DIRECT, SP_R_DST_EXCLUDED);
	/* the kernel's local table comes before every rule: it cannot leave */
	if (f->dst_is_host)
		return sp_decision(SP_DIRECT, SP_R_HOST_ADDRESS);
	if (!(f->tunnel_flags & SP_TUN_UP)) {
		if (f->tunnel_flags & SP_TUN_DOWN_DIRECT)
			return sp_decision(SP_DIRECT, SP_R_DOWN_DIRECT);
		return sp_decision(SP_BLOCK, SP_R_TUNNEL_DOWN);
	}
	if (!(f->tunnel_flags & family))
		return sp_decision(SP_BLOCK, SP_R_FAMILY_MISSING);
	return sp_decision(SP_TUNNEL, SP_R_DST_INCLUDED);
}

/* A packet about to leave, with the decision for its flow. */
struct sp_leaving {
	struct sp_decision decision;
	__u32 tunnel;	  /* the decision's; 0 if it is not SP_TUNNEL */
	__u32 out_tunnel; /* whose interface it leaves by; 0: another */
	__u32 src_tunnel; /* whose address it carries; 0: another */
	__u8 answer;	  /* it answers what came in by src_tunnel */
	__u8 denied;	  /* and that tunnel answers nobody */
};

/* SP_R_NONE: let it go. Else why it must be dropped. */
static inline __attribute__((always_inline)) __u32
sp_judge(const struct sp_leaving *p)
{
	if (p->answer && p->src_tunnel && p->out_tunnel == p->src_tunnel)
		return p->denied ? SP_R_INBOUND_DENIED : SP_R_NONE;

	switch (p->decision.verdict) {
	case SP_TUNNEL:
		if (p->out_tunnel != p->tunnel)
			return SP_R_LEAK_INTERFACE;
		if (p->src_tunnel != p->tunnel)
			return SP_R_LEAK_SOURCE;
		return SP_R_NONE;
	case SP_DIRECT:
		if (p->out_tunnel)
			return SP_R_STRAY_INTERFACE;
		if (p->src_tunnel)
			return SP_R_STRAY_SOURCE;
		return SP_R_NONE;
	default:
		return p->decision.reason;
	}
}

#endif
