/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which app a process belongs to: asked of the process itself, then cached. */
#ifndef SPLITD_IDENTITY_H
#define SPLITD_IDENTITY_H

/*
 * Order of precedence: the process's own executable, then its cgroup (the
 * innermost selector that matches), then the executable of the process it
 * descends from.
 *
 * Tracepoint programs can be skipped (7.2: 2-4 % of execs in a storm, the
 * per-program recursion guard), so sp_task is a cache and never the truth: on
 * every use it is held against the process, and when it does not fit, the
 * executable and the cgroup are read anew, right there in the hook.
 *
 * A process keeps the class by executable that it had when its image started,
 * even if the file has since been moved away (an upgrade replaces whole
 * directories). When an app is removed, the daemon clears its class out of
 * sp_task.
 */
#include <bpf/bpf_core_read.h>

#include "bpf/maps.h"

#define PF_KTHREAD 0x00200000

/* Ancestors looked at: of the cgroup; of a process that nothing is known of. */
#define SP_CGROUP_DEPTH	 48
#define SP_PARENTS_DEPTH 8

/*
 * Where the current task comes as a typed pointer, and in tracepoints, members
 * are plain loads; a probe read costs 35 ns and the way to a known class has
 * nine of them. Only there: for each typed load that it checks, on each path,
 * the verifier searches all of the kernel's types by name, which was half of
 * the time that splitd takes to start.
 */
#define SP_READ(from, ...)                                                     \
	(sp_has.typed_task ? ___arrow(from, __VA_ARGS__) :                     \
			     BPF_CORE_READ(from, __VA_ARGS__))

static __always_inline struct task_struct *sp_current(void)
{
	if (sp_has.typed_task)
		return bpf_get_current_task_btf();

	return (void *)bpf_get_current_task();
}

/*
 * What looks further than that is in global functions: the verifier goes
 * through each once, not once for each state of its callers (51c39bb1d5d1,
 * 5.6). Their arguments are numbers, which before 6.8 (94e1c70a3452) a typed
 * pointer is not.
 */
static __always_inline __u64 sp_number(const void *pointer)
{
	__u64 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &pointer);

	return number;
}

/* Class of the executable the task runs; 0: of none. */
__noinline __u32 sp_exe_class(__u64 address)
{
	struct task_struct *task = (void *)address;
	struct sp_exe_key key = {};
	struct dentry *dentry;
	struct mm_struct *mm;
	struct file *file;
	__u32 *class;

	mm = BPF_CORE_READ(task, mm);
	if (!mm)
		return 0;
	file = BPF_CORE_READ(mm, exe_file);
	if (!file)
		return 0;
	dentry = BPF_CORE_READ(file, f_path.dentry);
	key.dev = BPF_CORE_READ(dentry, d_sb, s_dev);
	key.dir = BPF_CORE_READ(dentry, d_parent, d_inode, i_ino);
	bpf_probe_read_kernel_str(key.name, sizeof(key.name),
				  BPF_CORE_READ(dentry, d_name.name));
	class = bpf_map_lookup_elem(&sp_exe, &key);

	return class ? *class : 0;
}

/* Set-uid and set-gid programs do not belong to the app that calls them. */
static __always_inline bool sp_is_privileged(struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);

	return BPF_CORE_READ(cred, uid.val) != BPF_CORE_READ(cred, euid.val) ||
	       BPF_CORE_READ(cred, gid.val) != BPF_CORE_READ(cred, egid.val);
}

/*
 * Class by executable that a process inherits of which no fork was seen: it is
 * older than the daemon, or the tracepoint was skipped.
 */
__noinline __u32 sp_ancestor_class(__u64 address, __u32 epoch)
{
	struct task_struct *task = (void *)address;
	struct task_struct *parent = BPF_CORE_READ(task, group_leader);
	struct sp_task *entry;
	__u32 tgid, class;

	for (int i = 0; i < SP_PARENTS_DEPTH; i++) {
		if (sp_is_privileged(parent))
			return 0;
		parent = BPF_CORE_READ(parent, real_parent, group_leader);
		tgid = BPF_CORE_READ(parent, tgid);
		if (tgid <= 1)
			return 0;
		entry = bpf_map_lookup_elem(&sp_task, &tgid);
		if (entry &&
		    entry->start_time == BPF_CORE_READ(parent, start_time) &&
		    (entry->lineage || entry->epoch == epoch))
			return entry->lineage;
		class = sp_exe_class((__u64)parent);
		if (class)
			return class;
	}

	return 0;
}

/*
 * Class of a cgroup: its own, or of the nearest ancestor that speaks for all
 * below. With SP_GOVERNED, if it is in the governed part of the tree; else 0.
 */
#define SP_GOVERNED (1ull << 32)

