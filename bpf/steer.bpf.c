// SPDX-License-Identifier: GPL-2.0-or-later
/* Chooses the way: class and mark on sockets, source addresses of datagrams. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "bpf/call.h"
#include "bpf/flow.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * A socket of a listed app has its class (identity.bpf.c wrote it, just before
 * us at the same hook) and carries, under our mask, the mark of the tunnel its
 * app is linked to. The mark says "this app", not "this way": an ip rule leads
 * it to the tunnel's prefix table, and what that table does not hold falls
 * through to the normal ones.
 *
 * sock_create sets the mark; connect and sendmsg set *or clear* it, as the
 * class may have changed hands. udp_sendmsg() has copied mark and bound device
 * before its hook runs, so there the mark is for the next datagram, and this
 * one is steered by its source address (ip rule from <tunnel address>).
 */

#define SOL_SOCKET	   1
#define SO_MARK		   36
#define SOCK_BINDADDR_LOCK 4
#define ENETUNREACH	   101
#define ALLOW		   1
#define REFUSE		   0

static __always_inline __u32 sp_mark_of_class(__u32 class)
{
	const struct sp_tunnel *tunnel;
	__u32 set, slot;

	if (!class)
		return 0;
	slot = sp_tunnel_of_class(class, &set);
	tunnel = slot ? sp_tunnel_get(slot) : NULL;

	return tunnel ? tunnel->mark : 0;
}

/*
 * clang turns (mark & ~mask) | value into a one-byte store to the context that
 * the verifier refuses; the barriers keep it a 32-bit value.
 */
static __always_inline __u32 sp_mark_join(__u32 mark, __u32 mask, __u32 value)
{
	asm volatile("" : "+r"(mark));
	mark = (mark & ~mask) | (value & mask);
	asm volatile("" : "+r"(mark));

	return mark;
}

/* An error means allow: an unmarked socket is found again at connect. */
SEC("cgroup/sock_create")
int sp_sock_create(struct bpf_sock *sk)
{
	const struct sp_config *config = sp_settings();
	struct sp_sock *sock = bpf_sk_storage_get(&sp_sock, sk, NULL, 0);

	if (!config || !sock || config->flags & SP_CONFIG_SHADOW)
		return ALLOW;
	sk->mark = sp_mark_join(sk->mark, config->mark_mask,
				sp_mark_of_class(sock->class));

	return ALLOW;
}

/* A refused call fails at once, so that happy-eyeballs moves on. */
static __always_inline int sp_refuse(const struct sp_config *config,
				     const struct sp_action *act)
{
	sp_count_drop(act->class, act->reason);
	if (config->flags & SP_CONFIG_SHADOW)
		return ALLOW;
	if (sp_has.refusal_errno)
		bpf_set_retval(-ENETUNREACH);

	return REFUSE;
}

/* The socket part of a call. */
static __always_inline void sp_see_socket(struct bpf_sock *sk, bool is_ipv6,
					  struct sp_call *call)
{
	call->device = sk->bound_dev_if;
	call->mark = sk->mark;
	if (!is_ipv6) {
		sp_addr_v4(&call->bound, sk->src_ip4);
	} else {
		__u32 *word = (__u32 *)&call->bound;

		word[0] = sk->src_ip6[0];
		word[1] = sk->src_ip6[1];
		word[2] = sk->src_ip6[2];
		word[3] = sk->src_ip6[3];
	}
}

/* Did the app choose the bound address, or the kernel at a connect()? */
static __always_inline bool sp_is_locked(struct bpf_sock *sk)
{
	struct sock *raw = sp_raw_sock(sk);

	return BPF_CORE_READ_BITFIELD_PROBED(raw, sk_userlocks) &
	       SOCK_BINDADDR_LOCK;
}

/* Nobody's socket, bound to nothing: there is nothing to steer or refuse. */
static __always_inline bool sp_is_plain(const struct sp_sock *sock,
					const struct sp_call *call)
{
	return !sock && !call->device && sp_addr_is_any(&call->src);
}

static __always_inline void sp_set_mark(struct bpf_sock_addr *ctx,
					const struct sp_config *config,
					const struct sp_call *call, __u32 mark)
{
	__u32 value;

	if (config->flags & SP_CONFIG_SHADOW ||
	    (call->mark & config->mark_mask) == mark)
		return;
	value = (call->mark & ~config->mark_mask) | mark;
	bpf_setsockopt(ctx, SOL_SOCKET, SO_MARK, &value, sizeof(value));
}

/* An error means allow: what goes wrong here, the guard drops. */
static __always_inline int sp_connect(struct bpf_sock_addr *ctx,
				      struct sp_call *call, bool is_ipv6)
{
	const struct sp_config *config = sp_settings();
	struct bpf_sock *sk = ctx->sk;
	struct sp_action act = {};
	struct sp_sock *sock;

	if (!config || !sk || sp_netns_at(ctx, sk) != config->netns)
		return ALLOW;
	sock = bpf_sk_storage_get(&sp_sock, sk, NULL, 0);
	sp_see_socket(sk, is_ipv6, call);
	call->src = call->bound;
	if (sp_is_plain(sock, call))
		return ALLOW;
	if (!sp_addr_is_any(&call->src))
		call->locked = sp_is_locked(sk);
	call->is_connect = true;
	sp_steer(config, call, sock, &act);
	sp_set_mark(ctx, config, call, act.mark);

	return act.reason ? sp_refuse(config, &act) : ALLOW;
}

SEC("cgroup/connect4")
int sp_connect4(struct bpf_sock_addr *ctx)
{
	struct sp_call call = {};

	sp_addr_v4(&call.dst, ctx->user_ip4);

	return sp_connect(ctx, &call, false);
}

