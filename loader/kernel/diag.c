// SPDX-License-Identifier: GPL-2.0-or-later
/* Asks the kernel for the sockets of this network namespace (sock_diag). */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <sys/types.h>

#include "loader/kernel/diag.h"

static int ask(struct mnl_socket *socket, int family, int protocol,
	       uint32_t states, mnl_cb_t cb, void *data)
{
	char buf[32 * 1024] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *request =
		mnl_nlmsg_put_extra_header(nlh, sizeof(*request));
	int r = MNL_CB_OK;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->sdiag_family = (uint8_t)family;
	request->sdiag_protocol = (uint8_t)protocol;
	request->idiag_states = states;
	if (mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (r == MNL_CB_OK) {
		ssize_t n = mnl_socket_recvfrom(socket, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		r = mnl_cb_run(buf, (size_t)n, 0, 0, cb, data);
		if (r < 0)
			return -errno;
	}

	return 0;
}

int diag_dump(int family, int protocol, uint32_t states, mnl_cb_t cb,
	      void *data)
{
	/* a socket each: what an error leaves unread stays in it */
	struct mnl_socket *socket =
		mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	int r;

	if (!socket)
		return -errno;
	r = ask(socket, family, protocol, states, cb, data);
	mnl_socket_close(socket);

	return r;
}
