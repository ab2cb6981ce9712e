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
	       const struct binding *bindings, size_t n_bindings)
{
	_cleanup_free_ struct rule_seen *rules = NULL;
	struct wanted_list list = { 0 };
	size_t n_rules;
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
		r = route_list_rules(context->nl, &rules, &n_rules);
	if (!r)
		r = replace(context->nl, table_base, &list, rules, n_rules);
	free(list.rules);

	return r;
}

/* ---- addresses --------------------------------------------------------- */

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

int addresses_sync(const struct binding_context *context,
		   const struct binding *bindings, size_t n_bindings)
{
	int map = attach_map(context->attach, MAP_ADDRESS), r;
	_cleanup_free_ struct in6_addr *keys = NULL;
	size_t n_keys;

	for (size_t i = 0; i < context->host->n_addrs; i++) {
		const struct netdev_addr *addr = &context->host->addrs[i];
		struct sp_owner owner = {
			.tunnel = tunnel_of(bindings, n_bindings, addr),
		};

		r = map_put(map, &addr->addr, &owner);
		if (r)
			return r;
	}
	r = map_keys(map, sizeof(*keys), (void **)&keys, &n_keys);
	for (size_t i = 0; !r && i < n_keys; i++)
		if (!netdev_has_addr(context->host, &keys[i]))
			r = map_del(map, &keys[i]);

	return r;
}
