/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running processes: their classes, and the sockets they already hold. */
#ifndef SPLITD_TASKS_H
#define SPLITD_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/abi.h"
#include "loader/kernel/attach.h"
#include "loader/kernel/listeners.h"

/*
 * All processes of some class now, as the kernel judges them; free(). None
 * before the hooks are there.
 */
int tasks_list(const struct attach *attach, struct sp_task_record **ret_records,
	       size_t *ret_n);

/* Clears retired classes (by number) out of the memory of processes. */
int tasks_forget_classes(const struct attach *attach, const bool *retired);

/* And, of those that are SP_CLASS_RETIRED in sp_class, out of sockets'. */
int tasks_forget_sockets(const struct attach *attach);

/* What a socket's class means for the flow it is connected to. */
struct tasks_context {
	const struct attach *attach;
	uint64_t netns; /* sockets of other namespaces are left alone */
	bool netns_by_inode;
	uint32_t mark_mask;
	const struct listeners *listeners;
	uint32_t (*mark_of)(void *ctx, uint32_t class);
	/* the tunnel slot that must carry it; 0: none must */
	uint32_t (*tunnel_for)(void *ctx, uint32_t class,
			       const struct in6_addr *dst);
	/* the tunnel slot whose address this is; 0: none's */
	uint32_t (*tunnel_of)(void *ctx, const struct in6_addr *addr);
	void *ctx;
};

enum tasks_reason {
	TASKS_NEWCOMER,	   /* the process has come into the class */
	TASKS_NEW_VERDICT, /* the class may have to go another way */
};

/*
 * Settles the sockets that a process holds. A newcomer's get class and mark;
 * with a new verdict only those are looked at that have a class already.
 * Connected ones on the wrong side are put right: a UDP socket is connected
 * again, a TCP connection is ended (its address cannot change), so that the app
 * sees an error at once and connects anew. Listeners and accepted connections
 * stay as they are. A process that is gone is fine.
 */
int tasks_settle(const struct tasks_context *context, pid_t pid, uint32_t class,
		 enum tasks_reason reason);

#endif
