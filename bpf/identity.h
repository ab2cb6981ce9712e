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
 * nine of them.
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

static __always_inline bool sp_same_process(const struct sp_task *entry,
					    struct task_struct *leader)
{
	return entry->start_time == SP_READ(leader, start_time);
}

/* Class of the executable the task runs; 0: of none. */
static __noinline __u32 sp_exe_class(struct task_struct *task)
{
	struct sp_exe_key key = {};
	struct dentry *dentry;
	struct mm_struct *mm;
	struct file *file;
	__u32 *class;

	mm = SP_READ(task, mm);
	if (!mm)
		return 0;
	file = SP_READ(mm, exe_file);
	if (!file)
		return 0;
	dentry = SP_READ(file, f_path.dentry);
	key.dev = SP_READ(dentry, d_sb, s_dev);
	key.dir = SP_READ(dentry, d_parent, d_inode, i_ino);
	bpf_probe_read_kernel_str(key.name, sizeof(key.name),
				  SP_READ(dentry, d_name.name));
	class = bpf_map_lookup_elem(&sp_exe, &key);

	return class ? *class : 0;
}

/* Set-uid and set-gid programs do not belong to the app that calls them. */
static __always_inline bool sp_is_privileged(struct task_struct *task)
{
	const struct cred *cred = SP_READ(task, cred);

	return SP_READ(cred, uid.val) != SP_READ(cred, euid.val) ||
	       SP_READ(cred, gid.val) != SP_READ(cred, egid.val);
}

/*
 * Class by executable that a process inherits of which no fork was seen: it is
 * older than the daemon, or the tracepoint was skipped.
 */
static __noinline __u32 sp_ancestor_class(struct task_struct *task,
					  const struct sp_config *config)
{
	struct task_struct *parent = SP_READ(task, group_leader);
	struct sp_task *entry;
	__u32 tgid, class;

	for (int i = 0; i < SP_PARENTS_DEPTH; i++) {
		if (sp_is_privileged(parent))
			return 0;
		parent = SP_READ(parent, real_parent, group_leader);
		tgid = SP_READ(parent, tgid);
		if (tgid <= 1)
			return 0;
		entry = bpf_map_lookup_elem(&sp_task, &tgid);
		if (entry && sp_same_process(entry, parent) &&
		    (entry->lineage || entry->epoch == config->epoch))
			return entry->lineage;
		class = sp_exe_class(parent);
		if (class)
			return class;
	}

	return 0;
}

/*
 * Class of a cgroup: its own, or of the nearest ancestor that speaks for all
 * below. 0 as well for everything outside the governed part of the tree.
 */
static __noinline __u32 sp_cgroup_class(struct cgroup *cgroup, __u64 scope,
					bool *ret_governed)
{
	struct sp_cgroup *entry;
	bool governed = false;
	__u32 class = 0;
	__u64 id;

	for (int i = 0; i < SP_CGROUP_DEPTH && cgroup; i++) {
		id = SP_READ(cgroup, kn, id);
		entry = class ? NULL : bpf_map_lookup_elem(&sp_cgroup, &id);
		if (entry)
			class = !i && entry->own ? entry->own : entry->tree;
		if (id == scope)
			governed = true;
		cgroup = SP_READ(cgroup, self.parent, cgroup);
	}
	if (cgroup)
		sp_count(SP_STAT_DEEP_CGROUP);
	*ret_governed = governed;

	return governed ? class : 0;
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
	struct cgroup *cgroup = SP_READ(task, cgroups, dfl_cgrp);
	__u32 tgid = SP_READ(task, tgid), own, by_cgroup;
	bool governed = false;

	own = sp_exe_class(task);
	by_cgroup = sp_cgroup_class(cgroup, config->scope, &governed);
	now->lineage = own ? own : inherited;

	if (!governed) {
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
		inherited = sp_ancestor_class(task, config);
	else if (entry->exec_id != now->exec_id && sp_is_privileged(task))
		inherited = 0;
	else if (entry->lineage || entry->epoch == now->epoch)
		inherited = entry->lineage;
	else
		inherited = sp_ancestor_class(task, config); /* new selectors */

	return sp_classify(task, config, now, before, inherited);
}

#endif
