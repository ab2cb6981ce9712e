// SPDX-License-Identifier: GPL-2.0-or-later
/* One tunnel bound to its interface: routes, door and map entries. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/binding.h"
#include "loader/kernel/maps.h"
#include "loader/util/cleanup.h"
#include "policy/model/model.h"
#include "policy/plan/local.h"

/*
 * The order is what keeps a tunnel closed while it changes. Going down: the map
 * entry first, so that the hooks refuse at once. Coming up: door, routes, then
 * (for all tunnels) addresses and rules, and only then the entry that lets
 * flows in.
 */

/*
 * A route that is gone already, its interface took it along; or one of a family
 * that the interface or the host does not have: there is nothing to lose, and
 * the hooks say SP_R_FAMILY_MISSING.
 */
static const int gone[] = { ESRCH,	  ENOENT,     ENODEV, EACCES,
			    EAFNOSUPPORT, EOPNOTSUPP, 0 };

/* ---- prefixes ---------------------------------------------------------- */

/* All may be replaced in one reload, the new ones first. */
_Static_assert(SP_MAX_PREFIXES >= 2 * PREFIXES_MAX, "prefixes");

struct prefix_change {
	const struct binding_context *context;
	const struct binding *binding;
	bool to_map;
	bool to_table;
	struct prefix_batch added;
};

static int add_prefix(void *ctx, const struct prefix *prefix)
{
	struct prefix_change *change = ctx;
	int r = 0;

	if (change->to_table)
		r = route_prefix(change->context->nl, &change->binding->place,
				 prefix, true);
	if (!r && change->to_map)
		r = prefix_batch_put(&change->added, prefix);

	return r;
}

static int del_prefix(void *ctx, const struct prefix *prefix)
{
	struct prefix_change *change = ctx;
	int r = 0;

	if (change->to_table)
		r = route_prefix(change->context->nl, &change->binding->place,
				 prefix, false);
	if (!r && change->to_map)
		r = prefix_batch_flush(&change->added);
	if (!r && change->to_map)
		r = map_prefix_del(change->added.fd, change->added.set, prefix);

	return r;
}

static int change_prefixes(struct prefix_change *change,
			   const struct prefix_delta *delta)
{
	const struct prefix_sink sink = { add_prefix, del_prefix, change };
	int r, s;

	change->added.fd = attach_map(change->context->attach, MAP_PREFIX);
	change->added.set = change->binding->slot;
	change->added.n = 0;
	if (change->to_map && (delta->n_added || delta->n_gone))
		*change->context->wrote = true;
	nl_forgive(change->context->nl, gone);
	r = prefix_delta_tell(delta, &sink);
	if (!r)
		r = prefix_batch_flush(&change->added);
	s = nl_flush(change->context->nl);

	return r ? r : s;
}

/* The slot's part of what the map holds, which is sorted by slot. */
static int take_share(struct binding *binding, const struct prefix *all,
		      size_t n_all, size_t *at)
{
	size_t begin = *at, n;
	struct prefix *share;

	while (begin < n_all && all[begin].origin < binding->slot)
		begin++;
	for (n = 0; begin + n < n_all; n++)
		if (all[begin + n].origin != binding->slot)
			break;
	*at = begin + n;
	share = calloc(n + 1, sizeof(*share));
	if (!share)
		return -ENOMEM;
	if (n)
		memcpy(share, all + begin, n * sizeof(*share));
	free(binding->prefixes);
	binding->prefixes = share;
	binding->n_prefixes = n;
	binding->known = true;

	return 0;
}

int binding_learn(const struct binding_context *context,
		  struct binding *bindings, size_t n_bindings)
{
	_cleanup_free_ struct prefix *all = NULL;
	size_t n_all, at = 0;
	bool known = true;
	int r = 0;

	for (size_t i = 0; i < n_bindings; i++)
		known &= bindings[i].known;
	if (known)
		return 0;
	r = map_prefix_list(attach_map(context->attach, MAP_PREFIX), &all,
			    &n_all);
	for (size_t i = 0; !r && i < n_bindings; i++)
		if (!bindings[i].known)
			r = take_share(&bindings[i], all, n_all, &at);

	return r;
}

void binding_change_clear(struct binding_change *change)
{
	prefix_delta_clear(&change->delta);
	free(change->prefixes);
	*change = (struct binding_change){ 0 };
}