/* One cgroup on the way up, the first being the process's own. */
__noinline __u64 sp_cgroup_step(__u64 address, __u64 scope, __u64 so_far,
				__u64 first)
{
	struct cgroup *cgroup = (void *)address;
	__u64 id = BPF_CORE_READ(cgroup, kn, id);
	struct sp_cgroup *entry;

	if (id == scope)
		so_far |= SP_GOVERNED;
	if ((__u32)so_far)
		return so_far;
	entry = bpf_map_lookup_elem(&sp_cgroup, &id);
	if (entry)
		so_far |= first && entry->own ? entry->own : entry->tree;

	return so_far;
}

__noinline __u64 sp_cgroup_class(__u64 address, __u64 scope)
{
	struct cgroup *cgroup = (void *)address;
	__u64 so_far = 0;

	for (int i = 0; i < SP_CGROUP_DEPTH && cgroup; i++) {
		so_far = sp_cgroup_step((__u64)cgroup, scope, so_far, !i);
		cgroup = BPF_CORE_READ(cgroup, self.parent, cgroup);
	}
	if (cgroup)
		sp_count(SP_STAT_DEEP_CGROUP);

	return so_far & SP_GOVERNED ? so_far : 0;
}

/* What is known of the process; false: nothing that still fits. */
static __always_inline bool sp_known(const struct sp_task *entry,
				     const struct sp_task *now)
{
	return entry && entry->start_time == now->start_time &&
	       entry->exec_id == now->exec_id && entry->cgroup == now->cgroup &&
	       entry->epoch == now->epoch;
}

/* The daemon takes over what a process holds that has come into a class. */
static __always_inline void sp_announce(__u32 tgid, __u32 class)
{
	struct sp_event event = { .tgid = tgid, .class = class };

	if (bpf_ringbuf_output(&sp_event, &event, sizeof(event), 0))
		sp_count(SP_STAT_EVENTS_LOST);
}

/*
 * Finds out, remembers and announces. before: the class the process had;
 * inherited: the one that comes down by fork. Two at once for one process
 * write the same, so the last may win.
 */
static __noinline __u32 sp_classify(struct task_struct *task,
				    const struct sp_config *config,
				    struct sp_task *now, __u32 before,
				    __u32 inherited)
{
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	__u32 tgid = BPF_CORE_READ(task, tgid), own, by_cgroup;
	__u64 at;

	own = sp_exe_class(sp_number(task));
	at = sp_cgroup_class((__u64)cgroup, config->scope);
	by_cgroup = (__u32)at;
	now->lineage = own ? own : inherited;

	if (!(at & SP_GOVERNED)) {
		now->class = 0;
		now->how = SP_HOW_NONE;
	} else if (own) {
		now->class = own;
		now->how = SP_HOW_EXE;
	} else if (by_cgroup) {
		now->class = by_cgroup;
		now->how = SP_HOW_CGROUP;
	} else {
		now->class = inherited;
		now->how = inherited ? SP_HOW_INHERITED : SP_HOW_NONE;
	}
	if (bpf_map_update_elem(&sp_task, &tgid, now, BPF_ANY))
		sp_count(SP_STAT_TASKS_FULL);
	if (now->class && now->class != before)
		sp_announce(tgid, now->class);

	return now->class;
}

static __always_inline void sp_look(struct task_struct *task,
				    const struct sp_config *config,
				    struct sp_task *now)
{
	struct task_struct *leader = SP_READ(task, group_leader);
	struct cgroup *cgroup = SP_READ(task, cgroups, dfl_cgrp);

	__builtin_memset(now, 0, sizeof(*now));
	now->start_time = SP_READ(leader, start_time);
	now->exec_id = SP_READ(leader, self_exec_id);
	now->cgroup = SP_READ(cgroup, kn, id);
	now->epoch = config->epoch;
}

/*
 * The class of a process, by any of its threads. ret_entry gets what is
 * remembered of it. Kernel threads have none.
 */
static __noinline __u32 sp_task_class(struct task_struct *task,
				      const struct sp_config *config,
				      struct sp_task *now)
{
	__u32 tgid = SP_READ(task, tgid), before = 0, inherited;
	struct sp_task *entry;

	if (SP_READ(task, flags) & PF_KTHREAD) {
		__builtin_memset(now, 0, sizeof(*now));
		return 0;
	}

	sp_look(task, config, now);
	entry = bpf_map_lookup_elem(&sp_task, &tgid);
	if (sp_known(entry, now)) {
		now->class = entry->class;
		now->how = entry->how;
		now->lineage = entry->lineage;
		return now->class;
	}

	sp_count(SP_STAT_TASK_MISSES);
	if (entry && entry->start_time == now->start_time)
		before = entry->class;
	else
		entry = NULL; /* another process's, which had the id before */

	if (!entry)
		inherited = sp_ancestor_class(sp_number(task), config->epoch);
	else if (entry->exec_id != now->exec_id && sp_is_privileged(task))
		inherited = 0;
	else if (entry->lineage || entry->epoch == now->epoch)
		inherited = entry->lineage;
	else
		inherited = sp_ancestor_class(
			sp_number(task), config->epoch); /* new selectors */

	return sp_classify(task, config, now, before, inherited);
}

#endif
