// SPDX-License-Identifier: GPL-2.0-or-later
/* The interfaces and addresses of this network namespace, as they are now. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/netdev.h"
#include "loader/kernel/nl.h"

static int on_attr(const struct nlattr *attr, void *data)
{
	const struct nlattr **table = data;

	/* IFLA_IFNAME, IFA_* and nothing else is wanted here */
	if (mnl_attr_get_type(attr) <= IFA_MAX)
		table[mnl_attr_get_type(attr)] = attr;

	return MNL_CB_OK;
}

_Static_assert(IFLA_IFNAME <= IFA_MAX, "attribute table");

static int on_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attrs[IFA_MAX + 1] = { 0 };
	struct netdev *host = data;
	struct netdev_link *grown, *link;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*ifi), on_attr, attrs);
	if (!attrs[IFLA_IFNAME])
		return MNL_CB_OK;
	grown = realloc(host->links, (host->n_links + 1) * sizeof(*grown));
	if (!grown)
		return MNL_CB_ERROR;
	host->links = grown;
	link = &host->links[host->n_links++];
	memset(link, 0, sizeof(*link));
	link->ifindex = (unsigned int)ifi->ifi_index;
	link->usable = ifi->ifi_flags & IFF_UP && ifi->ifi_flags & IFF_RUNNING;
	strncpy(link->name, mnl_attr_get_str(attrs[IFLA_IFNAME]),
		sizeof(link->name) - 1);

	return MNL_CB_OK;
}

static struct in6_addr read_address(const struct ifaddrmsg *ifa,
				    const struct nlattr *attr)
{
	struct in6_addr addr = { { { 0 } } };

	if (ifa->ifa_family == AF_INET) {
		addr.s6_addr[10] = addr.s6_addr[11] = 0xff;
		memcpy(&addr.s6_addr[12], mnl_attr_get_payload(attr), 4);
	} else {
		memcpy(&addr, mnl_attr_get_payload(attr), 16);
	}

	return addr;
}

static struct netdev_addr *add_addr(struct netdev *host,
				    const struct ifaddrmsg *ifa,
				    const struct in6_addr *address)
{
	struct netdev_addr *grown, *addr;

	grown = realloc(host->addrs, (host->n_addrs + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	host->addrs = grown;
	addr = &host->addrs[host->n_addrs++];
	memset(addr, 0, sizeof(*addr));
	addr->ifindex = ifa->ifa_index;
	addr->link_local = ifa->ifa_scope >= RT_SCOPE_LINK;
	addr->addr = *address;

	return addr;
}

static int add_broadcast(struct netdev *host, const struct ifaddrmsg *ifa,
			 const struct in6_addr *address)
{
	struct netdev_addr *addr = add_addr(host, ifa, address);

	if (!addr)
		return -ENOMEM;
	addr->broadcast = true;

	return 0;
}

/* On point-to-point links the network is the peer's: IFA_ADDRESS. */
static int add_local(struct netdev *host, const struct ifaddrmsg *ifa,
		     const struct nlattr *const *attrs)
{
	const struct nlattr *local = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] :
							attrs[IFA_ADDRESS];
	const struct nlattr *network = attrs[IFA_ADDRESS] ? attrs[IFA_ADDRESS] :
							    local;
	uint32_t flags = attrs[IFA_FLAGS] ? mnl_attr_get_u32(attrs[IFA_FLAGS]) :
					    ifa->ifa_flags;
	struct in6_addr address;
	struct netdev_addr *addr;

	if (!local)
		return 0;
	address = read_address(ifa, local);
	addr = add_addr(host, ifa, &address);
	if (!addr)
		return -ENOMEM;
	addr->preferred = !(
		flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED));
	addr->net = read_address(ifa, network);
	addr->net_len = (uint8_t)(ifa->ifa_prefixlen +
				  (ifa->ifa_family == AF_INET ? 96 : 0));

	return 0;
}

/*
 * The kernel routes the last address of an IPv4 network as a broadcast whether
 * or not the interface's address came with one (net/ipv4/fib_frontend.c).
 */
