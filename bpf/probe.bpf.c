// SPDX-License-Identifier: GPL-2.0-or-later
/* What this kernel can do, found by trying: each program loads or does not. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

/*
 * One program a feature (loader/kernel/feature.c names them, with the commit
 * that added each and what is lost without it). None is ever attached but the
 * last. The question marks keep libbpf from loading all of them together.
 */

#define SOL_SOCKET 1
#define SO_MARK	   36

SEC("?cgroup/connect4")
int sp_p_task(struct bpf_sock_addr *ctx)
{
	return bpf_get_current_task_btf() != NULL;
}

SEC("?cgroup/sendmsg4")
int sp_p_mark(struct bpf_sock_addr *ctx)
{
	__u32 mark = 0;

	return !bpf_setsockopt(ctx, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
}

SEC("?cgroup/connect4")
int sp_p_errno(struct bpf_sock_addr *ctx)
{
	return !bpf_set_retval(-1);
}

SEC("?cgroup/connect4")
int sp_p_mptcp(struct bpf_sock_addr *ctx)
{
	return ctx->sk && bpf_skc_to_mptcp_sock(ctx->sk);
}

SEC("?tp_btf/sched_process_exec")
int BPF_PROG(sp_p_exec, struct task_struct *task)
{
	return 0;
}

SEC("?iter/task")
int sp_p_tasks(struct bpf_iter__task *ctx)
{
	return 0;
}

SEC("?lsm/socket_create")
int BPF_PROG(sp_p_lsm, int family, int type, int protocol, int kern)
{
	return 0;
}
