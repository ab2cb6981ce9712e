// SPDX-License-Identifier: GPL-2.0-or-later
/* The TCP ports this network namespace listens on. */
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>

#include "loader/kernel/diag.h"
#include "loader/kernel/listeners.h"

static int on_listener(const struct nlmsghdr *nlh, void *data)
{
	const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	struct listeners *listeners = data;
	unsigned int port = ntohs(msg->id.idiag_sport);

	if (nlh->nlmsg_type == SOCK_DIAG_BY_FAMILY)
		listeners->bits[port / 64] |= 1ull << port % 64;

	return MNL_CB_OK;
}

int listeners_read(struct listeners *ret_listeners)
{
	struct listeners listeners = { 0 };
	int r;

	r = diag_dump(AF_INET, IPPROTO_TCP, 1u << TCP_LISTEN, on_listener,
		      &listeners);
	if (!r)
		r = diag_dump(AF_INET6, IPPROTO_TCP, 1u << TCP_LISTEN,
			      on_listener, &listeners);
	if (!r)
		*ret_listeners = listeners;

	return r;
}

bool listeners_has(const struct listeners *listeners, in_port_t port)
{
	unsigned int at = ntohs(port);

	return listeners->bits[at / 64] >> at % 64 & 1;
}
