/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Selectors made into what the kernel compares, and kept true. */
#ifndef SPLITD_MEMBERS_H
#define SPLITD_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/kernel/attach.h"
#include "loader/kernel/map_delta.h"
#include "policy/plan/policy.h"

struct members;

/*
 * cgroup_mount: where the cgroup2 hierarchy is mounted; scope: the governed
 * cgroup, which is watched as well. Both borrowed.
 */
int members_open(const struct attach *attach, const char *cgroup_mount,
		 const char *scope, struct members **ret_members);
void members_close(struct members *members);

/* Readable when a path of some selector may have changed. */
int members_fd(const struct members *members);
/* Drains it. */
void members_drain(struct members *members);

/* How the maps are to change. Owned; zeroes are no change. */
struct members_change {
	struct map_delta exes, paths, cgroups;
};

/*
 * Resolves all selectors of the policy anew, and finds what of the maps says
 * something else; classes[i] is the class of policy->apps[i]. Nothing is
 * written. A path that does not exist is no error: it is watched. From before
 * it is looked up a path is watched, so one of an executable that changes
 * between the finding and the writing is told of by members_fd().
 */
int members_find(struct members *members, const struct policy *policy,
		 const uint32_t *classes, struct members_change *ret_change);

/*
 * Other paths of cgroups are to be known than were. A cgroup that is removed
 * and made again is told of by the kernel hook that knows its path, and by no
 * watch; so one that was made between the finding and the writing was put where
 * the old paths say: once the new ones are written, it wants another look.
 */
bool members_change_is_blind(const struct members_change *change);

/* Writes what was found; *ret_changed: some entry is new or gone. */
int members_make(const struct members_change *change, bool *ret_changed);
void members_change_clear(struct members_change *change);

/* Both: the maps say exactly what the policy does. */
int members_sync(struct members *members, const struct policy *policy,
		 const uint32_t *classes, bool *ret_changed);

#endif
