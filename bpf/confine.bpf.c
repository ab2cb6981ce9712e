// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeps listed apps from sending where no hook sees it. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/identity.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * A packet socket writes frames to a device, and what is written to a TUN
 * device comes in again as somebody's packet: neither passes the cgroup hooks.
 * Both need privileges that some apps have. A kernel that runs BPF security
 * hooks refuses them to listed apps; on others they are a limit (README).
 */

#define AF_PACKET 17
#define AF_XDP	  44
#define EPERM	  1

/* An error means allow, as on a kernel without these hooks. */
static __always_inline int sp_confine(int verdict)
{
	const struct sp_config *config = sp_settings();
	struct task_struct *task = sp_current();
	struct net *net = SP_READ(task, nsproxy, net_ns);
	struct sp_task now;
	__u32 class;
	__u64 here;

	if (verdict || !config)
		return verdict;
	here = sp_has.netns_cookie ? BPF_CORE_READ(net, net_cookie) :
				     BPF_CORE_READ(net, ns.inum);
	if (here != config->netns)
		return 0;
	class = sp_task_class(task, config, &now);
	if (!class)
		return 0;
	sp_count_drop(class, SP_R_CONFINED);

	return config->flags & SP_CONFIG_SHADOW ? 0 : -EPERM;
}

SEC("lsm/socket_create")
int BPF_PROG(sp_packet, int family, int type, int protocol, int kern,
	     int verdict)
{
	if (kern || (family != AF_PACKET && family != AF_XDP))
		return verdict;

	return sp_confine(verdict);
}

SEC("lsm/tun_dev_create")
int BPF_PROG(sp_tun, int verdict)
{
	return sp_confine(verdict);
}
