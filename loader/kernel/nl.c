// SPDX-License-Identifier: GPL-2.0-or-later
/* Routing netlink in four verbs. */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "loader/kernel/nl.h"
#include "loader/util/cleanup.h"

/*
 * Messages are queued in one buffer and sent together. Only the last asks for
 * an acknowledgement: errors come back unasked, each with its sequence number,
 * and the kernel works a batch off in order, so the last one's word closes it.
 * Errors have to fit into the receive buffer before we get to read them, hence
 * its size: a batch in which every message fails must not overrun it.
 */
#define QUEUE_SIZE    (64 * 1024)
#define RECEIVE_SIZE  (4 * 1024 * 1024)
#define DUMP_BUF_SIZE (32 * 1024)

struct nl {
	struct mnl_socket *socket;
	uint32_t seq;
	uint32_t first_seq; /* of the queue */
	int error;	    /* of an earlier, automatic flush */
	size_t used;	    /* completed messages, bytes */
	struct nlmsghdr *open;
	struct nlmsghdr *last; /* completed; asks for the answer when sent */
	const int *forgive;
	char queue[QUEUE_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	char answer[DUMP_BUF_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

int nl_open(struct nl **ret_nl)
{
	int one = 1, size = RECEIVE_SIZE, fd;
	struct nl *nl = calloc(1, sizeof(*nl));

	if (!nl)
		return -ENOMEM;
	nl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl->socket || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID)) {
		nl_close(nl);
		return -errno;
	}
	fd = mnl_socket_get_fd(nl->socket);
	/* both are improvements only: 4.20, and CAP_NET_ADMIN in its owner */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one,
			 sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	/* an error answer need not repeat the request */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	*ret_nl = nl;

	return 0;
}

void nl_close(struct nl *nl)
{
	int saved = errno;

	if (!nl)
		return;
	if (nl->socket)
		mnl_socket_close(nl->socket);
	free(nl);
	errno = saved;
}

uint32_t nl_port(const struct nl *nl)
{
	return mnl_socket_get_portid(nl->socket);
}

static bool is_forgiven(const int *forgive, int error)
{
	for (; forgive && *forgive; forgive++)
		if (*forgive == error)
			return true;

	return false;
}

/* Reads answers up to the acknowledgement of last_seq; the first error. */
static int read_acks(struct nl *nl, uint32_t last_seq)
{
	const struct nlmsgerr *error;
	const struct nlmsghdr *nlh;
	int result = 0, len;

	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl->socket, nl->answer,
						sizeof(nl->answer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len = (int)n;
		for (nlh = (void *)nl->answer; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			/* left over from a dump that was given up */
			if (nlh->nlmsg_type != NLMSG_ERROR ||
			    nlh->nlmsg_seq - nl->first_seq >
				    last_seq - nl->first_seq)
				continue;
			error = mnl_nlmsg_get_payload(nlh);
			if (error->error && !result &&
			    !is_forgiven(nl->forgive, -error->error))
				result = error->error;
			if (nlh->nlmsg_seq == last_seq)
				return result;
		}
	}
}

static void complete(struct nl *nl)
{
	if (!nl->open)
		return;
	nl->used += MNL_ALIGN(nl->open->nlmsg_len);
	nl->last = nl->open;
	nl->open = NULL;
}

static int send_queue(struct nl *nl)
{
	size_t used = nl->used;

	nl->last->nlmsg_flags |= NLM_F_ACK;
	nl->used = 0;
	if (mnl_socket_sendto(nl->socket, nl->queue, used) < 0)
		return -errno;

	return read_acks(nl, nl->seq);
}

struct nlmsghdr *nl_queue(struct nl *nl, uint16_t type, uint16_t flags)
{
	int r;

	complete(nl);
	if (nl->used + 2 * NL_MESSAGE > QUEUE_SIZE) {
		r = send_queue(nl);
		if (r && !nl->error)
			nl->error = r;
	}
	nl->open = mnl_nlmsg_put_header(nl->queue + nl->used);
	nl->open->nlmsg_type = type;
	nl->open->nlmsg_flags = NLM_F_REQUEST | flags;
	nl->open->nlmsg_seq = ++nl->seq;
	if (!nl->used)
		nl->first_seq = nl->seq;

	return nl->open;
}

void nl_forgive(struct nl *nl, const int *errors)
{
	nl->forgive = errors;
}

int nl_flush(struct nl *nl)
{
	int r = 0, earlier;

	complete(nl);
	if (nl->used)
		r = send_queue(nl);
	earlier = nl->error;
	nl->error = 0;
	nl->forgive = NULL;

	return earlier ? earlier : r;
}

/* One answer; true: it was the last. *ret_result keeps the first error. */
static bool take_answer(const struct nlmsghdr *nlh, nl_answer_fn fn, void *ctx,
			int *ret_result)
{
	const int *done = mnl_nlmsg_get_payload(nlh);
	int r;

	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		/* both begin with a negative errno or 0 */
		if (!*ret_result && mnl_nlmsg_get_payload_len(nlh) >= 4)
			*ret_result = *done;
		return true;
	}
	if (!*ret_result && nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		*ret_result = -EINTR;
	if (*ret_result)
		return false;
	errno = EIO;
	r = fn(nlh, ctx);
	if (r < 0)
		*ret_result = -errno;

	/* the answer to a request that is no dump is all there is */
	return !(nlh->nlmsg_flags & NLM_F_MULTI);
}

int nl_dump(struct nl *nl, nl_answer_fn fn, void *ctx)
{
	uint32_t seq = nl->seq;
	const struct nlmsghdr *nlh;
	int result = 0, len;
	size_t used;

	complete(nl);
	used = nl->used;
	nl->used = 0;
	if (mnl_socket_sendto(nl->socket, nl->queue, used) < 0)
		return -errno;
	/* to the very end, even after an error: nothing may be left over */
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl->socket, nl->answer,
						sizeof(nl->answer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len = (int)n;
		for (nlh = (void *)nl->answer; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len))
			if (nlh->nlmsg_seq == seq &&
			    take_answer(nlh, fn, ctx, &result))
				return result;
	}
}

int nl_listen(uint32_t groups, struct mnl_socket **ret_socket)
{
	struct mnl_socket *socket;
	int size = RECEIVE_SIZE;

	socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, groups, MNL_SOCKET_AUTOPID)) {
		int r = -errno;

		mnl_socket_close(socket);
		return r;
	}
	(void)setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE,
			 &size, sizeof(size));
	*ret_socket = socket;

	return 0;
}
