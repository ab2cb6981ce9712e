// SPDX-License-Identifier: GPL-2.0-or-later
/* Refuses the wrong way: verdict against interface and source address. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "bpf/flow.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * Two programs and a memory. The *guard* sees what sockets send, after routing,
 * on every interface: it believes neither marks nor routes and decides the flow
 * anew. The *door* sits on the tunnel's own egress and sees what has no app
 * socket. The memory, at ingress, notes who wrote to a UDP server through a
 * tunnel, because a datagram socket has no notion of "the answer".
 */

#define AF_PACKET	   17

#define ETH_P_IP	   0x0800
#define ETH_P_IPV6	   0x86dd
#define ETH_P_ARP	   0x0806

#define TCP_FLAG_SYN	   0x02
#define TCP_FLAG_RST	   0x04
#define TCP_FLAG_ACK	   0x10
#define TCP_FLAGS	   0x17 /* with FIN */

#define IPPROTO_HOPOPTS	   0
#define IPPROTO_ROUTING	   43
#define IPPROTO_FRAGMENT   44
#define IPPROTO_DSTOPTS	   60
#define IPPROTO_ICMPV6	   58

#define SOCK_BINDADDR_LOCK 4
#define SOCK_BINDPORT_LOCK 8

#define PASS		   1
#define DROP		   0

#define DOOR_PASS	   0 /* TC_ACT_OK */
#define DOOR_DROP	   2 /* TC_ACT_SHOT */

/* The parts of a packet that rules speak of. */
struct sp_packet {
	struct sp_addr src;
	struct sp_addr dst;
	__u32 l4; /* offset from the network header */
	__u8 proto;
	__u8 hops;     /* TTL or hop limit */
	bool fragment; /* not the first one: no ports */
	bool sourced;  /* it names hops: dst is not where it ends */
	bool is_ipv6;
};

static __always_inline int sp_load(struct __sk_buff *skb, __u32 offset,
				   void *to, __u32 size)
{
	return bpf_skb_load_bytes_relative(skb, offset, to, size,
					   BPF_HDR_START_NET);
}

/*
 * A function of its own: inlined, clang shares the address of the member
 * between two uses, and the verifier forbids a context pointer with an offset.
 */
static __noinline __u32 sp_ethertype(struct __sk_buff *skb)
{
	return skb->protocol;
}

static __always_inline int sp_parse_ipv4(struct __sk_buff *skb,
					 struct sp_packet *packet)
{
	struct iphdr ip;

	if (sp_load(skb, 0, &ip, sizeof(ip)))
		return -1;
	sp_addr_v4(&packet->src, ip.saddr);
	sp_addr_v4(&packet->dst, ip.daddr);
	packet->proto = ip.protocol;
	packet->hops = ip.ttl;
	packet->l4 = ip.ihl * 4;
	packet->sourced = ip.ihl > 5; /* LSRR, SSRR: RFC 791, 3.1 */
	packet->fragment = ip.frag_off & bpf_htons(0x1fff);

	return 0;
}

/* Looks through a hop-by-hop header: MLD always has one (RFC 3810, 5). */
static __always_inline int sp_parse_ipv6(struct __sk_buff *skb,
					 struct sp_packet *packet)
{
	struct ipv6hdr ip;
	__u8 next[4];

	if (sp_load(skb, 0, &ip, sizeof(ip)))
		return -1;
	__builtin_memcpy(&packet->src, &ip.saddr, 16);
	__builtin_memcpy(&packet->dst, &ip.daddr, 16);
	packet->is_ipv6 = true;
	packet->proto = ip.nexthdr;
	packet->hops = ip.hop_limit;
	packet->l4 = sizeof(ip);
	if (packet->proto == IPPROTO_HOPOPTS) {
		if (sp_load(skb, packet->l4, next, sizeof(next)))
			return -1;
		packet->proto = next[0];
		packet->l4 += (next[1] + 1) * 8;
	}
	packet->sourced = packet->proto == IPPROTO_ROUTING ||
			  packet->proto == IPPROTO_DSTOPTS;
	if (packet->proto != IPPROTO_FRAGMENT)
		return 0;
	if (sp_load(skb, packet->l4, next, sizeof(next)))
		return -1;
	packet->proto = next[0];
	packet->fragment = next[2] || next[3] & 0xf8; /* RFC 8200, 4.5 */
	packet->l4 += 8;

	return 0;
}

static __always_inline int sp_parse(struct __sk_buff *skb,
				    struct sp_packet *packet)
{
	__u32 protocol = sp_ethertype(skb);

	if (protocol == bpf_htons(ETH_P_IP))
		return sp_parse_ipv4(skb, packet);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return sp_parse_ipv6(skb, packet);

