/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network namespaces, as the programs name them. */
#ifndef SPLITD_NETNS_H
#define SPLITD_NETNS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The id of the network namespace an Internet socket lives in: its cookie, or,
 * by_inode, the number of the inode of its file in /proc, for kernels without
 * SO_NETNS_COOKIE (which then answers -ENOPROTOOPT).
 */
int netns_of_socket(int fd, bool by_inode, uint64_t *ret_id);

/* The same of the namespace the caller is in. */
int netns_own(bool by_inode, uint64_t *ret_id);

#endif