SEC("cgroup/connect6")
int sp_connect6(struct bpf_sock_addr *ctx)
{
	struct sp_call call = {};
	__u32 *word = (__u32 *)&call.dst;

	word[0] = ctx->user_ip6[0];
	word[1] = ctx->user_ip6[1];
	word[2] = ctx->user_ip6[2];
	word[3] = ctx->user_ip6[3];

	return sp_connect(ctx, &call, true);
}

/* What is done to a datagram depends on this, unless it answers a peer. */
static __always_inline __u64 sp_fingerprint(const struct sp_config *config,
					    const struct sp_call *call,
					    __u32 class)
{
	__u64 hash = sp_mix_begin(config, class, call->device);

	hash = sp_mix(hash, (__u64)call->locked << 32 | call->mark);
	hash = sp_mix_addr(hash, &call->dst);
	hash = sp_mix_addr(hash, &call->src);

	return sp_mix_addr(hash, &call->bound);
}

static __always_inline int sp_sendmsg(struct bpf_sock_addr *ctx,
				      struct sp_call *call,
				      struct sp_action *act, bool is_ipv6)
{
	const struct sp_config *config = sp_settings();
	struct bpf_sock *sk = ctx->sk;
	__u64 fingerprint = 0;
	struct sp_sock *sock;

	if (!config || !sk || sp_netns_at(ctx, sk) != config->netns)
		return ALLOW;
	sock = bpf_sk_storage_get(&sp_sock, sk, NULL, 0);
	sp_see_socket(sk, is_ipv6, call);
	if (sp_is_plain(sock, call))
		return ALLOW;
	if (!sp_addr_is_any(&call->src))
		call->locked = sp_is_locked(sk);
	if (sock && sock->class && !(sock->flags & SP_SOCK_PEERS)) {
		fingerprint = sp_fingerprint(config, call, sock->class);
		if (sock->steered == fingerprint)
			return ALLOW;
	}
	call->port = ctx->user_port;
	call->cookie = bpf_get_socket_cookie(ctx);
	sp_steer(config, call, sock, act);
	if (sp_has.sendmsg_mark)
		sp_set_mark(ctx, config, call, act->mark);
	if (config->flags & SP_CONFIG_SHADOW)
		act->set_src = false;
	else if (sock && fingerprint && !act->reason && !act->set_src &&
		 (call->mark & config->mark_mask) == act->mark)
		sock->steered = fingerprint;

	return act->reason ? sp_refuse(config, act) : ALLOW;
}

SEC("cgroup/sendmsg4")
int sp_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct sp_action act = {};
	struct sp_call call = {};
	int verdict;

	sp_addr_v4(&call.dst, ctx->user_ip4);
	sp_addr_v4(&call.src, ctx->msg_src_ip4);
	verdict = sp_sendmsg(ctx, &call, &act, false);
	if (verdict == ALLOW && act.set_src)
		ctx->msg_src_ip4 = ((__u32 *)&act.src)[3];

	return verdict;
}

SEC("cgroup/sendmsg6")
int sp_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct sp_action act = {};
	struct sp_call call = {};
	__u32 *dst = (__u32 *)&call.dst, *src = (__u32 *)&call.src;
	int verdict;

	dst[0] = ctx->user_ip6[0];
	dst[1] = ctx->user_ip6[1];
	dst[2] = ctx->user_ip6[2];
	dst[3] = ctx->user_ip6[3];
	src[0] = ctx->msg_src_ip6[0];
	src[1] = ctx->msg_src_ip6[1];
	src[2] = ctx->msg_src_ip6[2];
	src[3] = ctx->msg_src_ip6[3];
	verdict = sp_sendmsg(ctx, &call, &act, true);
	if (verdict == ALLOW && act.set_src) {
		src = (__u32 *)&act.src;
		ctx->msg_src_ip6[0] = src[0];
		ctx->msg_src_ip6[1] = src[1];
		ctx->msg_src_ip6[2] = src[2];
		ctx->msg_src_ip6[3] = src[3];
	}

	return verdict;
}

/*
 * A listener must not carry the mark: its SYN-ACK would follow it, whichever
 * way the SYN came. An accepted socket follows its local address; the guard
 * has to know that it answers.
 */
SEC("sockops")
int sp_sockops(struct bpf_sock_ops *ctx)
{
	const struct sp_config *config = sp_settings();
	struct bpf_sock *sk = ctx->sk;
	struct sp_addr local = {};
	__u32 *word = (__u32 *)&local;
	struct sp_sock *sock;
	__u32 mark;

	ctx->reply = -1; /* no opinion on time-outs, windows, ECN */
	if (!config || !sk)
		return 1;

	if (ctx->op == BPF_SOCK_OPS_TCP_LISTEN_CB) {
		sock = bpf_sk_storage_get(&sp_sock, sk, NULL, 0);
		if (!sock)
			return 1;
		sock->class = 0;
		mark = sk->mark & ~config->mark_mask;
		if (!(config->flags & SP_CONFIG_SHADOW))
			bpf_setsockopt(ctx, SOL_SOCKET, SO_MARK, &mark,
				       sizeof(mark));
		return 1;
	}
	if (ctx->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;

	if (ctx->family == AF_INET) {
		sp_addr_v4(&local, ctx->local_ip4);
	} else {
		word[0] = ctx->local_ip6[0];
		word[1] = ctx->local_ip6[1];
		word[2] = ctx->local_ip6[2];
		word[3] = ctx->local_ip6[3];
	}
	if (!sp_tunnel_of_addr(&local) || sp_netns_of(sk) != config->netns)
		return 1;
	sock = bpf_sk_storage_get(&sp_sock, sk, NULL,
				  BPF_SK_STORAGE_GET_F_CREATE);
	if (sock)
		sock->flags |= SP_SOCK_INBOUND;

	return 1;
}
