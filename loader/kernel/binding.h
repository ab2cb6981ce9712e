/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One tunnel bound to its interface: routes, door and map entries. */
#ifndef SPLITD_BINDING_H
#define SPLITD_BINDING_H

#include <stdbool.h>

#include "bpf/abi.h"
#include "loader/kernel/attach.h"
#include "loader/kernel/netdev.h"
#include "loader/kernel/nl.h"
#include "loader/kernel/route.h"
#include "policy/plan/diff.h"
#include "policy/plan/policy.h"

/* What bindings share; all borrowed. */
struct binding_context {
	struct nl *nl;
	const struct attach *attach;
	const struct netdev *host;
	/* the networks the host is on, for local_exempt() */
	const struct prefix *on_link;
	size_t n_on_link;
	bool shadow;
	bool doors;  /* the maps are filled: a door may judge by them */
	bool *wrote; /* set before a map is written that verdicts depend on */
};

/*
 * A tunnel slot. tunnel belongs to the running policy. `routed` says that the
 * kernel's tables hold the tunnel's prefixes for place.ifindex, as far as we
 * know; it is cleared by whatever makes that doubtful. `known` likewise says
 * that the LPM map holds the prefixes.
 */
struct binding {
	uint32_t slot;
	const struct tunnel *tunnel;
	struct route_place place;
	struct prefix *prefixes; /* owned: as they hold on this host */
	size_t n_prefixes;
	struct sp_tunnel entry;	 /* as last written */
	struct sp_tunnel wanted; /* as the interface is now */
	bool written;
	bool routed;
	bool known;
	bool doorless; /* there can be no door, */
	bool told;     /* which has been told */
};

/*
 * Afterwards the prefixes of these bindings, in the order of their slots, are
 * `known`. The map is read once, however many they are.
 */
int binding_learn(const struct binding_context *context,
		  struct binding *bindings, size_t n_bindings);

/*
 * How the prefixes of a slot are to change: found without a write, so that
 * between the first write of a new policy and the last there are only writes.
 */
struct binding_change {
	struct prefix
		*prefixes; /* owned: those to be; once made, those before */
	size_t n_prefixes;
	struct prefix_delta delta;
};

/*
 * binding_make() does what binding_plan() found, in the LPM map and, while
 * routed, in the kernel's table. The binding's prefixes must not change in
 * between. binding_change_clear() comes last; zeroes may be cleared.
 */
int binding_plan(const struct binding_context *context, struct binding *binding,
		 const struct tunnel *tunnel,
		 struct binding_change *ret_change);
int binding_make(const struct binding_context *context, struct binding *binding,
		 struct binding_change *change);
void binding_change_clear(struct binding_change *change);

/*
 * Moves the prefixes of the slot to those that the tunnel has on this host, in
 * the LPM map and, while routed, in the kernel's table; from those it has, or
 * from whatever the map holds when that is not known. tunnel NULL: to none.
 */
int binding_prefixes(const struct binding_context *context,
		     struct binding *binding, const struct tunnel *tunnel);

/*
 * Brings door, routes and the interface's entry in line with the host as it is
 * now. A tunnel that is not ready is closed here; one that comes up is let in
 * by binding_open(), after rules and addresses. Both are idempotent.
 */
int binding_update(const struct binding_context *context,
		   struct binding *binding);
int binding_open(const struct binding_context *context,
		 struct binding *binding);

/*
 * Puts the door of its interface in its place. Where there can be none, which
 * is no error, the binding is doorless.
 */
int binding_door(const struct binding_context *context,
		 struct binding *binding);

/* Takes the slot's entries, door and routes away. */
int binding_remove(const struct binding_context *context,
		   struct binding *binding);

/*
 * What the kernel has of ours for all tunnels at once: read before anything is
 * written, and held against the host and the bindings by the two below. Owned;
 * zeroes may be cleared. Without context->attach only the rules are read; on
 * failure, what could be.
 */
struct owner_seen {
	struct in6_addr addr;
	struct sp_owner owner;
};
struct host_seen {
	struct rule_seen *rules;
	size_t n_rules;
	struct owner_seen *owners; /* sorted by address */
	size_t n_owners;
};

int host_seen_read(const struct binding_context *context,
		   struct host_seen *ret_seen);
void host_seen_clear(struct host_seen *seen);

/*
 * Makes our rules exactly those that the bindings want: one by mark and
 * family, one an address of each tunnel. A tunnel that is down and says
 * WhenDown=direct has no mark rule.
 */
int rules_sync(const struct binding_context *context, uint32_t table_base,
	       const struct binding *bindings, size_t n_bindings,
	       const struct host_seen *seen);

/* Makes sp_address exactly every address of the host, with its tunnel. */
int addresses_sync(const struct binding_context *context,
		   const struct binding *bindings, size_t n_bindings,
		   const struct host_seen *seen);

#endif
