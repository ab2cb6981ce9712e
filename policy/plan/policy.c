/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The compiled policy: release and look-ups. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model/prefix.h"
#include "policy/plan/policy.h"
#include "policy/read/arena.h"

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	arena_free(policy->arena);
	free(policy);
}

static int compare_tunnel(const void *uuid, const void *tunnel)
{
	return strcmp(uuid, ((const struct tunnel *)tunnel)->uuid);
}

const struct tunnel *policy_find_tunnel(const struct policy *policy,
					const char *uuid)
{
	if (!policy->n_tunnels)
		return NULL;
	return bsearch(uuid, policy->tunnels, policy->n_tunnels,
		       sizeof(*policy->tunnels), compare_tunnel);
}

static int compare_app(const void *id, const void *app)
{
	return strcmp(id, ((const struct app *)app)->id);
}

const struct app *policy_find_app(const struct policy *policy, const char *id)
{
	if (!policy->n_apps)
		return NULL;
	return bsearch(id, policy->apps, policy->n_apps, sizeof(*policy->apps),
		       compare_app);
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	uint64_t x[2], y[2];

	/* two words, not a call: who sorts a million asks 20 million times */
	memcpy(x, &a->addr, sizeof(x));
	memcpy(y, &b->addr, sizeof(y));
	for (int i = 0; i < 2; i++)
		if (x[i] != y[i])
			return be64toh(x[i]) < be64toh(y[i]) ? -1 : 1;
	return (int)a->len - (int)b->len;
}

const struct prefix *tunnel_match(const struct tunnel *tunnel,
				  const struct in6_addr *addr)
{
	const struct prefix *best = NULL;

	for (size_t i = 0; i < tunnel->n_prefixes; i++) {
		const struct prefix *prefix = &tunnel->prefixes[i];

		if ((!best || prefix->len > best->len) &&
		    address_matches(&prefix->addr, addr, prefix->len))
			best = prefix;
	}
	return best;
}
