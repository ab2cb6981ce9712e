// SPDX-License-Identifier: GPL-2.0-or-later
/* Our rules and routes: reading back what the kernel has. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/route.h"
#include "loader/util/cleanup.h"

static const int families[] = { AF_INET, AF_INET6 };
static const int already_gone[] = { ESRCH, ENOENT, 0 };

static void get_addr(const struct nlattr *attr, int family,
		     struct in6_addr *ret_addr)
{
	memset(ret_addr, 0, sizeof(*ret_addr));
	if (family == AF_INET) {
		ret_addr->s6_addr[10] = ret_addr->s6_addr[11] = 0xff;
		if (attr && mnl_attr_get_payload_len(attr) == 4)
			memcpy(&ret_addr->s6_addr[12],
			       mnl_attr_get_payload(attr), 4);
	} else if (attr && mnl_attr_get_payload_len(attr) == 16) {
		memcpy(ret_addr, mnl_attr_get_payload(attr), 16);
	}
}

struct table {
	const struct nlattr *attr[RTA_MAX + 1];
};

/* One size for routes and rules: FRA_MAX is the smaller. */
_Static_assert(FRA_MAX <= RTA_MAX, "attribute table");

static int store_attr(const struct nlattr *attr, void *ctx)
{
	struct table *table = ctx;

	if (mnl_attr_get_type(attr) <= RTA_MAX)
		table->attr[mnl_attr_get_type(attr)] = attr;

	return MNL_CB_OK;
}

static uint32_t attr_u32(const struct table *table, int type, uint32_t absent)
{
	return table->attr[type] ? mnl_attr_get_u32(table->attr[type]) : absent;
}

/* ---- routes ------------------------------------------------------------ */

struct route_walk {
	uint32_t table; /* 0: all */
	int (*each)(const struct route_seen *route, void *ctx);
	void *ctx;
};

static int on_route(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct route_walk *walk = data;
	struct route_seen seen = { .family = rtm->rtm_family };
	struct table attrs = { 0 };
	int r;

	if (nlh->nlmsg_type != RTM_NEWROUTE ||
	    rtm->rtm_protocol != ROUTE_PROTOCOL ||
	    rtm->rtm_flags & RTM_F_CLONED)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*rtm), store_attr, &attrs);
	seen.table = attr_u32(&attrs, RTA_TABLE, rtm->rtm_table);
	if (walk->table && seen.table != walk->table)
		return MNL_CB_OK;
	seen.excluded = rtm->rtm_type == RTN_THROW;
	/* IPv6 names the loopback device for a route without one */
	seen.ifindex = seen.excluded ? 0 : attr_u32(&attrs, RTA_OIF, 0);
	get_addr(attrs.attr[RTA_DST], rtm->rtm_family, &seen.prefix.addr);
	seen.prefix.len = rtm->rtm_dst_len;
	if (rtm->rtm_family == AF_INET)
		seen.prefix.len += 96;
	seen.prefix.excluded = seen.excluded;
	r = walk->each(&seen, walk->ctx);
	if (r) {
		errno = -r;
		return MNL_CB_ERROR;
	}

	return MNL_CB_OK;
}

static int walk_routes(struct nl *nl, struct route_walk *walk)
{
	for (size_t i = 0; i < 2; i++) {
		struct nlmsghdr *nlh = nl_queue(nl, RTM_GETROUTE, NLM_F_DUMP);
		struct rtmsg *rtm =
			mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
		int r;

		rtm->rtm_family = (unsigned char)families[i];
		rtm->rtm_protocol = ROUTE_PROTOCOL;
		if (walk->table)
			mnl_attr_put_u32(nlh, RTA_TABLE, walk->table);
		r = nl_dump(nl, on_route, walk);
		/* a filtered dump of a table that does not exist */
		if (r && r != -ENOENT)
			return r;
	}

	return 0;
}

struct prefix_list {
	struct prefix *prefixes;
	size_t n, room;
	unsigned int ifindex;
};