int binding_plan(const struct binding_context *context, struct binding *binding,
		 const struct tunnel *tunnel, struct binding_change *ret_change)
{
	static const struct tunnel none;
	struct binding_change change = { 0 };
	int r;

	r = local_exempt(tunnel ? tunnel : &none, context->on_link,
			 context->n_on_link, &change.prefixes,
			 &change.n_prefixes);
	if (!r)
		r = binding_learn(context, binding, 1);
	if (!r)
		r = prefix_delta_find(binding->prefixes, binding->n_prefixes,
				      change.prefixes, change.n_prefixes,
				      &change.delta);
	if (r) {
		binding->known = false; /* so it is tried again */
		binding_change_clear(&change);
		return r;
	}
	*ret_change = change;

	return 0;
}

int binding_make(const struct binding_context *context, struct binding *binding,
		 struct binding_change *change)
{
	struct prefix_change writes = {
		.context = context,
		.binding = binding,
		.to_map = true,
		.to_table = binding->routed,
	};
	struct prefix *before = binding->prefixes;
	int r;

	binding->prefixes = change->prefixes;
	binding->n_prefixes = change->n_prefixes;
	change->prefixes = before;
	r = change_prefixes(&writes, &change->delta);
	/* what map and table hold now is anybody's guess */
	if (r)
		binding->routed = binding->known = false;

	return r;
}

int binding_prefixes(const struct binding_context *context,
		     struct binding *binding, const struct tunnel *tunnel)
{
	_cleanup_(binding_change_clear) struct binding_change change = { 0 };
	int r = binding_plan(context, binding, tunnel, &change);

	return r ? r : binding_make(context, binding, &change);
}

/* A route of ours that is not as it should be: out of the way first. */
static int drop_wrong(const struct binding_context *context,
		      const struct binding *binding, struct prefix *found,
		      size_t *n_found)
{
	size_t kept = 0;

	nl_forgive(context->nl, gone);
	for (size_t i = 0; i < *n_found; i++) {
		if (found[i].origin == ROUTE_WRONG)
			route_prefix(context->nl, &binding->place, &found[i],
				     false);
		else
			found[kept++] = found[i];
	}
	*n_found = kept;

	return nl_flush(context->nl);
}

/* From whatever the tunnel's tables hold to what they should. */
static int write_routes(const struct binding_context *context,
			struct binding *binding)
{
	struct prefix_change change = {
		.context = context,
		.binding = binding,
		.to_table = true,
	};
	_cleanup_(prefix_delta_clear) struct prefix_delta delta = { 0 };
	_cleanup_free_ struct prefix *found = NULL;
	static const int no_ipv6[] = { ESRCH, EAFNOSUPPORT, EACCES, ENODEV, 0 };
	size_t n_found;
	int r;

	r = route_list(context->nl, binding->place.prefix_table,
		       binding->place.ifindex, &found, &n_found);
	if (!r)
		r = drop_wrong(context, binding, found, &n_found);
	if (!r)
		r = prefix_delta_find(found, n_found, binding->prefixes,
				      binding->n_prefixes, &delta);
	if (!r)
		r = change_prefixes(&change, &delta);
	if (r)
		return r;

	route_default(context->nl, &binding->place, AF_INET, true);
	r = nl_flush(context->nl);
	if (r)
		return r;
	/* an interface with IPv6 disabled has no IPv6 route to lose */
	nl_forgive(context->nl, no_ipv6);
	route_default(context->nl, &binding->place, AF_INET6, true);

	return nl_flush(context->nl);
}

/* ---- the interface ----------------------------------------------------- */

static struct sp_tunnel want_entry(const struct binding_context *context,
				   const struct binding *binding,
				   const struct netdev_link *link)
{
	struct sp_tunnel entry = { .mark = binding->place.mark };
	struct in6_addr source;

	if (binding->tunnel->when_down == WHEN_DOWN_DIRECT)
		entry.flags |= SP_TUN_DOWN_DIRECT;
	if (binding->tunnel->inbound == INBOUND_DENY)
		entry.flags |= SP_TUN_DENY_INBOUND;
	if (!link)
		return entry;
	entry.ifindex = link->ifindex;
	netdev_source(context->host, link->ifindex, AF_INET, &source);
	if (!IN6_IS_ADDR_UNSPECIFIED(&source))
		entry.flags |= SP_TUN_IPV4;
	entry.src4 = sp_addr_of(&source);
	netdev_source(context->host, link->ifindex, AF_INET6, &source);
	if (!IN6_IS_ADDR_UNSPECIFIED(&source))
		entry.flags |= SP_TUN_IPV6;
	entry.src6 = sp_addr_of(&source);
	if (link->usable)
		entry.flags |= SP_TUN_UP;

	return entry;
}

