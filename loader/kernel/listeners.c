// SPDX-License-Identifier: GPL-2.0-or-later
/* The TCP ports this network namespace listens on. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

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

static int read_family(struct mnl_socket *socket, int family,
		       struct listeners *listeners)
{
	char buf[16 * 1024] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *request =
		mnl_nlmsg_put_extra_header(nlh, sizeof(*request));
	int r = MNL_CB_OK;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->sdiag_family = (uint8_t)family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_states = 1u << TCP_LISTEN;
	if (mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (r == MNL_CB_OK) {
		ssize_t n = mnl_socket_recvfrom(socket, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		r = mnl_cb_run(buf, (size_t)n, 0, 0, on_listener, listeners);
		if (r < 0)
			return -errno;
	}

	return 0;
}

int listeners_read(struct listeners *ret_listeners)
{
	struct listeners listeners = { 0 };
	struct mnl_socket *socket;
	int r;

	socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (!socket)
		return -errno;
	r = read_family(socket, AF_INET, &listeners);
	if (!r)
		r = read_family(socket, AF_INET6, &listeners);
	mnl_socket_close(socket);
	if (!r)
		*ret_listeners = listeners;

	return r;
}

bool listeners_has(const struct listeners *listeners, in_port_t port)
{
	unsigned int at = ntohs(port);

	return listeners->bits[at / 64] >> at % 64 & 1;
}
