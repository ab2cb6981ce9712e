// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets of an app's processes that have a peer at this moment.
 *
 * sock_diag knows sockets and their peers by inode number, /proc/PID/fd says
 * which process holds which inode. Neither stands still: what comes or goes in
 * between is missing, and nothing depends on it.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/kernel/diag.h"
#include "loader/kernel/engine.h"
#include "loader/kernel/flows.h"
#include "loader/kernel/listeners.h"
#include "loader/util/cleanup.h"

#define FLOWS_MAX 1000000 /* against a dump without an end */

struct socket_entry {
	uint32_t inode;
	in_port_t local; /* network order */
	struct live_flow flow;
};

struct socket_list {
	struct socket_entry *entries;
	size_t n;
	uint8_t protocol; /* of the dump under way */
};

static int grow(struct socket_list *list)
{
	struct socket_entry *grown;

	if (list->n && (list->n & (list->n - 1)))
		return 0;
	if (list->n >= FLOWS_MAX)
		return -E2BIG;
	grown = reallocarray(list->entries, list->n ? list->n * 2 : 1,
			     sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->entries = grown;
	return 0;
}

static int on_socket(const struct nlmsghdr *nlh, void *data)
{
	const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	struct socket_list *list = data;
	struct socket_entry *entry;
	int r;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg) || !msg->idiag_inode)
		return MNL_CB_OK;
	r = grow(list);
	if (r) {
		errno = -r;
		return MNL_CB_ERROR;
	}
	entry = &list->entries[list->n++];
	*entry = (struct socket_entry){
		.inode = msg->idiag_inode,
		.local = msg->id.idiag_sport,
		.flow = { .protocol = list->protocol,
			  .port = ntohs(msg->id.idiag_dport) },
	};
	if (msg->idiag_family == AF_INET6) {
		memcpy(&entry->flow.dst, msg->id.idiag_dst, 16);
	} else {
		entry->flow.dst.s6_addr[10] = entry->flow.dst.s6_addr[11] =
			0xff;
		memcpy(&entry->flow.dst.s6_addr[12], msg->id.idiag_dst, 4);
	}
	return MNL_CB_OK;
}

static int compare_inodes(const void *a, const void *b)
{
	const struct socket_entry *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static int read_sockets(struct socket_list *list)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
	const uint32_t states = 1u << TCP_ESTABLISHED | 1u << TCP_SYN_SENT |
				1u << TCP_CLOSE_WAIT;
	int r = 0;

	for (unsigned i = 0; i < 4 && r == 0; i++) {
		list->protocol = protocols[i / 2];
		r = diag_dump(families[i % 2], list->protocol, states,
			      on_socket, list);
	}
	if (list->n)
		qsort(list->entries, list->n, sizeof(*list->entries),
		      compare_inodes);
	return r;
}

struct found {
	struct live_flow *flows;
	size_t n, size;
};

static int add(struct found *found, const struct live_flow *flow, pid_t pid)
{
	struct live_flow *grown;

	if (found->n == found->size) {
		size_t size = found->size ? found->size * 2 : 16;

		grown = reallocarray(found->flows, size, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		found->flows = grown;
		found->size = size;
	}
	found->flows[found->n] = *flow;
	found->flows[found->n++].pid = pid;
	return 0;
}

/* What a process holds; it may be gone, or not be ours to look at. */
static int walk(pid_t pid, const struct socket_list *list,
		const struct listeners *listeners, struct found *found)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[64], link[64];
	struct dirent *entry;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && r == 0 && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link,
				       sizeof(link) - 1);
		struct socket_entry key = { 0 }, *at;

		link[n > 0 ? n : 0] = '\0';
		if (sscanf(link, "socket:[%u]", &key.inode) != 1 || !list->n)
			continue;
		at = bsearch(&key, list->entries, list->n,
			     sizeof(*list->entries), compare_inodes);
		if (!at || (at->flow.protocol == IPPROTO_TCP &&
			    listeners_has(listeners, at->local)))
			continue;
		r = add(found, &at->flow, pid);
	}
	return r;
}

int engine_flows(struct engine *engine, struct live_flow **ret_flows,
		 size_t *ret_n)
{
	_cleanup_free_ struct classed_task *tasks = NULL;
	struct socket_list list = { 0 };
	struct listeners listeners;
	struct found found = { 0 };
	size_t n_tasks = 0;
	int r;

	r = engine_tasks(engine, &tasks, &n_tasks);
	if (r == 0)
		r = listeners_read(&listeners);
	if (r == 0)
		r = read_sockets(&list);
	for (size_t i = 0; i < n_tasks && r == 0; i++)
		r = walk(tasks[i].pid, &list, &listeners, &found);
	free(list.entries);
	if (r < 0) {
		free(found.flows);
		return r;
	}
	*ret_flows = found.flows;
	*ret_n = found.n;
	return 0;
}