static int collect_prefix(const struct route_seen *route, void *ctx)
{
	struct prefix_list *list = ctx;
	struct prefix *grown;

	if (list->n == list->room) {
		list->room = list->room ? 2 * list->room : 256;
		grown = realloc(list->prefixes, list->room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		list->prefixes = grown;
	}
	list->prefixes[list->n] = route->prefix;
	if (!route->excluded && route->ifindex != list->ifindex)
		list->prefixes[list->n].origin = ROUTE_WRONG;
	list->n++;

	return 0;
}

static int compare_prefix(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int r = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return r ? r : (int)x->len - (int)y->len;
}

int route_list(struct nl *nl, uint32_t table, unsigned int ifindex,
	       struct prefix **ret_prefixes, size_t *ret_n)
{
	struct prefix_list list = { .ifindex = ifindex };
	struct route_walk walk = { table, collect_prefix, &list };
	size_t kept = 0;
	int r;

	r = walk_routes(nl, &walk);
	if (r) {
		free(list.prefixes);
		return r;
	}
	if (list.n)
		qsort(list.prefixes, list.n, sizeof(*list.prefixes),
		      compare_prefix);
	for (size_t i = 0; i < list.n; i++) {
		if (kept && !compare_prefix(&list.prefixes[kept - 1],
					    &list.prefixes[i]))
			list.prefixes[kept - 1].origin = ROUTE_WRONG;
		else
			list.prefixes[kept++] = list.prefixes[i];
	}
	*ret_prefixes = list.prefixes;
	*ret_n = kept;

	return 0;
}

struct table_range {
	uint32_t base, span;
	bool *used;
};

static int mark_table(const struct route_seen *route, void *ctx)
{
	const struct table_range *range = ctx;

	if (route->table - range->base < range->span)
		range->used[route->table - range->base] = true;

	return 0;
}

int route_tables(struct nl *nl, uint32_t base, uint32_t span, bool *ret_used)
{
	struct table_range range = { base, span, ret_used };
	struct route_walk walk = { 0, mark_table, &range };

	return walk_routes(nl, &walk);
}

int route_flush_table(struct nl *nl, uint32_t table)
{
	struct route_place place = { .prefix_table = table };
	_cleanup_free_ struct prefix *prefixes = NULL;
	size_t n;
	int r;

	r = route_list(nl, table, 0, &prefixes, &n);
	if (r)
		return r;
	nl_forgive(nl, already_gone);
	for (size_t i = 0; i < n; i++)
		route_prefix(nl, &place, &prefixes[i], false);

	return nl_flush(nl);
}

/* ---- rules ------------------------------------------------------------- */

struct rule_list {
	struct rule_seen *rules;
	size_t n;
};

static int on_rule(const struct nlmsghdr *nlh, void *data)
{
	const struct fib_rule_hdr *frh = mnl_nlmsg_get_payload(nlh);
	struct rule_list *list = data;
	struct table attrs = { 0 };
	struct rule_seen *grown, *seen;

	mnl_attr_parse(nlh, sizeof(*frh), store_attr, &attrs);
	if (nlh->nlmsg_type != RTM_NEWRULE || !attrs.attr[FRA_PROTOCOL] ||
	    mnl_attr_get_u8(attrs.attr[FRA_PROTOCOL]) != ROUTE_PROTOCOL)
		return MNL_CB_OK;
	grown = realloc(list->rules, (list->n + 1) * sizeof(*grown));
	if (!grown) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	list->rules = grown;
	seen = &list->rules[list->n++];
	memset(seen, 0, sizeof(*seen));
	seen->family = frh->family;
	seen->table = attr_u32(&attrs, FRA_TABLE, frh->table);
	seen->priority = attr_u32(&attrs, FRA_PRIORITY, 0);
	seen->mark = attr_u32(&attrs, FRA_FWMARK, 0);
	seen->mark_mask = attr_u32(&attrs, FRA_FWMASK, 0);
	get_addr(attrs.attr[FRA_SRC], frh->family, &seen->source);

	return MNL_CB_OK;
}

int route_list_rules(struct nl *nl, struct rule_seen **ret_rules, size_t *ret_n)
{
	struct rule_list list = { 0 };

	for (size_t i = 0; i < 2; i++) {
		struct nlmsghdr *nlh = nl_queue(nl, RTM_GETRULE, NLM_F_DUMP);
		struct fib_rule_hdr *frh =
			mnl_nlmsg_put_extra_header(nlh, sizeof(*frh));
		int r;

		frh->family = (unsigned char)families[i];
		r = nl_dump(nl, on_rule, &list);
		if (r) {
			free(list.rules);
			return r;
		}
	}
	*ret_rules = list.rules;
	*ret_n = list.n;

	return 0;
}

/* ---- lookup ------------------------------------------------------------ */

static int on_found(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct route_found *found = data;
	struct table attrs = { 0 };

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*rtm), store_attr, &attrs);
	found->ifindex = attr_u32(&attrs, RTA_OIF, 0);
	found->table = attr_u32(&attrs, RTA_TABLE, rtm->rtm_table);
	memset(&found->source, 0, sizeof(found->source));
	if (attrs.attr[RTA_PREFSRC])
		get_addr(attrs.attr[RTA_PREFSRC], rtm->rtm_family,
			 &found->source);

	return MNL_CB_STOP;
}

int route_lookup(struct nl *nl, const struct in6_addr *dst, uint32_t mark,
		 struct route_found *ret_found)
{
	bool is_ipv4 = IN6_IS_ADDR_V4MAPPED(dst);
	struct nlmsghdr *nlh = nl_queue(nl, RTM_GETROUTE, 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = is_ipv4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = is_ipv4 ? 32 : 128;
	/*
	 * Name the real table, not "main" for all (e3a22b7f5cc4, 4.12). IPv6
	 * always does, and refuses the flag where checks are strict.
	 */
	if (is_ipv4)
		rtm->rtm_flags = RTM_F_LOOKUP_TABLE;
	mnl_attr_put(nlh, RTA_DST, is_ipv4 ? 4 : 16,
		     is_ipv4 ? &dst->s6_addr[12] : dst->s6_addr);
	if (mark)
		mnl_attr_put_u32(nlh, RTA_MARK, mark);

	return nl_dump(nl, on_found, ret_found);
}
