// SPDX-License-Identifier: GPL-2.0-or-later
/* What programs remember or skip: told before maps change, and after. */
#include "bpf/decide.h"
#include "loader/kernel/engine_private.h"
#include "loader/kernel/maps.h"

/*
 * Bits of all interfaces that are or become tunnels', and their addresses; at
 * first also of those that an earlier daemon left, whose hooks still ask.
 */
static void find_bits(const struct engine *engine, uint64_t *ret_tunnels,
		      uint64_t *ret_addresses)
{
	const struct netdev *host = &engine->host;
	uint64_t tunnels = 0, addresses = 0;

	for (uint32_t slot = 1; slot <= SP_MAX_TUNNELS; slot++) {
		const struct binding *binding = &engine->bindings[slot];
		const struct netdev_link *link = NULL;

		if (binding->tunnel)
			link = netdev_find_link(host,
						binding->tunnel->interface);
		if (link)
			tunnels |= SP_BIT(link->ifindex);
		if (binding->place.ifindex)
			tunnels |= SP_BIT(binding->place.ifindex);
	}
	for (size_t i = 0; i < host->n_addrs; i++) {
		struct sp_addr addr = sp_addr_of(&host->addrs[i].addr);

		if (tunnels & SP_BIT(host->addrs[i].ifindex))
			addresses |= SP_BIT(sp_addr_hash(&addr));
	}
	if (!engine->whole) {
		tunnels |= engine->config.tunnel_bits;
		addresses |= engine->config.address_bits;
	}
	*ret_tunnels = tunnels;
	*ret_addresses = addresses;
}

int engine_bits_grow(struct engine *engine)
{
	struct sp_config *config = &engine->config;
	uint64_t tunnels, addresses;

	find_bits(engine, &tunnels, &addresses);
	if (!(tunnels & ~config->tunnel_bits) &&
	    !(addresses & ~config->address_bits))
		return 0;
	config->tunnel_bits |= tunnels;
	config->address_bits |= addresses;

	return engine_write_config(engine);
}

int engine_outdate(struct engine *engine)
{
	struct sp_config *config = &engine->config;
	uint64_t tunnels, addresses;
	int r;

	find_bits(engine, &tunnels, &addresses);
	if (!engine->wrote && tunnels == config->tunnel_bits &&
	    addresses == config->address_bits)
		return 0;
	config->tunnel_bits = tunnels;
	config->address_bits = addresses;
	config->state++;
	r = engine_write_config(engine);
	/* else the next one says it */
	engine->wrote = r != 0;

	return r;
}
