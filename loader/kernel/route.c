// SPDX-License-Identifier: GPL-2.0-or-later
/* Our rules and routes: the messages that write them. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "loader/kernel/route.h"

/* v4-mapped prefixes: what the kernel's IPv4 tables call length 0. */
#define MAPPED_LEN 96

static int family_of(const struct in6_addr *addr)
{
	return IN6_IS_ADDR_V4MAPPED(addr) ? AF_INET : AF_INET6;
}

/* The attribute of an address in its own family's size. */
static void put_addr(struct nlmsghdr *nlh, uint16_t type,
		     const struct in6_addr *addr)
{
	if (family_of(addr) == AF_INET)
		mnl_attr_put(nlh, type, 4, &addr->s6_addr[12]);
	else
		mnl_attr_put(nlh, type, 16, addr);
}

static struct nlmsghdr *queue_route(struct nl *nl, int family, uint32_t table,
				    bool add, struct rtmsg **ret_rtm)
{
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	nlh = nl_queue(nl, add ? RTM_NEWROUTE : RTM_DELROUTE,
		       add ? NLM_F_CREATE | NLM_F_REPLACE : 0);
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = (unsigned char)family;
	rtm->rtm_protocol = ROUTE_PROTOCOL;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_TABLE, table);
	*ret_rtm = rtm;

	return nlh;
}

int route_prefix(struct nl *nl, const struct route_place *place,
		 const struct prefix *prefix, bool add)
{
	int family = prefix->len >= MAPPED_LEN ? family_of(&prefix->addr) :
						 AF_INET6;
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	nlh = queue_route(nl, family, place->prefix_table, add, &rtm);
	rtm->rtm_dst_len = prefix->len;
	if (family == AF_INET)
		rtm->rtm_dst_len -= MAPPED_LEN;
	put_addr(nlh, RTA_DST, &prefix->addr);
	if (!add) {
		/* whatever its type: the prefix is known by its place alone */
		rtm->rtm_type = RTN_UNSPEC;
		rtm->rtm_scope = RT_SCOPE_NOWHERE;
		return 0;
	}
	if (prefix->excluded) {
		rtm->rtm_type = RTN_THROW;
		return 0;
	}
	rtm->rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	mnl_attr_put_u32(nlh, RTA_OIF, place->ifindex);

	return 0;
}

int route_default(struct nl *nl, const struct route_place *place, int family,
		  bool add)
{
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	nlh = queue_route(nl, family, place->answer_table, add, &rtm);
	rtm->rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	if (add)
		mnl_attr_put_u32(nlh, RTA_OIF, place->ifindex);
	else
		rtm->rtm_scope = RT_SCOPE_NOWHERE;

	return 0;
}

static struct nlmsghdr *queue_rule(struct nl *nl, int family, uint32_t priority,
				   uint32_t table, bool add,
				   struct fib_rule_hdr **ret_frh)
{
	struct fib_rule_hdr *frh;
	struct nlmsghdr *nlh;

	nlh = nl_queue(nl, add ? RTM_NEWRULE : RTM_DELRULE,
		       add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	frh = mnl_nlmsg_put_extra_header(nlh, sizeof(*frh));
	frh->family = (unsigned char)family;
	frh->action = FR_ACT_TO_TBL;
	mnl_attr_put_u32(nlh, FRA_PRIORITY, priority);
	mnl_attr_put_u32(nlh, FRA_TABLE, table);
	mnl_attr_put_u8(nlh, FRA_PROTOCOL, ROUTE_PROTOCOL);
	*ret_frh = frh;

	return nlh;
}

int route_mark_rule(struct nl *nl, const struct route_place *place, int family,
		    bool add)
{
	struct fib_rule_hdr *frh;
	struct nlmsghdr *nlh;

	nlh = queue_rule(nl, family, place->priority, place->prefix_table, add,
			 &frh);
	mnl_attr_put_u32(nlh, FRA_FWMARK, place->mark);
	mnl_attr_put_u32(nlh, FRA_FWMASK, place->mark_mask);

	return 0;
}

int route_address_rule(struct nl *nl, const struct route_place *place,
		       const struct in6_addr *address, bool add)
{
	int family = family_of(address);
	struct fib_rule_hdr *frh;
	struct nlmsghdr *nlh;

	nlh = queue_rule(nl, family, place->priority + 1, place->answer_table,
			 add, &frh);
	frh->src_len = family == AF_INET ? 32 : 128;
	put_addr(nlh, FRA_SRC, address);

	return 0;
}

int route_rule_del(struct nl *nl, const struct rule_seen *rule)
{
	struct fib_rule_hdr *frh;
	struct nlmsghdr *nlh;

	nlh = queue_rule(nl, rule->family, rule->priority, rule->table, false,
			 &frh);
	if (rule->mark_mask) {
		mnl_attr_put_u32(nlh, FRA_FWMARK, rule->mark);
		mnl_attr_put_u32(nlh, FRA_FWMASK, rule->mark_mask);
	} else {
		frh->src_len = rule->family == AF_INET ? 32 : 128;
		put_addr(nlh, FRA_SRC, &rule->source);
	}

	return 0;
}
