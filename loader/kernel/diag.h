/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks the kernel for the sockets of this network namespace (sock_diag). */
#ifndef SPLITD_DIAG_H
#define SPLITD_DIAG_H

#include <libmnl/libmnl.h>
#include <stdint.h>

/*
 * Calls cb with a struct inet_diag_msg for each socket of that family
 * (AF_...), protocol (IPPROTO_...) and states (bits of TCP_...; a connected
 * UDP socket counts as established). A cb that fails sets errno and returns
 * MNL_CB_ERROR. -ENOENT where the kernel has no sock_diag.
 */
int diag_dump(int family, int protocol, uint32_t states, mnl_cb_t cb,
	      void *data);

#endif
