/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TCP ports this network namespace listens on. */
#ifndef SPLITD_LISTENERS_H
#define SPLITD_LISTENERS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A connection with such a local port was accepted, not opened: the kernel
 * does not remember which, and a port is rarely used for both.
 */
struct listeners {
	uint64_t bits[65536 / 64];
};

/* Asks sock_diag; -ENOENT where the kernel has none. */
int listeners_read(struct listeners *ret_listeners);

/* port in network order. */
bool listeners_has(const struct listeners *listeners, in_port_t port);

#endif
