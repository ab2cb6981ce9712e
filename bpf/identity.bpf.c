// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose process, whose socket: classes from tasks, and onto what they hold. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/identity.h"
#include "bpf/netns.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * Two halves. Tracepoints follow exec, fork, exit and cgroups, so that the
 * class of a process is known before it makes its first socket. Cgroup hooks
 * put the class of the calling process onto the socket; steer.bpf.c, behind us
 * at the same hooks, and guard.bpf.c read it there and ask nothing else. So a
 * socket is classed whether or not it is steered, and what is not steered is
 * dropped.
 */

#define ALLOW  1
#define REFUSE 0

/* ---- onto the socket --------------------------------------------------- */

/* The id alone is not enough: it outlives a daemon that was killed. */
static __always_inline bool sp_is_agent(const struct sp_config *config,
					struct task_struct *task)
{
	return config->agent == bpf_get_current_pid_tgid() >> 32 &&
	       config->agent_start == SP_READ(task, group_leader, start_time);
}

/*
 * The class of the MPTCP connection a subflow belongs to. The first subflow is
 * connected by the app itself; later ones, over other addresses of the host,
 * by a kernel worker, which knows no app.
 */
static __always_inline __u32 sp_mptcp_class(struct bpf_sock *sk)
{
	struct mptcp_sock *connection;
	struct sp_sock *sock = NULL;

	if (!sp_has.mptcp_connection)
		return 0;
	connection = bpf_skc_to_mptcp_sock(sk);
	if (connection)
		sock = bpf_sk_storage_get(&sp_sock, connection, NULL, 0);

	return sock ? sock->class : 0;
}

/*
 * The socket takes the class of the caller. A kernel task (a later subflow of
 * MPTCP, an io_uring worker before 5.12) and our own daemon, which re-connects
 * sockets of others, act for the socket: they change nothing.
 *
 * An error means deny: a listed app's socket that cannot be classed would be
 * nobody's to the guard.
 */
static __always_inline int sp_class_socket(const struct sp_config *config,
					   struct bpf_sock *sk, bool is_connect)
{
	struct task_struct *task = sp_current();
	bool by_kernel = SP_READ(task, flags) & PF_KTHREAD;
	struct sp_sock *sock;
	struct sp_task now;
	__u32 class = 0;

	if (sp_is_agent(config, task))
		return ALLOW;
	if (!by_kernel)
		class = sp_task_class(task, config, &now);
	else if (is_connect)
		class = sp_mptcp_class(sk);
	if (by_kernel && !class)
		return ALLOW;

	sock = class ? sp_sock_make(sk) :
		       bpf_sk_storage_get(&sp_sock, sk, NULL, 0);
	if (!sock && class) {
		sp_count_drop(class, SP_R_NO_STORAGE);
		return REFUSE;
	}
	/* a gone app's socket stays one in the hands of its process */
	if (sock && sock->class != class &&
	    (class || sock->class != SP_CLASS_GONE))
		sock->class = class;

	return ALLOW;
}

SEC("cgroup/sock_create")
int sp_cl_create(struct bpf_sock *sk)
{
	const struct sp_config *config = sp_settings();

	if (!config || sp_netns_at(sk, sk) != config->netns)
		return ALLOW;

	return sp_class_socket(config, sk, false);
}

static __always_inline int sp_class_call(struct bpf_sock_addr *ctx,
					 bool is_connect)
{
	const struct sp_config *config = sp_settings();

	if (!config || !ctx->sk || sp_netns_at(ctx, ctx->sk) != config->netns)
		return ALLOW;

	return sp_class_socket(config, ctx->sk, is_connect);
}

SEC("cgroup/connect4")
int sp_cl_connect4(struct bpf_sock_addr *ctx)
{
	return sp_class_call(ctx, true);
}

SEC("cgroup/connect6")
int sp_cl_connect6(struct bpf_sock_addr *ctx)
{
	return sp_class_call(ctx, true);
}

/*
 * A datagram to the very peer its socket is connected to: mostly no hook runs
 * for it, but for a v4-mapped one the kernel takes the way of sendto(). It is
 * the same flow in both families, so the socket keeps its class in both.
 */
SEC("cgroup/sendmsg4")
int sp_cl_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	if (sk && sk->state == BPF_TCP_ESTABLISHED &&
	    sk->dst_ip4 == ctx->user_ip4 &&
	    (__u16)sk->dst_port == (__u16)ctx->user_port)
		return ALLOW;

	return sp_class_call(ctx, false);
}

SEC("cgroup/sendmsg6")
int sp_cl_sendmsg6(struct bpf_sock_addr *ctx)
{
	return sp_class_call(ctx, false);
}

/* ---- of the process ---------------------------------------------------- */

/* None of these can refuse anything: an error means "not cached". */

