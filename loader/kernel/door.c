// SPDX-License-Identifier: GPL-2.0-or-later
/* The door: our filter on a tunnel's clsact egress. */
#include <bpf/libbpf.h>
#include <errno.h>

#include "loader/kernel/clsact.h"
#include "loader/kernel/door.h"

/*
 * A fixed handle and priority, early but not first, so that our filter is
 * known again and replaced in place. Where a clsact is there already, it is not
 * ours to remove.
 */
#define DOOR_HANDLE   0x5370
#define DOOR_PRIORITY 5100

int door_attach(const struct pins *pins, int program, unsigned int ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
			    .attach_point = BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = DOOR_HANDLE,
			    .priority = DOOR_PRIORITY,
			    .flags = BPF_TC_F_REPLACE);
	int r;

	r = clsact_look(ifindex);
	if (r == CLSACT_INGRESS) {
		/* it has taken the place of any clsact that we made */
		pins_forget_door(pins->root, ifindex);
		/* what is attached to its egress judges its ingress */
		return -EBUSY;
	}
	/* on record before it is there: whoever is killed here knows it */
	if (r >= 0)
		r = pins_note_door(pins, program, ifindex, r == CLSACT_NONE);
	if (r)
		return r;
	r = bpf_tc_hook_create(&hook);
	if (r && r != -EEXIST)
		return r;
	opts.prog_fd = program;

	return bpf_tc_attach(&hook, &opts);
}

bool door_is_there(unsigned int ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
			    .attach_point = BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = DOOR_HANDLE,
			    .priority = DOOR_PRIORITY);

	return !bpf_tc_query(&hook, &opts);
}

/*
 * The clsact goes with the filter if we made it, and nobody has put a filter of
 * theirs into it since. Whoever is killed in between leaves an empty one that
 * is on record: the next one knows it as ours.
 */
static int remove_door(unsigned int ifindex, bool made_clsact, void *ctx)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
			    .attach_point = BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = DOOR_HANDLE,
			    .priority = DOOR_PRIORITY);
	int r = 0;

	(void)ctx;
	/* the index may be another interface's by now: nothing of ours there */
	if (door_is_there(ifindex))
		r = bpf_tc_detach(&hook, &opts);
	if (!r && made_clsact && clsact_look(ifindex) == CLSACT_EMPTY) {
		/* both directions at once: the qdisc itself */
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		r = bpf_tc_hook_destroy(&hook);
	}

	return r == -ENODEV || r == -ENOENT || r == -EINVAL ? 0 : r;
}

void door_remove(const struct pins *pins, unsigned int ifindex)
{
	bool made_clsact = pins_made_clsact(pins, ifindex);

	(void)remove_door(ifindex, made_clsact, NULL);
	pins_forget_door(pins->root, ifindex);
}

int door_purge(const char *root)
{
	return pins_each_door(root, remove_door, NULL);
}