static int write_entry(const struct binding_context *context,
		       struct binding *binding, const struct sp_tunnel *entry)
{
	int r;

	if (binding->written && !memcmp(entry, &binding->entry, sizeof(*entry)))
		return 0;
	*context->wrote = true;
	r = map_put(attach_map(context->attach, MAP_TUNNEL), &binding->slot,
		    entry);
	if (r)
		return r;
	binding->entry = *entry;
	binding->written = true;

	return 0;
}

/* Not when another tunnel has taken the interface over since. */
static bool holds_interface(const struct binding_context *context,
			    const struct binding *binding)
{
	uint32_t slot;

	return binding->place.ifindex &&
	       !map_get(attach_map(context->attach, MAP_IFINDEX),
			&binding->place.ifindex, &slot) &&
	       slot == binding->slot;
}

int binding_door(const struct binding_context *context, struct binding *binding)
{
	int r = attach_door(context->attach, binding->place.ifindex);

	binding->doorless = r == -EBUSY;

	return binding->doorless ? 0 : r;
}

/* The interface is another one than before, or none. */
static int change_interface(const struct binding_context *context,
			    struct binding *binding, unsigned int ifindex)
{
	int map = attach_map(context->attach, MAP_IFINDEX), r = 0;

	if (binding->place.ifindex == ifindex)
		return 0;
	*context->wrote = true;
	if (holds_interface(context, binding)) {
		attach_door_remove(context->attach, binding->place.ifindex);
		r = map_del(map, &binding->place.ifindex);
	}
	binding->place.ifindex = 0;
	binding->routed = false;
	binding->doorless = binding->told = false;
	if (r || !ifindex)
		return r;
	r = map_put(map, &ifindex, &binding->slot);
	if (r)
		return r;
	binding->place.ifindex = ifindex;
	r = context->doors ? binding_door(context, binding) : 0;
	if (r)
		binding->place.ifindex = 0;

	return r;
}

/* What an earlier daemon left open for this very interface stays open. */
static bool adopt_entry(const struct binding_context *context,
			struct binding *binding, const struct sp_tunnel *wanted)
{
	struct sp_tunnel entry;

	if (binding->written ||
	    map_get(attach_map(context->attach, MAP_TUNNEL), &binding->slot,
		    &entry) ||
	    memcmp(&entry, wanted, sizeof(entry)))
		return false;
	binding->entry = entry;
	binding->written = true;

	return true;
}

int binding_update(const struct binding_context *context,
		   struct binding *binding)
{
	const struct netdev_link *link =
		netdev_find_link(context->host, binding->tunnel->interface);
	struct sp_tunnel wanted = want_entry(context, binding, link);
	struct sp_tunnel closed = wanted;
	uint32_t families = SP_TUN_IPV4 | SP_TUN_IPV6;
	bool same;
	int r = 0;

	/* losing its last address, an interface loses its routes */
	if ((wanted.flags ^ binding->entry.flags) & families ||
	    !(wanted.flags & SP_TUN_UP) ||
	    wanted.ifindex != binding->place.ifindex)
		binding->routed = false;
	binding->wanted = wanted;
	if (binding->written && binding->routed)
		return 0;

	closed.flags &= ~(uint32_t)SP_TUN_UP;
	/* only routes are in doubt: until they are right, the guard drops */
	same = binding->written &&
	       !memcmp(&wanted, &binding->entry, sizeof(wanted));
	if (!same && !adopt_entry(context, binding, &wanted))
		r = write_entry(context, binding, &closed);
	if (!r)
		r = change_interface(context, binding, wanted.ifindex);
	if (r || !(wanted.flags & SP_TUN_UP) || context->shadow)
		return r;
	r = write_routes(context, binding);
	binding->routed = !r;

	return r;
}

int binding_open(const struct binding_context *context, struct binding *binding)
{
	if (!binding->routed && !context->shadow)
		return 0;

	return write_entry(context, binding, &binding->wanted);
}

int binding_remove(const struct binding_context *context,
		   struct binding *binding)
{
	static const struct sp_tunnel none;
	int r, s;

	r = write_entry(context, binding, &none);
	s = change_interface(context, binding, 0);
	if (!r)
		r = s;
	binding->routed = false;
	s = binding_prefixes(context, binding, NULL);
	if (!r)
		r = s;
	binding->tunnel = NULL;
	binding->written = false;
	memset(&binding->wanted, 0, sizeof(binding->wanted));
	s = route_flush_table(context->nl, binding->place.prefix_table);
	if (!r)
		r = s;
	s = route_flush_table(context->nl, binding->place.answer_table);

	return r ? r : s;
}
