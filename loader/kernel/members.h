/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Selectors made into what the kernel compares, and kept true. */
#ifndef SPLITD_MEMBERS_H
#define SPLITD_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/kernel/attach.h"
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

/*
 * Resolves all selectors of the policy anew and makes the maps say exactly
 * that; classes[i] is the class of policy->apps[i]. A path that does not exist
 * is no error: it is watched. *ret_changed: some entry is new or gone.
 */
int members_sync(struct members *members, const struct policy *policy,
		 const uint32_t *classes, bool *ret_changed);

#endif
