/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A destination on the command line: ADDR[:PORT]. */
#ifndef SPLITD_TARGET_H
#define SPLITD_TARGET_H

#include <netinet/in.h>
#include <stdint.h>

struct target {
	struct in6_addr addr; /* v4-mapped for IPv4 */
	uint16_t port;	      /* host order; 0: none given */
};

/*
 * 1.1.1.1, 1.1.1.1:443, ::1, [::1], [::1]:443; ::ffff:1.1.1.1 is 1.1.1.1.
 * -EINVAL for everything else, names among it: which address a name has is
 * for the resolver of the app in question to say.
 */
int target_parse(const char *text, struct target *ret_target);

#endif