	return -1;
}

/* Does the socket answer here what came in by the tunnel of its source? */
static __always_inline bool sp_answers(struct __sk_buff *skb,
				       struct bpf_sock *sk,
				       const struct sp_sock *sock,
				       const struct sp_packet *packet)
{
	struct sp_peer_key key = {};

	if (packet->proto == IPPROTO_TCP)
		return sk->state == BPF_TCP_LISTEN ||
		       (sock && sock->flags & SP_SOCK_INBOUND);
	if (packet->proto != IPPROTO_UDP || !sock ||
	    !(sock->flags & SP_SOCK_PEERS))
		return false;
	/* later fragments have no ports: they follow the first one */
	if (packet->fragment)
		return true;
	key.cookie = bpf_get_socket_cookie(skb);
	key.addr = packet->dst;
	if (sp_load(skb, packet->l4 + 2, &key.port, sizeof(key.port)))
		return false;

	return bpf_map_lookup_elem(&sp_peer, &key) != NULL;
}

/* Sockets the kernel keeps for itself hold no reference on their namespace. */
static __always_inline bool sp_is_kernel_sock(struct bpf_sock *sk)
{
	struct sock *raw = sp_raw_sock(sk);

	return !BPF_CORE_READ_BITFIELD_PROBED(raw, __sk_common.skc_net_refcnt);
}

/*
 * The judgement of one packet of a socket: SP_R_NONE or why it must not leave.
 * Most of a listed app are of a flow that was let go before.
 */
static __noinline __u32 sp_judge_socket(struct __sk_buff *skb,
					struct bpf_sock *sk,
					struct sp_sock *sock,
					const struct sp_packet *packet,
					const struct sp_config *config)
{
	__u32 class = sock ? sock->class : 0;
	struct sp_leaving leaving = {};
	const struct sp_tunnel *via;
	__u64 fingerprint = 0;
	struct sp_flow flow;
	__u32 reason;

	if (class && !packet->sourced) {
		fingerprint = sp_mix_begin(config, class, skb->ifindex);
		fingerprint = sp_mix_addr(fingerprint, &packet->src);
		fingerprint = sp_mix_addr(fingerprint, &packet->dst);
		if (sock->passed == fingerprint)
			return SP_R_NONE;
	}
	if (config->tunnel_bits & SP_BIT(skb->ifindex))
		leaving.out_tunnel = sp_tunnel_of_ifindex(skb->ifindex);
	if (config->address_bits & SP_BIT(sp_addr_hash(&packet->src)))
		leaving.src_tunnel = sp_tunnel_of_addr(&packet->src);
	if (!class) {
		if (!leaving.out_tunnel && !leaving.src_tunnel)
			return SP_R_NONE;
		if (sp_netns_of(sk) != config->netns || sp_is_kernel_sock(sk))
			return SP_R_NONE;
	}

	sp_decide_flow(&flow, class, &packet->dst);
	/* a listed app names hops: where it ends is not for us to find out */
	if (class && flow.tunnel && packet->sourced)
		return SP_R_LEAK_INTERFACE;
	leaving.decision = flow.decision;
	if (flow.decision.verdict == SP_TUNNEL)
		leaving.tunnel = flow.tunnel;
	if (leaving.src_tunnel && flow.decision.verdict != SP_TUNNEL &&
	    sp_answers(skb, sk, sock, packet)) {
		via = sp_tunnel_get(leaving.src_tunnel);
		leaving.answer = 1;
		leaving.denied = via && via->flags & SP_TUN_DENY_INBOUND;
		fingerprint = 0; /* a peer may be forgotten */
	}
	reason = sp_judge(&leaving);
	if (sock && fingerprint && !reason)
		sock->passed = fingerprint;

	return reason;
}

/*
 * Most packets are of unlisted apps and touch no tunnel: a bit for the
 * interface and one for the source address say so, before anything is copied.
 * At this hook the packet begins with its network header.
 */
static __always_inline bool sp_is_elsewhere(struct __sk_buff *skb,
					    const struct sp_config *config)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip6 = data;
	struct iphdr *ip = data;
	struct sp_addr src;

	if (config->tunnel_bits & SP_BIT(skb->ifindex))
		return false;
	if (sp_ethertype(skb) == bpf_htons(ETH_P_IP)) {
		if ((void *)(ip + 1) > end)
			return false;
		sp_addr_v4(&src, ip->saddr);
	} else {
		if ((void *)(ip6 + 1) > end)
			return false;
		__builtin_memcpy(&src, &ip6->saddr, 16);
	}

	return !(config->address_bits & SP_BIT(sp_addr_hash(&src)));
}

