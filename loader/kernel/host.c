// SPDX-License-Identifier: GPL-2.0-or-later
/* The networks this host is on, apart from those of its tunnels. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/engine_private.h"
#include "policy/model/prefix.h"

static bool is_tunnel(const struct policy *policy, const char *name)
{
	for (size_t i = 0; policy && i < policy->n_tunnels; i++)
		if (policy->tunnels[i].interface &&
		    !strcmp(policy->tunnels[i].interface, name))
			return true;

	return false;
}

/* Without a carrier nobody is there to be reached. */
static bool counts(const struct engine *engine, const struct netdev_addr *addr)
{
	const struct netdev_link *link =
		netdev_link_at(&engine->host, addr->ifindex);

	return !addr->broadcast && link && link->usable &&
	       !is_tunnel(engine->policy, link->name);
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

/* Sorted, each once: two lists of the same networks are the same bytes. */
static int list_networks(const struct engine *engine,
			 struct prefix **ret_networks, size_t *ret_n)
{
	const struct netdev *host = &engine->host;
	struct prefix *list = calloc(host->n_addrs + 1, sizeof(*list));
	size_t n = 0, kept = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < host->n_addrs; i++) {
		if (!counts(engine, &host->addrs[i]))
			continue;
		list[n].addr = host->addrs[i].net;
		list[n].len = host->addrs[i].net_len;
		address_mask(&list[n].addr, list[n].len);
		n++;
	}
	qsort(list, n, sizeof(*list), compare);
	for (size_t i = 0; i < n; i++)
		if (!kept || prefix_compare(&list[kept - 1], &list[i]))
			list[kept++] = list[i];
	*ret_networks = list;
	*ret_n = kept;

	return 0;
}

int engine_read_host(struct engine *engine, bool *ret_moved)
{
	struct prefix *networks;
	size_t n;
	int r;

	r = netdev_read(engine->nl, &engine->host);
	if (!r)
		r = list_networks(engine, &networks, &n);
	if (r)
		return engine_fail(engine, r, "cannot read interfaces");
	*ret_moved =
		n != engine->n_on_link ||
		(n && memcmp(networks, engine->on_link, n * sizeof(*networks)));
	free(engine->on_link);
	engine->on_link = networks;
	engine->n_on_link = n;

	return 0;
}