/* Runs before the new image does. The class may change, the lineage stays. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(sp_exec, struct task_struct *task, pid_t old_pid,
	     struct linux_binprm *bprm)
{
	const struct sp_config *config = sp_settings();
	__u32 tgid = task->tgid, before = 0, inherited;
	struct sp_task *entry, now;

	if (!config)
		return 0;
	sp_look(task, config, &now);
	entry = bpf_map_lookup_elem(&sp_task, &tgid);
	if (entry && entry->start_time == now.start_time)
		before = entry->class;
	else
		entry = NULL;

	if (BPF_CORE_READ_BITFIELD_PROBED(bprm, secureexec))
		inherited = 0;
	else if (entry)
		inherited = entry->lineage;
	else
		inherited = sp_ancestor_class(sp_number(task), config->epoch);
	sp_classify(task, config, &now, before, inherited);

	return 0;
}

/*
 * Runs before the child does. Unlisted processes are remembered as well: a
 * known "none" spares every exec and first socket the walk up to the parents.
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(sp_fork, struct task_struct *parent, struct task_struct *child)
{
	const struct sp_config *config = sp_settings();
	__u32 tgid = child->tgid;
	struct sp_task above, now;

	if (!config || child->tgid == parent->tgid)
		return 0;
	sp_task_class(parent, config, &above);
	sp_look(child, config, &now);
	if (now.cgroup != above.cgroup) {
		sp_classify(child, config, &now, above.class, above.lineage);
		return 0;
	}
	now.class = above.class;
	now.lineage = above.lineage;
	now.how = above.how;
	if (bpf_map_update_elem(&sp_task, &tgid, &now, BPF_ANY))
		sp_count(SP_STAT_TASKS_FULL);

	return 0;
}

/* The leader may go before its threads: the last one takes the entry along. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(sp_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;

	if (!BPF_CORE_READ(task, signal, live.counter))
		bpf_map_delete_elem(&sp_task, &tgid);

	return 0;
}

/*
 * A cgroup that a selector names by path comes into being; runs before the
 * directory is visible. version 1 hierarchies fire too.
 */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(sp_cg_mkdir, struct cgroup *cgroup, const char *path)
{
	struct sp_cg_path key = {};
	struct sp_cgroup *entry;
	__u64 id;

	if (BPF_CORE_READ(cgroup, root, hierarchy_id))
		return 0;
	if (bpf_probe_read_kernel_str(key.path, sizeof(key.path), path) < 0)
		return 0;
	entry = bpf_map_lookup_elem(&sp_cg_path, &key);
	if (!entry)
		return 0;
	id = BPF_CORE_READ(cgroup, kn, id);
	bpf_map_update_elem(&sp_cgroup, &id, entry, BPF_ANY);

	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(sp_cg_rmdir, struct cgroup *cgroup, const char *path)
{
	__u64 id = BPF_CORE_READ(cgroup, kn, id);

	if (!BPF_CORE_READ(cgroup, root, hierarchy_id))
		bpf_map_delete_elem(&sp_cgroup, &id);

	return 0;
}

/*
 * Whoever looks at another process may find it past sp_exit, and has just
 * noted it down for good. Looked at afterwards: if it lives, sp_exit is still
 * to come.
 */
static __always_inline bool sp_forget_dead(struct task_struct *task)
{
	__u32 tgid = task->tgid;

	if (BPF_CORE_READ(task, signal, live.counter))
		return false;
	bpf_map_delete_elem(&sp_task, &tgid);

	return true;
}

/* A process moved: the sockets it holds have to follow. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(sp_cg_attach, struct cgroup *cgroup, const char *path,
	     struct task_struct *task, bool threadgroup)
{
	const struct sp_config *config = sp_settings();
	struct sp_task now;

	if (!config || BPF_CORE_READ(cgroup, root, hierarchy_id))
		return 0;
	sp_task_class(task, config, &now);
	(void)sp_forget_dead(task);

	return 0;
}

/*
 * A pass over all that sockets remember, whoever holds them: a class whose app
 * is gone goes, too, or the next app with that number would have the sockets
 * along (5ce6e77c7edf, 5.9). Says nothing.
 */
SEC("iter/bpf_sk_storage_map")
int sp_sockets(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sp_sock *sock = ctx->value;
	struct sp_class *app;
	__u32 class;

	if (!sock)
		return 0;
	class = sock->class;
	app = class ? bpf_map_lookup_elem(&sp_class, &class) : NULL;
	if (app && app->flags & SP_CLASS_RETIRED)
		sock->class = SP_CLASS_GONE;

	return 0;
}

/* Every process with its class, for `status` and for taking sockets over. */
SEC("iter/task")
int sp_tasks(struct bpf_iter__task *ctx)
{
	const struct sp_config *config = sp_settings();
	struct task_struct *task = ctx->task;
	struct sp_task_record record = {};
	struct sp_task now;

	if (!task || !config || task->tgid != task->pid)
		return 0;
	record.class = sp_task_class(task, config, &now);
	if (sp_forget_dead(task) || !record.class)
		return 0;
	record.tgid = task->tgid;
	record.how = now.how;
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));

	return 0;
}