static int add_last(struct netdev *host, const struct ifaddrmsg *ifa,
		    const struct nlattr *network)
{
	struct in6_addr address;
	uint32_t last;

	if (ifa->ifa_family != AF_INET || !network || ifa->ifa_prefixlen > 30)
		return 0;
	address = read_address(ifa, network);
	memcpy(&last, &address.s6_addr[12], sizeof(last));
	last |= htonl(UINT32_MAX >> ifa->ifa_prefixlen);
	memcpy(&address.s6_addr[12], &last, sizeof(last));

	return add_broadcast(host, ifa, &address);
}

static int on_addr(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attrs[IFA_MAX + 1] = { 0 };
	struct netdev *host = data;
	struct in6_addr address;

	if (nlh->nlmsg_type != RTM_NEWADDR ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*ifa), on_attr, attrs);
	if (add_local(host, ifa, attrs) ||
	    add_last(host, ifa, attrs[IFA_ADDRESS]))
		return MNL_CB_ERROR;
	if (!attrs[IFA_BROADCAST])
		return MNL_CB_OK;
	address = read_address(ifa, attrs[IFA_BROADCAST]);

	return add_broadcast(host, ifa, &address) ? MNL_CB_ERROR : MNL_CB_OK;
}

static int compare_addr(const void *a, const void *b)
{
	const struct netdev_addr *x = a, *y = b;
	int r = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	if (r)
		return r;

	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

static int read_all(struct nl *nl, struct netdev *host)
{
	struct netdev fresh = { 0 };
	struct ifaddrmsg *ifa;
	struct ifinfomsg *ifi;
	int r;

	ifi = mnl_nlmsg_put_extra_header(nl_queue(nl, RTM_GETLINK, NLM_F_DUMP),
					 sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	r = nl_dump(nl, on_link, &fresh);
	if (!r) {
		ifa = mnl_nlmsg_put_extra_header(
			nl_queue(nl, RTM_GETADDR, NLM_F_DUMP), sizeof(*ifa));
		ifa->ifa_family = AF_UNSPEC;
		r = nl_dump(nl, on_addr, &fresh);
	}
	if (r) {
		netdev_clear(&fresh);
		return r;
	}
	if (fresh.n_addrs)
		qsort(fresh.addrs, fresh.n_addrs, sizeof(*fresh.addrs),
		      compare_addr);
	netdev_clear(host);
	*host = fresh;

	return 0;
}

/* A change in the middle of a dump: what is missed will be announced as well.
 */
#define DUMP_TRIES 16

int netdev_read(struct nl *nl, struct netdev *host)
{
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < DUMP_TRIES; i++)
		r = read_all(nl, host);

	return r;
}

void netdev_clear(struct netdev *host)
{
	free(host->links);
	free(host->addrs);
	memset(host, 0, sizeof(*host));
}

const struct netdev_link *netdev_find_link(const struct netdev *host,
					   const char *name)
{
	for (size_t i = 0; name && i < host->n_links; i++)
		if (!strcmp(host->links[i].name, name))
			return &host->links[i];

	return NULL;
}

const struct netdev_link *netdev_link_at(const struct netdev *host,
					 unsigned int ifindex)
{
	for (size_t i = 0; i < host->n_links; i++)
		if (host->links[i].ifindex == ifindex)
			return &host->links[i];

	return NULL;
}

const char *netdev_link_name(const struct netdev *host, unsigned int ifindex)
{
	const struct netdev_link *link = netdev_link_at(host, ifindex);

	return link ? link->name : NULL;
}

static int is_addr(const void *addr, const void *entry)
{
	return memcmp(addr, &((const struct netdev_addr *)entry)->addr,
		      sizeof(struct in6_addr));
}

bool netdev_has_addr(const struct netdev *host, const struct in6_addr *addr)
{
	return host->n_addrs && bsearch(addr, host->addrs, host->n_addrs,
					sizeof(*host->addrs), is_addr);
}

void netdev_source(const struct netdev *host, unsigned int ifindex, int family,
		   struct in6_addr *ret_addr)
{
	bool want_ipv4 = family == AF_INET;

	for (int any = 0; any < 2; any++) {
		for (size_t i = 0; i < host->n_addrs; i++) {
			const struct netdev_addr *a = &host->addrs[i];

			if (a->ifindex != ifindex || a->broadcast ||
			    a->link_local || (!a->preferred && !any) ||
			    IN6_IS_ADDR_V4MAPPED(&a->addr) != want_ipv4)
				continue;
			*ret_addr = a->addr;
			return;
		}
	}
	memset(ret_addr, 0, sizeof(*ret_addr));
}