/* An error means allow where no packet can be meant: no socket, no IP. */
SEC("cgroup_skb/egress")
int sp_egress(struct __sk_buff *skb)
{
	const struct sp_config *config = sp_settings();
	struct bpf_sock *sk = skb->sk;
	struct sp_packet packet = {};
	struct sp_sock *sock;
	__u32 reason, class;

	if (!config || !sk || skb->ifindex == LO_IFINDEX)
		return PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return PASS;
	sock = bpf_sk_storage_get(&sp_sock, sk, NULL, 0);
	class = sock ? sock->class : 0;
	if ((!class && sp_is_elsewhere(skb, config)) || sp_parse(skb, &packet))
		return PASS;
	reason = sp_judge_socket(skb, sk, sock, &packet, config);
	if (!reason)
		return PASS;
	sp_count_drop(class, reason);

	return config->flags & SP_CONFIG_SHADOW ? PASS : DROP;
}

/* Is this an answer to what the socket's own app asks through the tunnel? */
static __always_inline bool sp_is_own_flow(const struct sp_sock *sock,
					   const struct sp_addr *peer)
{
	struct sp_flow flow;

	if (!sock || !sock->class)
		return false;
	sp_decide_flow(&flow, sock->class, peer);

	return flow.decision.verdict == SP_TUNNEL;
}

/*
 * Remembers peers of UDP servers: of sockets whose app chose the port or the
 * address, so that nobody beyond the tunnel can pull a client's flow into it by
 * writing to its ephemeral port. An error means allow.
 */
SEC("cgroup_skb/ingress")
int sp_ingress(struct __sk_buff *skb)
{
	const struct sp_config *config = sp_settings();
	struct sp_packet packet = {};
	struct sp_peer_key key = {};
	struct sp_peer peer = {};
	struct bpf_sock *sk;
	struct sp_sock *sock;
	struct sock *raw;

	if (!config)
		return PASS;
	sk = skb->sk;
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || sk->protocol != IPPROTO_UDP)
		return PASS;
	if (config->tunnel_bits & SP_BIT(skb->ifindex))
		peer.tunnel = sp_tunnel_of_ifindex(skb->ifindex);
	sock = bpf_sk_storage_get(&sp_sock, sk, NULL, 0);
	if (!peer.tunnel && !(sock && sock->flags & SP_SOCK_PEERS))
		return PASS;
	if (sp_parse(skb, &packet) || packet.proto != IPPROTO_UDP ||
	    packet.fragment || sp_netns_of(sk) != config->netns)
		return PASS;
	key.cookie = bpf_get_socket_cookie(skb);
	key.addr = packet.src;
	if (sp_load(skb, packet.l4, &key.port, sizeof(key.port)))
		return PASS;
	if (!peer.tunnel) {
		/* it has come over: so does the answer */
		bpf_map_delete_elem(&sp_peer, &key);
		return PASS;
	}

	raw = sp_raw_sock(sk);
	if (!(BPF_CORE_READ_BITFIELD_PROBED(raw, sk_userlocks) &
	      (SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK)))
		return PASS;
	sock = sp_sock_make(sk);
	if (!sock || sp_is_own_flow(sock, &packet.src))
		return PASS;
	sock->flags |= SP_SOCK_PEERS;
	peer.local = packet.dst;
	bpf_map_update_elem(&sp_peer, &key, &peer, BPF_ANY);

	return PASS;
}

/* What the kernel itself says in answer to a packet that came in. */
static __always_inline bool sp_kernel_answer(struct __sk_buff *skb,
					     const struct sp_packet *packet)
{
	__u8 byte;

	if (packet->fragment)
		/* a long echo reply */
		return packet->proto == IPPROTO_ICMP ||
		       packet->proto == IPPROTO_ICMPV6;
	if (packet->proto == IPPROTO_TCP) {
		if (sp_load(skb, packet->l4 + 13, &byte, 1))
			return false;
		/* RST to a closed port; ACK of TIME_WAIT before 6.13 */
		return byte & TCP_FLAG_RST ||
		       (byte & TCP_FLAGS) == TCP_FLAG_ACK;
	}
	if (sp_load(skb, packet->l4, &byte, 1))
		return false;
	if (packet->proto == IPPROTO_ICMP) /* echo reply, errors (RFC 792) */
		return byte == 0 || byte == 3 || byte == 11 || byte == 12;
	if (packet->proto == IPPROTO_ICMPV6) /* the same (RFC 4443) */
		return (byte >= 1 && byte <= 4) || byte == 129;

	return false;
}

