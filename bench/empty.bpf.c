// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs that return at once, for every hook that a packet of ours meets. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define EMPTY(section, name, ctx_type, verdict)                                \
	SEC(section)                                                           \
	int name(ctx_type *ctx)                                                \
	{                                                                      \
		return verdict;                                                \
	}

/* Two at each of these: splitd's identity and its steering. */
EMPTY("cgroup/sock_create", class_create, struct bpf_sock, 1)
EMPTY("cgroup/sock_create", sock_create, struct bpf_sock, 1)
EMPTY("cgroup/connect4", class_connect4, struct bpf_sock_addr, 1)
EMPTY("cgroup/connect4", connect4, struct bpf_sock_addr, 1)
EMPTY("cgroup/sendmsg4", class_sendmsg4, struct bpf_sock_addr, 1)
EMPTY("cgroup/sendmsg4", sendmsg4, struct bpf_sock_addr, 1)
EMPTY("sockops", sock_ops, struct bpf_sock_ops, 1)
EMPTY("cgroup_skb/ingress", ingress, struct __sk_buff, 1)
EMPTY("cgroup_skb/egress", egress, struct __sk_buff, 1)
EMPTY("tc", door, struct __sk_buff, 0)
