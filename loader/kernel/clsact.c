// SPDX-License-Identifier: GPL-2.0-or-later
/* Is there a clsact qdisc on an interface, and anything on it? */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "loader/kernel/clsact.h"
#include "loader/kernel/nl.h"

/*
 * libbpf cannot tell: a query says EINVAL without a clsact and with an empty
 * one alike, and making one to find out makes it. A dump tells of every
 * interface that there is: dear, once a tunnel, with many tunnels.
 *
 * So the one qdisc is asked for; by its handle, for where one has been there is
 * a noop at its parent, which is found as well. clsact and ingress have handle
 * and place in common. As it is asked for an ingress, a clsact is EINVAL: the
 * one that is found would be announced to all who listen, as if it were new.
 * 5.10, 6.1, 6.12, 6.18 and 7.2 answer alike (tc_get_qdisc()).
 */
static int find_qdisc(struct nl *nl, unsigned int ifindex)
{
	struct nlmsghdr *nlh = nl_queue(nl, RTM_GETQDISC, 0);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	int r;

	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = (int)ifindex;
	tc->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(nlh, TCA_KIND, "ingress");
	r = nl_flush(nl);

	return r == 0	    ? CLSACT_INGRESS :
	       r == -ENOENT ? CLSACT_NONE :
	       r == -EINVAL ? CLSACT_EMPTY :
			      r;
}

struct look {
	int ifindex;
	bool filter;
};

static int on_filter(const struct nlmsghdr *nlh, void *data)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	struct look *look = data;

	if (nlh->nlmsg_type == RTM_NEWTFILTER &&
	    tc->tcm_ifindex == look->ifindex)
		look->filter = true;

	return MNL_CB_OK;
}

static int find_filter(struct nl *nl, uint32_t direction, struct look *look)
{
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(
		nl_queue(nl, RTM_GETTFILTER, NLM_F_DUMP), sizeof(*tc));

	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = look->ifindex;
	tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, direction);

	return nl_dump(nl, on_filter, look);
}

int clsact_look(unsigned int ifindex)
{
	static const uint32_t directions[] = { TC_H_MIN_INGRESS,
					       TC_H_MIN_EGRESS };
	struct look look = { .ifindex = (int)ifindex };
	struct nl *nl;
	int found, r;

	r = nl_open(&nl);
	if (r)
		return r;
	found = find_qdisc(nl, ifindex);
	for (int i = 0; !r && found == CLSACT_EMPTY && i < 2; i++)
		r = find_filter(nl, directions[i], &look);
	nl_close(nl);
	if (r)
		return r;

	return look.filter ? CLSACT_USED : found;
}
