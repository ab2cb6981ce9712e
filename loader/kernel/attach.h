/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel programs: loading, adopting, attaching, and taking away. */
#ifndef SPLITD_ATTACH_H
#define SPLITD_ATTACH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

/* The maps of bpf/maps.h by which the daemon talks to the programs. */
enum map_id {
	MAP_CONFIG,
	MAP_CLASS,
	MAP_SET,
	MAP_TUNNEL,
	MAP_PREFIX,
	MAP_IFINDEX,
	MAP_ADDRESS,
	MAP_EXE,
	MAP_CGROUP,
	MAP_CG_PATH,
	MAP_TASK,
	MAP_SOCK,
	MAP_PEER,
	MAP_DROP,
	MAP_STAT,
	MAP_EVENT,
	MAP_CLASS_NAME,
	MAP_TUNNEL_NAME,
	MAP_MAX,
};

struct attach;
struct pins;

/*
 * Opens the pins below bpffs (mounting a BPF file system there when none is)
 * and loads the programs anew on the maps found, or on fresh ones. Nothing is
 * attached yet: what an earlier daemon attached goes on untouched.
 */
int attach_load(const char *bpffs, const struct sp_features *features,
		struct attach **ret_attach);
void attach_free(struct attach *attach);

/* A descriptor, owned by attach. */
int attach_map(const struct attach *attach, enum map_id id);

/* True if the maps were there already, with what an earlier daemon put in. */
bool attach_adopted(const struct attach *attach);

/* True if no daemon of any version had left anything. */
bool attach_is_first(const struct attach *attach);

/* True if nobody's hooks are pinned: nothing is governed. */
bool attach_is_bare(const struct attach *attach);

/*
 * Puts the programs on the cgroup and the tracepoints, the new before the old
 * is dropped, and pins the links. A link that has died with its cgroup is made
 * anew. `without` names one to leave out; the door is called "door".
 */
int attach_hooks(struct attach *attach, int cgroup_fd, uint64_t cgroup_id,
		 const char *without);

/* Drops the handles of the links, so that attach_hooks() looks again. */
void attach_let_go(struct attach *attach);

/* Takes the hooks off again. */
void attach_take_off(struct attach *attach);

/* NULL when every hook is in force; else the first that is not. */
const char *attach_missing(const struct attach *attach, uint64_t cgroup_id);

/*
 * The i-th hook: its link (-1: left out), and whether that still runs our
 * program on this cgroup. False: there are no more.
 */
struct hook_seen {
	const char *name;
	int link; /* borrowed */
	bool in_force;
};
bool attach_hook_at(const struct attach *attach, size_t i, uint64_t cgroup_id,
		    struct hook_seen *ret_hook);

/* Where things are pinned, and what is; all borrowed. */
const struct pins *attach_pins(const struct attach *attach);
int attach_map_path(const struct attach *attach, enum map_id id,
		    char ret_path[PATH_MAX]);
int attach_relock(struct attach *attach);
int attach_door_program(const struct attach *attach);

/* The door on a tunnel's egress: replaces an earlier one of ours. */
int attach_door(const struct attach *attach, unsigned int ifindex);
void attach_door_remove(const struct attach *attach, unsigned int ifindex);

/*
 * A new pass of the task iterator; reads as struct sp_task_record. -ENODATA
 * before the hooks are there: what it remembers, they clear away.
 */
int attach_iterate_tasks(const struct attach *attach, int *ret_fd);

/*
 * A new pass over what sockets remember, which takes the classes away that
 * sp_class calls retired; reads as nothing.
 */
int attach_iterate_sockets(const struct attach *attach, int *ret_fd);

/* Removes the maps of other versions, once everything runs on this one. */
int attach_drop_old(const struct attach *attach);

/*
 * Takes doors, links and maps away, whoever made them; a missing directory is
 * fine. Goes on after an error and returns the first.
 */
int attach_purge(const char *bpffs);

/* One line about the last failure of attach_load() or attach_hooks(). */
const char *attach_error(const struct attach *attach);

#endif
