/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a flow goes where it goes: the kernel's own decision, told in words. */
#include <linux/types.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "bpf/abi.h"
#include "bpf/decide.h"
#include "policy/model/prefix.h"
#include "policy/plan/explain.h"

static const char *const reason_tokens[SP_R_MAX] = {
#define TOKEN(name, number, token, class) [number] = token,
	SP_REASONS(TOKEN)
#undef TOKEN
};

const char *verdict_name(uint32_t verdict)
{
	switch (verdict) {
	case SP_DIRECT:
		return "direct";
	case SP_TUNNEL:
		return "tunnel";
	case SP_BLOCK:
		return "block";
	default:
		return "unknown";
	}
}

const char *reason_name(uint32_t reason)
{
	if (reason >= SP_R_MAX || !reason_tokens[reason])
		return "unknown";
	return reason_tokens[reason];
}

static bool is_ipv4(const struct in6_addr *addr)
{
	return IN6_IS_ADDR_V4MAPPED(addr);
}

static bool prefix_is_ipv4(const struct prefix *prefix)
{
	return prefix->len >= MAPPED_BITS && is_ipv4(&prefix->addr);
}

/* How many leading bits two addresses share. */
static unsigned int shared_bits(const struct in6_addr *a,
				const struct in6_addr *b)
{
	unsigned int n = 0;

	while (n < 128 && address_matches(a, b, n + 1))
		n++;
	return n;
}

/* The included prefix of the destination's family that misses it least. */
static const struct prefix *nearest(const struct tunnel *tunnel,
				    const struct in6_addr *dst)
{
	const struct prefix *best = NULL;
	unsigned int best_bits = 0;

	for (size_t i = 0; i < tunnel->n_prefixes; i++) {
		const struct prefix *prefix = &tunnel->prefixes[i];
		unsigned int bits;

		if (prefix->excluded || prefix_is_ipv4(prefix) != is_ipv4(dst))
			continue;
		bits = shared_bits(&prefix->addr, dst);
		if (!best || bits > best_bits) {
			best = prefix;
			best_bits = bits;
		}
	}
	return best;
}

static void __attribute__((format(printf, 2, 3)))
hint(struct explanation *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(e->near_miss, sizeof(e->near_miss), format, args);
	va_end(args);
}

static void hint_unbound(struct explanation *e, const struct policy *policy,
			 const struct app *app)
{
	if (e->tunnel && e->tunnel->disabled) {
		hint(e, "`splitctl enable %.200s' lets it govern again",
		     e->tunnel->uuid);
		return;
	}
	if (!app->linked_uuid) {
		for (size_t i = 0; i < policy->n_apps; i++)
			if (&policy->apps[i] != app &&
			    policy->apps[i].linked_uuid &&
			    strcasecmp(policy->apps[i].id, app->id) == 0)
				hint(e,
				     "%.100s is linked; it differs only by "
				     "letter case",
				     policy->apps[i].id);
		return;
	}
	for (size_t i = 0; i < policy->n_tunnels && !e->tunnel; i++)
		if (policy->tunnels[i].has_profile &&
		    strcasecmp(policy->tunnels[i].uuid, app->linked_uuid) == 0)
			hint(e,
			     "a profile defines %.100s; it differs only by "
			     "letter case",
			     policy->tunnels[i].uuid);
}

static void hint_unlisted(struct explanation *e, const struct tunnel *tunnel,
			  const struct in6_addr *dst)
{
	const struct prefix *prefix = nearest(tunnel, dst);
	char text[64];

	if (!prefix) {
		hint(e, "the tunnel has no included %s route",
		     is_ipv4(dst) ? "IPv4" : "IPv6");
		return;
	}
	prefix_format(prefix, text, sizeof(text));
	hint(e, "the nearest included route is %s", text);
}

/* An exclusion that hides an included route is worth a word. */
static void hint_excluded(struct explanation *e, const struct tunnel *tunnel,
			  const struct in6_addr *dst)
{
	const struct prefix *covering = NULL;
	char text[64];

	for (size_t i = 0; i < tunnel->n_prefixes; i++) {
		const struct prefix *prefix = &tunnel->prefixes[i];

		if (!prefix->excluded &&
		    prefix_is_ipv4(prefix) == is_ipv4(dst) &&
		    address_matches(&prefix->addr, dst, prefix->len) &&
		    (!covering || prefix->len > covering->len))
			covering = prefix;
	}
	if (!covering)
		return;
	prefix_format(covering, text, sizeof(text));
	hint(e, "%s is included, but the longer prefix wins", text);
}

