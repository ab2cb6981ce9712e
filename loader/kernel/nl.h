/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routing netlink in four verbs: open, batch, dump, listen. */
#ifndef SPLITD_NL_H
#define SPLITD_NL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A request socket with room for many messages: they are queued and sent in
 * one go, so that a million routes cost some thousand system calls.
 */
struct nl;

int nl_open(struct nl **ret_nl);
void nl_close(struct nl *nl);

/* The port of our requests: notifications of our own doing carry it. */
uint32_t nl_port(const struct nl *nl);

/*
 * Starts a message in the queue, sending the queue first when it is full.
 * Returns NULL when that failed: nl_flush() then says how. The caller fills in
 * attributes (at most NL_MESSAGE bytes) and the next call completes it.
 */
#define NL_MESSAGE 512
struct nlmsghdr *nl_queue(struct nl *nl, uint16_t type, uint16_t flags);

/*
 * From here to the end of the next flush these errors count as success: a
 * 0-terminated list of errno values that must outlive the flush.
 */
void nl_forgive(struct nl *nl, const int *errors);

/*
 * Sends what is queued and waits for the kernel's word on all of it. Returns
 * the first error; the other messages went through.
 */
int nl_flush(struct nl *nl);

/* Sends a dump request (the last message queued) and hands every answer on. */
typedef int (*nl_answer_fn)(const struct nlmsghdr *nlh, void *ctx);
int nl_dump(struct nl *nl, nl_answer_fn fn, void *ctx);

/* A non-blocking socket subscribed to the RTMGRP_ groups. */
int nl_listen(uint32_t groups, struct mnl_socket **ret_socket);

#endif
