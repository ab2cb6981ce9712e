/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network namespace a socket lives in. */
#ifndef SPLITD_BPF_NETNS_H
#define SPLITD_BPF_NETNS_H

#include <bpf/bpf_core_read.h>

#include "bpf/maps.h"

/*
 * A socket as plain memory. The verifier forbids arithmetic on a bpf_sock, and
 * CO-RE reads need it; read back from the stack the pointer is only a number.
 */
static __always_inline struct sock *sp_raw_sock(struct bpf_sock *sk)
{
	struct bpf_sock *volatile spilled = sk;
	struct sock *raw = NULL;

	bpf_probe_read_kernel(&raw, sizeof(raw), (const void *)&spilled);

	return raw;
}

/*
 * The namespace a socket lives in, as sp_config names ours. A cookie is never
 * used again; an inode number is, but not while the namespace that holds our
 * routes lives.
 */
static __always_inline __u64 sp_netns_of(struct bpf_sock *sk)
{
	struct sock *raw = sp_raw_sock(sk);

	if (!sp_has.netns_cookie)
		return BPF_CORE_READ(raw, __sk_common.skc_net.net, ns.inum);

	return BPF_CORE_READ(raw, __sk_common.skc_net.net, net_cookie);
}

/* The same where a helper tells it: ctx is that of a socket or address hook. */
#define sp_netns_at(ctx, sk)                                                   \
	(sp_has.netns_cookie ? bpf_get_netns_cookie(ctx) : sp_netns_of(sk))

#endif
