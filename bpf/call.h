/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connect() or sendmsg() as the hooks see it, and what is done to it. */
#ifndef SPLITD_CALL_H
#define SPLITD_CALL_H

#include "bpf/flow.h"

/* What connect and sendmsg have in common, in both families. */
struct sp_call {
	struct sp_addr dst;
	struct sp_addr src;   /* of this datagram, or bound; :: when open */
	struct sp_addr bound; /* the socket's own */
	__u64 cookie;
	__u32 device; /* SO_BINDTODEVICE */
	__u32 mark;
	__u16 port;
	bool locked; /* the app itself chose the bound address */
	bool is_connect;
};

/* What is to be done to the call. */
struct sp_action {
	struct sp_addr src; /* with set_src */
	__u32 reason;	    /* != SP_R_NONE: refuse */
	__u32 class;
	__u32 mark;
	bool set_src;
};

/* Did the peer write to this socket through a tunnel? Then answer there. */
static __always_inline const struct sp_peer *
sp_peer_of(const struct sp_sock *sock, const struct sp_call *call)
{
	struct sp_peer_key key = {};

	if (!sock || !(sock->flags & SP_SOCK_PEERS))
		return NULL;
	key.cookie = call->cookie;
	key.addr = call->dst;
	key.port = call->port;

	return bpf_map_lookup_elem(&sp_peer, &key);
}

static __always_inline bool sp_answer(const struct sp_peer *peer,
				      const struct sp_call *call, bool explicit,
				      struct sp_action *act)
{
	const struct sp_tunnel *tunnel;

	if (!peer)
		return false;
	tunnel = sp_tunnel_get(peer->tunnel);
	if (!tunnel || !(tunnel->flags & SP_TUN_UP))
		return false;
	if (explicit)
		return sp_tunnel_of_addr(&call->src) == peer->tunnel;
	if (call->device && call->device != tunnel->ifindex)
		return false;
	act->src = peer->local;
	act->set_src = true;

	return true;
}

static __always_inline void sp_to_tunnel(const struct sp_call *call,
					 const struct sp_flow *flow, __u32 mask,
					 bool explicit, struct sp_action *act)
{
	const struct sp_tunnel *tunnel = sp_tunnel_get(flow->tunnel);

	if (call->device && call->device != flow->ifindex) {
		act->reason = SP_R_BOUND_DEVICE;
		return;
	}
	if (explicit || (call->is_connect && !sp_addr_is_any(&call->src))) {
		if (sp_tunnel_of_addr(&call->src) != flow->tunnel)
			act->reason = SP_R_BOUND_SOURCE;
		return;
	}
	if (call->is_connect || !tunnel)
		return;
	/* this datagram left with the old mark, or an old automatic source */
	if ((call->mark & mask) != flow->mark || !sp_addr_is_any(&call->src)) {
		act->src = sp_addr_is_v4(&call->dst) ? tunnel->src4 :
						       tunnel->src6;
		act->set_src = true;
	}
}

static __always_inline void sp_to_outside(const struct sp_call *call,
					  bool explicit, struct sp_action *act)
{
	if (call->device && sp_tunnel_of_ifindex(call->device)) {
		act->reason = SP_R_TUNNEL_DEVICE;
		return;
	}
	if (sp_addr_is_any(&call->src) || !sp_tunnel_of_addr(&call->src))
		return;
	if (explicit || call->is_connect)
		act->reason = SP_R_TUNNEL_SOURCE;
	else
		act->set_src = true; /* back to the unspecified address */
}

/*
 * The whole decision of a call. explicit: the app chose the source itself, by
 * bind() or IP_PKTINFO, and not the kernel at an earlier connect().
 */
static __noinline int sp_steer(const struct sp_config *config,
			       const struct sp_call *call,
			       const struct sp_sock *sock,
			       struct sp_action *act)
{
	bool explicit =
		!sp_addr_is_any(&call->src) &&
		(call->locked || !sp_addr_equal(&call->src, &call->bound));
	__u32 class = sock ? sock->class : 0;
	struct sp_flow flow;

	sp_decide_flow(&flow, class, &call->dst);
	act->class = class;
	act->mark = flow.mark;
	if (!call->is_connect &&
	    sp_answer(sp_peer_of(sock, call), call, explicit, act))
		return 0;

	if (flow.decision.verdict == SP_BLOCK)
		act->reason = flow.decision.reason;
	else if (flow.decision.verdict == SP_TUNNEL)
		sp_to_tunnel(call, &flow, config->mark_mask, explicit, act);
	else
		sp_to_outside(call, explicit, act);

	return 0;
}

#endif
