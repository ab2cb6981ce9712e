/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan means for the flows there are. */
#include <errno.h>
#include <ifaddrs.h>
#include <linux/types.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/abi.h"
#include "loader/daemon/daemon.h"
#include "loader/daemon/plan.h"
#include "loader/kernel/flows.h"
#include "loader/util/cleanup.h"
#include "loader/util/file.h"
#include "loader/util/json.h"
#include "policy/plan/explain.h"
#include "policy/plan/local.h"
#include "policy/plan/policy.h"

struct judge {
	struct daemon *daemon;
	const struct policy *old, *new;
	struct ifaddrs *addresses;
};

static bool is_global(const struct sockaddr *addr)
{
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)addr;

	return addr->sa_family == AF_INET6 &&
	       !IN6_IS_ADDR_LINKLOCAL(&ipv6->sin6_addr);
}

/* An interface that no tunnel in force has: as it is at this moment. */
static void look_at(const struct judge *judge, const char *interface,
		    struct tunnel_facts *facts)
{
	for (struct ifaddrs *a = judge->addresses; a; a = a->ifa_next) {
		if (strcmp(a->ifa_name, interface) != 0)
			continue;
		facts->up |= (a->ifa_flags & (IFF_UP | IFF_RUNNING)) ==
			     (IFF_UP | IFF_RUNNING);
		if (!a->ifa_addr)
			continue;
		facts->has_ipv4 |= a->ifa_addr->sa_family == AF_INET;
		facts->has_ipv6 |= is_global(a->ifa_addr);
	}
}

/* The networks that are exempt now are exempt from the new tunnel, too. */
static int keep_local(const struct tunnel *tunnel,
		      const struct tunnel_facts *now,
		      struct prefix **ret_prefixes, size_t *ret_n)
{
	_cleanup_free_ struct prefix *local =
		calloc(now->n_prefixes + 1, sizeof(*local));
	size_t n = 0;

	if (!local)
		return -ENOMEM;
	for (size_t i = 0; i < now->n_prefixes; i++)
		if (now->prefixes[i].local)
			local[n++] = now->prefixes[i];
	return local_exempt(tunnel, local, n, ret_prefixes, ret_n);
}

static const struct tunnel *tunnel_of(const struct policy *policy,
				      const struct app *app)
{
	if (!app || app->tunnel == TUNNEL_NONE)
		return NULL;
	return &policy->tunnels[app->tunnel];
}

static void judge_old(const struct judge *judge, struct explain_query *query,
		      struct explanation *ret)
{
	const struct tunnel *tunnel = tunnel_of(judge->old, query->app);
	struct tunnel_status status = { 0 };

	if (tunnel)
		engine_tunnel(judge->daemon->engine, tunnel, &status);
	query->tunnel = status.facts;
	policy_explain(judge->old, query, ret);
}

static int judge_new(const struct judge *judge, struct explain_query *query,
		     struct explanation *ret)
{
	const struct tunnel *tunnel = tunnel_of(judge->new, query->app), *now;
	_cleanup_free_ struct prefix *prefixes = NULL;
	struct tunnel_status status = { 0 };
	size_t n = 0;
	int r;

	if (!tunnel) {
		policy_explain(judge->new, query, ret);
		return 0;
	}
	now = policy_find_tunnel(judge->old, tunnel->uuid);
	if (now)
		engine_tunnel(judge->daemon->engine, now, &status);
	r = keep_local(tunnel, &status.facts, &prefixes, &n);
	if (r < 0)
		return r;
	if (tunnel->interface && (!now || !now->interface ||
				  strcmp(now->interface, tunnel->interface))) {
		status.facts = (struct tunnel_facts){ 0 };
		look_at(judge, tunnel->interface, &status.facts);
	}
	query->tunnel = status.facts;
	query->tunnel.prefixes = prefixes;
	query->tunnel.n_prefixes = n;
	policy_explain(judge->new, query, ret);
	return 0;
}

/* Where it would go: the interface of a flow that enters a tunnel. */
static const char *way_of(const struct explanation *e)
{
	return e->verdict == SP_TUNNEL && e->tunnel->interface ?
		       e->tunnel->interface :
		       "";
}

static json_t *side_json(const struct explanation *e)
{
	return json_pack("{s:s, s:s, s:s?, s:s?}", "verdict",
			 verdict_name(e->verdict), "reason",
			 reason_name(e->reason), "tunnel",
			 e->tunnel ? e->tunnel->uuid : NULL, "interface",
			 *way_of(e) ? way_of(e) : NULL);
}

static json_t *flow_json(const struct live_flow *flow, const struct app *app,
			 const struct explanation *before,
			 const struct explanation *after)
{
	char address[INET6_ADDRSTRLEN] = "", path[64];
	_cleanup_fclose_ FILE *f = NULL;
	char name[64] = "";

	address_format(&flow->dst, address, sizeof(address));
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)flow->pid);
	f = fopen(path, "re");
	if (f && fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = '\0';
	return json_pack("{s:s, s:i, s:o, s:s, s:s, s:i, s:o, s:o}", "app",
			 app->id, "pid", (int)flow->pid, "process",
			 json_text(*name ? name : NULL), "proto",
			 flow->protocol == IPPROTO_TCP ? "tcp" : "udp",
			 "destination", address, "port", flow->port, "before",
			 side_json(before), "after", side_json(after));
}

static int judge_flow(const struct judge *judge, const struct live_flow *flow,
		      const struct app *app, json_t *array)
{
	struct explain_query query = {
		.app = app,
		.dst = flow->dst,
		.dst_is_host = engine_is_host_address(judge->daemon->engine,
						      &flow->dst),
	};
	struct explanation before, after;
	int r;

	judge_old(judge, &query, &before);
	query.app = policy_find_app(judge->new, app->id);
	query.tunnel = (struct tunnel_facts){ 0 };
	r = judge_new(judge, &query, &after);
	if (r < 0)
		return r;
	if (before.verdict == after.verdict &&
	    !strcmp(way_of(&before), way_of(&after)))
		return 0;
	return json_array_append_new(array,
				     flow_json(flow, app, &before, &after));
}

static json_t *judge_flows(const struct judge *judge,
			   const struct live_flow *flows, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct selector *selector;
		const struct app *app = NULL;

		if (engine_app_of_pid(judge->daemon->engine, flows[i].pid, &app,
				      &selector) < 0 ||
		    !app)
			continue;
		if (judge_flow(judge, &flows[i], app, array) < 0) {
			json_decref(array);
			return json_null();
		}
	}
	return array;
}

json_t *plan_flows(struct daemon *daemon, const struct policy *new)
{
	struct judge judge = { daemon, daemon->policy, new, NULL };
	_cleanup_free_ struct live_flow *flows = NULL;
	size_t n = 0;
	json_t *array;

	if (!new)
		return json_array();
	if (engine_flows(daemon->engine, &flows, &n) < 0 ||
	    getifaddrs(&judge.addresses) < 0)
		return json_null();
	array = judge_flows(&judge, flows, n);
	freeifaddrs(judge.addresses);
	return array;
}