static void add_hint(struct explanation *e, const struct policy *policy,
		     const struct tunnel *tunnel,
		     const struct explain_query *query)
{
	switch (e->reason) {
	case SP_R_APP_UNBOUND:
		hint_unbound(e, policy, query->app);
		break;
	case SP_R_DST_UNLISTED:
		hint_unlisted(e, tunnel, &query->dst);
		break;
	case SP_R_DST_EXCLUDED:
		hint_excluded(e, tunnel, &query->dst);
		break;
	case SP_R_FAMILY_MISSING:
		hint(e, "an %s address on %s would let it enter",
		     is_ipv4(&query->dst) ? "IPv4" : "IPv6",
		     e->tunnel->interface);
		break;
	default:
		break;
	}
}

static const char *unbound_text(const struct explain_query *query,
				const struct tunnel *tunnel)
{
	if (!query->app->linked_uuid)
		return "no command links the app to a tunnel";
	if (!tunnel)
		return "the app's link is pending: no profile defines its "
		       "VPNUUID";
	if (tunnel->disabled)
		return "the app's tunnel is disabled, by `splitctl disable'";
	return "the app's tunnel is bound to no interface";
}

/* Why there is an excluded route that no file has. */
static const char *unwritten(const struct prefix *prefix)
{
	if (prefix->local)
		return " (a local network, by ExcludeLocalNetworks)";
	return prefix->built_in ? " (always direct)" : "";
}

static void tell(struct explanation *e, const struct explain_query *query)
{
	const char *device =
		e->tunnel && e->tunnel->interface ? e->tunnel->interface : "";
	char *text = e->text, prefix[64] = "";
	const size_t size = sizeof(e->text);

	if (e->prefix)
		prefix_format(e->prefix, prefix, sizeof(prefix));
	switch (e->reason) {
	case SP_R_APP_UNLISTED:
		snprintf(text, size, "the process belongs to no listed app");
		break;
	case SP_R_APP_UNBOUND:
		snprintf(text, size, "%s", unbound_text(query, e->tunnel));
		break;
	case SP_R_HOST_ADDRESS:
		snprintf(text, size, "the destination is this host itself");
		break;
	case SP_R_DST_UNLISTED:
		snprintf(text, size,
			 "no route of the tunnel holds the destination");
		break;
	case SP_R_DST_EXCLUDED:
		snprintf(text, size,
			 "the excluded route %s holds the destination%s",
			 prefix, unwritten(e->prefix));
		break;
	case SP_R_DST_INCLUDED:
		snprintf(text, size,
			 "the included route %s holds the destination", prefix);
		break;
	case SP_R_DOWN_DIRECT:
		snprintf(text, size, "%s is down and WhenDown is direct",
			 device);
		break;
	case SP_R_TUNNEL_DOWN:
		snprintf(text, size, "%s is down and the route %s is listed",
			 device, prefix);
		break;
	case SP_R_FAMILY_MISSING:
		snprintf(text, size,
			 "%s has no %s address and the route %s is listed",
			 device, is_ipv4(&query->dst) ? "IPv4" : "IPv6",
			 prefix);
		break;
	default:
		snprintf(text, size, "%s", reason_name(e->reason));
	}
}

static __u32 tunnel_flags(const struct tunnel *tunnel,
			  const struct tunnel_facts *facts)
{
	__u32 flags = 0;

	flags |= facts->up ? SP_TUN_UP : 0;
	flags |= facts->has_ipv4 ? SP_TUN_IPV4 : 0;
	flags |= facts->has_ipv6 ? SP_TUN_IPV6 : 0;
	flags |= tunnel->when_down == WHEN_DOWN_DIRECT ? SP_TUN_DOWN_DIRECT : 0;
	return flags;
}

void policy_explain(const struct policy *policy,
		    const struct explain_query *query,
		    struct explanation *ret_explanation)
{
	const struct app *app = query->app;
	const struct tunnel_facts *seen = &query->tunnel;
	struct tunnel held = { 0 }; /* the tunnel as it holds on this host */
	struct explanation e = { 0 };
	struct sp_facts facts = {
		.class = app != NULL,
		.is_ipv6 = !is_ipv4(&query->dst),
		.dst_is_host = query->dst_is_host,
	};
	struct sp_decision decision;

	if (app && app->tunnel != TUNNEL_NONE)
		e.tunnel = &policy->tunnels[app->tunnel];
	if (e.tunnel)
		held = *e.tunnel;
	if (e.tunnel && seen->prefixes) {
		held.prefixes = (struct prefix *)seen->prefixes;
		held.n_prefixes = seen->n_prefixes;
	}
	if (held.interface) {
		facts.tunnel = 1;
		facts.tunnel_flags = tunnel_flags(&held, seen);
		e.prefix = tunnel_match(&held, &query->dst);
	}
	if (e.prefix) {
		facts.has_route = 1;
		facts.route_verdict = e.prefix->excluded ? SP_DIRECT :
							   SP_TUNNEL;
	}

	decision = sp_decide(&facts);
	e.verdict = decision.verdict;
	e.reason = decision.reason;
	tell(&e, query);
	add_hint(&e, policy, &held, query);
	*ret_explanation = e;
}