/* What a link needs to live: ND, MLD, IGMP, none of which leaves the link. */
static __always_inline bool sp_link_upkeep(struct __sk_buff *skb,
					   const struct sp_packet *packet)
{
	__u8 type;

	if (packet->proto == IPPROTO_IGMP)
		return packet->hops == 1; /* RFC 3376, 4 */
	if (packet->proto != IPPROTO_ICMPV6 ||
	    sp_load(skb, packet->l4, &type, 1))
		return false;
	if (type >= 133 && type <= 137)
		return packet->hops == 255; /* ND, RFC 4861 */

	return (type == 143 || (type >= 130 && type <= 132)) &&
	       packet->hops == 1; /* MLD, RFC 3810, 5 */
}

/* A packet without an app's full socket: exactly these may enter the tunnel. */
static __noinline __u32 sp_judge_kernel_made(struct __sk_buff *skb,
					     const struct sp_packet *packet,
					     __u32 tunnel, __u32 state)
{
	const struct sp_tunnel *via = sp_tunnel_get(tunnel);
	__u8 flags = 0;
	bool answer;

	if (sp_link_upkeep(skb, packet))
		return SP_R_NONE;
	if (sp_tunnel_of_addr(&packet->src) != tunnel)
		return SP_R_DOOR_SOURCE;
	if (packet->proto == IPPROTO_TCP &&
	    sp_load(skb, packet->l4 + 13, &flags, 1))
		return SP_R_DOOR_MALFORMED;

	if (state == BPF_TCP_TIME_WAIT && packet->proto == IPPROTO_TCP)
		return flags & TCP_FLAG_SYN ? SP_R_DOOR_UNKNOWN : SP_R_NONE;
	if (state == BPF_TCP_NEW_SYN_RECV)
		answer = flags & TCP_FLAG_SYN && flags & TCP_FLAG_ACK;
	else
		answer = sp_kernel_answer(skb, packet);
	if (!answer)
		return SP_R_DOOR_UNKNOWN;

	return via && via->flags & SP_TUN_DENY_INBOUND ? SP_R_INBOUND_DENIED :
							 SP_R_NONE;
}

static __always_inline __u32 sp_judge_door(struct __sk_buff *skb,
					   const struct sp_config *config,
					   __u32 *ret_class)
{
	__u32 tunnel = sp_tunnel_of_ifindex(skb->ifindex);
	struct bpf_sock *sk = skb->sk, *full = NULL;
	struct sp_packet packet = {};
	struct sp_sock *sock = NULL;
	__u32 state = 0;

	if (!tunnel)
		return SP_R_NONE; /* the interface is a tunnel no longer */
	if (skb->ingress_ifindex)
		return SP_R_FORWARDED;
	if (sk) {
		state = sk->state;
		if (sk->family == AF_PACKET)
			return SP_R_PACKET_SOCKET;
		full = bpf_sk_fullsock(sk);
	}
	if (sp_ethertype(skb) == bpf_htons(ETH_P_ARP))
		return sk ? SP_R_PACKET_SOCKET : SP_R_NONE;
	if (sp_parse(skb, &packet))
		return SP_R_DOOR_MALFORMED;
	if (full)
		sock = bpf_sk_storage_get(&sp_sock, full, NULL, 0);
	if (sock)
		*ret_class = sock->class;
	/* a class is given in our namespace only: it spares six probe reads */
	if (full && !*ret_class) {
		if (sp_is_kernel_sock(full))
			full = NULL;
		/* by a macvlan or the like on top of the tunnel */
		else if (sp_netns_of(full) != config->netns)
			return SP_R_FORWARDED;
	}
	if (full)
		return sp_judge_socket(skb, full, sock, &packet, config);

	return sp_judge_kernel_made(skb, &packet, tunnel, state);
}

/*
 * The mark has done its work: a device that wraps the packet in another may
 * look up the outer one's route by it (VXLAN does, WireGuard has a mark of its
 * own), and would be led back into itself where its endpoint is listed.
 */
static __always_inline void sp_unmark(struct __sk_buff *skb, __u32 mask)
{
	__u32 mark = skb->mark;

	if (!(mark & mask))
		return;
	mark &= ~mask;
	/* or it becomes a one-byte store, which the verifier refuses */
	asm volatile("" : "+r"(mark));
	skb->mark = mark;
}

/* On the tunnel's clsact egress. What is not known is dropped. */
SEC("tc")
int sp_door(struct __sk_buff *skb)
{
	const struct sp_config *config = sp_settings();
	__u32 reason, class = 0;

	if (!config)
		return DOOR_DROP;
	reason = sp_judge_door(skb, config, &class);
	if (reason)
		sp_count_drop(class, reason);
	if (reason && !(config->flags & SP_CONFIG_SHADOW))
		return DOOR_DROP;
	sp_unmark(skb, config->mark_mask);

	return DOOR_PASS;
}
