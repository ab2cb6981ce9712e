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
 * one alike, and making one to find out makes it.
 */

struct look {
	int ifindex;
	bool clsact, filter;
};

static int on_qdisc(const struct nlmsghdr *nlh, void *data)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	struct look *look = data;

	/* ingress and clsact share the parent; either is in our way */
	if (nlh->nlmsg_type == RTM_NEWQDISC &&
	    tc->tcm_ifindex == look->ifindex && tc->tcm_parent == TC_H_CLSACT)
		look->clsact = true;

	return MNL_CB_OK;
}

static int on_filter(const struct nlmsghdr *nlh, void *data)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	struct look *look = data;

	if (nlh->nlmsg_type == RTM_NEWTFILTER &&
	    tc->tcm_ifindex == look->ifindex)
		look->filter = true;

	return MNL_CB_OK;
}

static int dump(struct nl *nl, uint16_t type, uint32_t parent,
		nl_answer_fn answer, struct look *look)
{
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(
		nl_queue(nl, type, NLM_F_DUMP), sizeof(*tc));

	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = look->ifindex;
	tc->tcm_parent = parent;

	return nl_dump(nl, answer, look);
}

int clsact_look(unsigned int ifindex)
{
	static const uint32_t directions[] = { TC_H_MIN_INGRESS,
					       TC_H_MIN_EGRESS };
	struct look look = { .ifindex = (int)ifindex };
	struct nl *nl;
	int r;

	r = nl_open(&nl);
	if (r)
		return r;
	r = dump(nl, RTM_GETQDISC, 0, on_qdisc, &look);
	for (int i = 0; !r && look.clsact && i < 2; i++)
		r = dump(nl, RTM_GETTFILTER,
			 TC_H_MAKE(TC_H_CLSACT, directions[i]), on_filter,
			 &look);
	nl_close(nl);
	if (r)
		return r;

	return !look.clsact ? CLSACT_NONE :
	       look.filter  ? CLSACT_USED :
			      CLSACT_EMPTY;
}
