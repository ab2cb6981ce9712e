/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a new policy changes in the kernel, found before it is written. */
#ifndef SPLITD_AGENDA_H
#define SPLITD_AGENDA_H

#include "loader/kernel/engine_private.h"

/* Owned; zeroes are no change, and may be cleared. */
struct agenda {
	struct binding_change *tunnels; /* of policy->tunnels */
	size_t n_tunnels;
	struct map_delta sets, classes;
	struct members_change members;
	struct host_seen host;
	bool *retired; /* by class: its app is gone */
	size_t n_retired;
};

/*
 * Looks at the host, the paths of selectors and the maps, and holds them
 * against the policy, which is engine->policy already. Numbers are given to
 * what is new in it, which nothing carries yet; else nothing is written.
 *
 * What changes from here on is told by whatever watches it, and looked at again
 * once the policy is written.
 */
int agenda_find(struct engine *engine, const struct policy *policy,
		struct agenda *ret_agenda);
void agenda_clear(struct agenda *agenda);

#endif
