/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a flow goes where it goes: the kernel's own decision, told in words. */
#ifndef SPLITD_POLICY_EXPLAIN_H
#define SPLITD_POLICY_EXPLAIN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/plan/policy.h"

/* What the host knows of a tunnel at this moment (offline: all up). */
struct tunnel_facts {
	bool up;
	bool has_ipv4, has_ipv6; /* it has an address of the family */
	/* as they hold on this host (local_exempt()); NULL: as compiled */
	const struct prefix *prefixes;
	size_t n_prefixes;
};

struct explain_query {
	const struct app *app; /* NULL: the process belongs to no listed app */
	struct in6_addr dst;   /* v4-mapped for IPv4 */
	bool dst_is_host;      /* one of this host's own addresses */
	struct tunnel_facts tunnel; /* of the app's tunnel, when it has one */
};

struct explanation {
	uint32_t verdict; /* enum values of bpf/abi.h: SP_TUNNEL, ... */
	uint32_t reason;  /* likewise: SP_R_... */
	char text[256];	  /* one sentence, lower case */
	const struct tunnel *tunnel; /* of the app; NULL */
	const struct prefix *prefix; /* that decided; NULL */
	char near_miss[256]; /* "" or what would have changed the answer */
};

/*
 * Runs the decision of bpf/decide.h on the policy's data, so the answer is the
 * kernel's. Cannot fail.
 */
void policy_explain(const struct policy *policy,
		    const struct explain_query *query,
		    struct explanation *ret_explanation);

/* "tunnel", "direct", "block" and the fixed reason tokens of bpf/abi.h. */
const char *verdict_name(uint32_t verdict);
const char *reason_name(uint32_t reason);

/* "10.0.0.0/8" for a mapped prefix, "fd00::/8" for an IPv6 one. */
int prefix_format(const struct prefix *prefix, char *buf, size_t size);

/* A literal IPv4 or IPv6 address, v4-mapped taken as IPv4. -EINVAL. */
int address_parse(const char *text, struct in6_addr *ret_addr);
int address_format(const struct in6_addr *addr, char *buf, size_t size);

#endif
