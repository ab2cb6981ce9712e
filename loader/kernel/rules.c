// SPDX-License-Identifier: GPL-2.0-or-later
/* Our rules and the addresses behind them, for all tunnels at once. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/binding.h"
#include "loader/kernel/maps.h"
#include "loader/util/cleanup.h"

/* Tables of one instance: 256 by prefix, 256 for answers. */
#define TABLE_SPAN 512

static const int families[] = { AF_INET, AF_INET6 };

/* ---- what the bindings want ------------------------------------------- */

struct wanted {
	struct rule_seen rule;
	const struct binding *binding;
	bool there;
};

struct wanted_list {
	struct wanted *rules;
	size_t n;
};

static int want(struct wanted_list *list, const struct rule_seen *rule,
		const struct binding *binding)
{
	struct wanted *grown =
		realloc(list->rules, (list->n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	list->rules = grown;
	list->rules[list->n++] = (struct wanted){ *rule, binding, false };

	return 0;
}

static bool is_direct_while_down(const struct binding *binding)
{
	return binding->wanted.flags & SP_TUN_DOWN_DIRECT &&
	       !(binding->wanted.flags & SP_TUN_UP);
}

static int want_mark_rules(struct wanted_list *list,
			   const struct binding *binding)
{
	struct rule_seen rule = {
		.table = binding->place.prefix_table,
		.priority = binding->place.priority,
		.mark = binding->place.mark,
		.mark_mask = binding->place.mark_mask,
	};
	int r = 0;

	if (!binding->tunnel->interface || is_direct_while_down(binding))
		return 0;
	for (size_t i = 0; !r && i < 2; i++) {
		rule.family = families[i];
		r = want(list, &rule, binding);
	}

	return r;
}

static int want_address_rules(struct wanted_list *list,
			      const struct binding *binding,
			      const struct netdev *host)
{
	struct rule_seen rule = {
		.table = binding->place.answer_table,
		.priority = binding->place.priority + 1,
	};
	int r = 0;

	for (size_t i = 0; !r && i < host->n_addrs; i++) {
		const struct netdev_addr *addr = &host->addrs[i];

		if (!binding->place.ifindex || addr->broadcast ||
		    addr->link_local || addr->ifindex != binding->place.ifindex)
			continue;
		rule.source = addr->addr;
		rule.family = IN6_IS_ADDR_V4MAPPED(&addr->addr) ? AF_INET :
								  AF_INET6;
		r = want(list, &rule, binding);
	}

	return r;
}

/* ---- and what there is ------------------------------------------------- */

static bool is_same(const struct rule_seen *a, const struct rule_seen *b)
{
	return a->family == b->family && a->table == b->table &&
	       a->priority == b->priority && a->mark == b->mark &&
	       a->mark_mask == b->mark_mask &&
	       (a->mark_mask ||
		!memcmp(&a->source, &b->source, sizeof(a->source)));
}

/* Marks the wanted rule that this is; false: nobody wants it. */
static bool claim(struct wanted_list *list, const struct rule_seen *rule)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->rules[i].there ||
		    !is_same(&list->rules[i].rule, rule))
			continue;
		list->rules[i].there = true;
		return true;
	}

	return false;
}

static void queue_rule(struct nl *nl, const struct wanted *wanted)
{
	if (wanted->rule.mark_mask)
		route_mark_rule(nl, &wanted->binding->place,
				wanted->rule.family, true);
	else
		route_address_rule(nl, &wanted->binding->place,
				   &wanted->rule.source, true);
}

/* New ones before old ones go: a packet always finds one or the other. */
static int replace(struct nl *nl, uint32_t table_base, struct wanted_list *list,
		   const struct rule_seen *rules, size_t n_rules)
{
	static const int there[] = { EEXIST, EAFNOSUPPORT, 0 };
	static const int gone[] = { ENOENT, ESRCH, 0 };
	_cleanup_free_ bool *surplus = calloc(n_rules + 1, sizeof(*surplus));
	int r;

	if (!surplus)
		return -ENOMEM;
	for (size_t i = 0; i < n_rules; i++)
		surplus[i] = rules[i].table - table_base < TABLE_SPAN &&
			     !claim(list, &rules[i]);
	nl_forgive(nl, there);
	for (size_t i = 0; i < list->n; i++)
		if (!list->rules[i].there)
			queue_rule(nl, &list->rules[i]);
	r = nl_flush(nl);
	if (r)
		return r;
	nl_forgive(nl, gone);
	for (size_t i = 0; i < n_rules; i++)
		if (surplus[i])
			route_rule_del(nl, &rules[i]);

	return nl_flush(nl);
}

