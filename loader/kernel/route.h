/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our rules and routes, written and read back over netlink. */
#ifndef SPLITD_ROUTE_H
#define SPLITD_ROUTE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/kernel/nl.h"
#include "policy/plan/policy.h"

/*
 * What is ours carries our protocol number, in rules and routes alike, so that
 * it is known again after a crash. The kernel and iproute2 give 115 to nobody
 * (include/uapi/linux/rtnetlink.h, /etc/iproute2/rt_protos).
 */
#define ROUTE_PROTOCOL 115

/* Where one tunnel's rules and routes live. */
struct route_place {
	uint32_t prefix_table;
	uint32_t answer_table;
	uint32_t mark;
	uint32_t mark_mask;
	uint32_t priority; /* of the mark rule; the address rules: the next */
	unsigned int ifindex;
};

/*
 * All of these queue messages; nl_flush() sends them. route_prefix() adds or
 * replaces one prefix; excluded prefixes become `throw` routes.
 */
int route_prefix(struct nl *nl, const struct route_place *place,
		 const struct prefix *prefix, bool add);
/* The answer table's default route of one family. */
int route_default(struct nl *nl, const struct route_place *place, int family,
		  bool add);
/* "fwmark MARK/MASK lookup PREFIX_TABLE". */
int route_mark_rule(struct nl *nl, const struct route_place *place, int family,
		    bool add);
/* "from ADDRESS lookup ANSWER_TABLE"; v4-mapped for IPv4. */
int route_address_rule(struct nl *nl, const struct route_place *place,
		       const struct in6_addr *address, bool add);

/* One rule or route of ours as the kernel has it. */
struct route_seen {
	int family;
	uint32_t table;
	bool excluded; /* throw */
	unsigned int ifindex;
	struct prefix prefix; /* of a route */
};

struct rule_seen {
	int family;
	uint32_t table;
	uint32_t priority;
	uint32_t mark, mark_mask; /* mask 0: an address rule */
	struct in6_addr source;	  /* v4-mapped for IPv4 */
};

/*
 * Reads back what carries our protocol number in one table, sorted by (addr,
 * len) and without duplicates; routes of another type or interface than
 * `ifindex` (an excluded one has none) come with .origin = ROUTE_WRONG.
 */
#define ROUTE_WRONG UINT32_MAX
int route_list(struct nl *nl, uint32_t table, unsigned int ifindex,
	       struct prefix **ret_prefixes, size_t *ret_n);

int route_list_rules(struct nl *nl, struct rule_seen **ret_rules,
		     size_t *ret_n);

/* Deletes one rule as it was seen. */
int route_rule_del(struct nl *nl, const struct rule_seen *rule);

/* Every table number below base + span that holds a route of ours. */
int route_tables(struct nl *nl, uint32_t base, uint32_t span, bool *ret_used);

/* Empties one table of what is ours, both families. */
int route_flush_table(struct nl *nl, uint32_t table);

/* The lookup the kernel would do; -ENETUNREACH and the like from it. */
struct route_found {
	unsigned int ifindex;
	uint32_t table;
	struct in6_addr source; /* v4-mapped; :: when the kernel names none */
};
int route_lookup(struct nl *nl, const struct in6_addr *dst, uint32_t mark,
		 struct route_found *ret_found);

#endif
