/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interfaces and addresses of this network namespace, as they are now. */
#ifndef SPLITD_NETDEV_H
#define SPLITD_NETDEV_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl;

struct netdev_link {
	unsigned int ifindex;
	char name[IF_NAMESIZE];
	bool usable; /* administratively up and with carrier */
};

struct netdev_addr {
	struct in6_addr addr; /* v4-mapped for IPv4 */
	struct in6_addr net;  /* what is reached without a gateway by it */
	uint8_t net_len;      /* from the mapped start for IPv4 */
	unsigned int ifindex;
	bool broadcast; /* a broadcast address, not a host's */
	bool link_local;
	bool preferred; /* good as a source: neither tentative nor old */
};

struct netdev {
	struct netdev_link *links;
	size_t n_links;
	struct netdev_addr *addrs; /* sorted by address */
	size_t n_addrs;
};

/* Replaces what *host held; on failure it is as before. */
int netdev_read(struct nl *nl, struct netdev *host);
void netdev_clear(struct netdev *host);

const struct netdev_link *netdev_find_link(const struct netdev *host,
					   const char *name);
const struct netdev_link *netdev_link_at(const struct netdev *host,
					 unsigned int ifindex);
const char *netdev_link_name(const struct netdev *host, unsigned int ifindex);
bool netdev_has_addr(const struct netdev *host, const struct in6_addr *addr);

/*
 * The address a datagram over that interface should carry, :: when it has none
 * of the family.
 */
void netdev_source(const struct netdev *host, unsigned int ifindex, int family,
		   struct in6_addr *ret_addr);

#endif