int rules_sync(const struct binding_context *context, uint32_t table_base,
	       const struct binding *bindings, size_t n_bindings,
	       const struct host_seen *seen)
{
	struct wanted_list list = { 0 };
	int r = 0;

	for (size_t i = 0; !r && !context->shadow && i < n_bindings; i++) {
		if (!bindings[i].tunnel)
			continue;
		r = want_mark_rules(&list, &bindings[i]);
		if (!r)
			r = want_address_rules(&list, &bindings[i],
					       context->host);
	}
	if (!r)
		r = replace(context->nl, table_base, &list, seen->rules,
			    seen->n_rules);
	free(list.rules);

	return r;
}

/* ---- addresses --------------------------------------------------------- */

static int list_owners(int map, struct owner_seen **ret_owners, size_t *ret_n)
{
	_cleanup_free_ struct in6_addr *keys = NULL;
	struct owner_seen *owners;
	size_t n_keys, n = 0;
	int r;

	r = map_keys(map, sizeof(*keys), (void **)&keys, &n_keys);
	if (r)
		return r;
	owners = calloc(n_keys + 1, sizeof(*owners));
	if (!owners)
		return -ENOMEM;
	for (size_t i = 0; i < n_keys; i++) {
		owners[n].addr = keys[i];
		n += !map_get(map, &keys[i], &owners[n].owner);
	}
	*ret_owners = owners;
	*ret_n = n;

	return 0;
}

static int compare_owners(const void *a, const void *b)
{
	const struct owner_seen *x = a, *y = b;

	return memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

static uint32_t tunnel_of(const struct binding *bindings, size_t n_bindings,
			  const struct netdev_addr *addr)
{
	/* a link-local address may be on several interfaces */
	if (addr->link_local || addr->broadcast)
		return 0;
	for (size_t i = 0; i < n_bindings; i++)
		if (bindings[i].tunnel && bindings[i].place.ifindex &&
		    bindings[i].place.ifindex == addr->ifindex)
			return bindings[i].slot;

	return 0;
}

/* Of an address on several interfaces the last one counts: they are sorted. */
static bool is_last(const struct netdev *host, size_t i)
{
	return i + 1 == host->n_addrs ||
	       memcmp(&host->addrs[i].addr, &host->addrs[i + 1].addr,
		      sizeof(host->addrs[i].addr)) != 0;
}

static const struct owner_seen *find_owner(const struct host_seen *seen,
					   const struct in6_addr *addr)
{
	const struct owner_seen key = { .addr = *addr };

	return seen->n_owners ? bsearch(&key, seen->owners, seen->n_owners,
					sizeof(*seen->owners), compare_owners) :
				NULL;
}

int addresses_sync(const struct binding_context *context,
		   const struct binding *bindings, size_t n_bindings,
		   const struct host_seen *seen)
{
	int map = attach_map(context->attach, MAP_ADDRESS), r = 0;
	const struct netdev *host = context->host;

	for (size_t i = 0; !r && i < host->n_addrs; i++) {
		const struct netdev_addr *addr = &host->addrs[i];
		const struct owner_seen *before = find_owner(seen, &addr->addr);
		struct sp_owner owner = {
			.tunnel = tunnel_of(bindings, n_bindings, addr),
		};

		if (!is_last(host, i) ||
		    (before && !memcmp(&before->owner, &owner, sizeof(owner))))
			continue;
		*context->wrote = true;
		r = map_put(map, &addr->addr, &owner);
	}
	for (size_t i = 0; !r && i < seen->n_owners; i++) {
		if (netdev_has_addr(host, &seen->owners[i].addr))
			continue;
		*context->wrote = true;
		r = map_del(map, &seen->owners[i].addr);
	}

	return r;
}

/* ---- what both are held against ---------------------------------------- */

/* A rule that comes or goes in the middle of it: once more. */
#define DUMP_TRIES 16

int host_seen_read(const struct binding_context *context,
		   struct host_seen *ret_seen)
{
	struct host_seen seen = { 0 };
	int r = -EINTR, s = 0;

	for (int i = 0; r == -EINTR && i < DUMP_TRIES; i++)
		r = route_list_rules(context->nl, &seen.rules, &seen.n_rules);
	if (context->attach)
		s = list_owners(attach_map(context->attach, MAP_ADDRESS),
				&seen.owners, &seen.n_owners);
	if (seen.n_owners)
		qsort(seen.owners, seen.n_owners, sizeof(*seen.owners),
		      compare_owners);
	*ret_seen = seen;

	return r ? r : s;
}

void host_seen_clear(struct host_seen *seen)
{
	free(seen->rules);
	free(seen->owners);
	*seen = (struct host_seen){ 0 };
}
