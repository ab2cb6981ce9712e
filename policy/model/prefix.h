/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes and interface names as text. */
#ifndef SPLITD_POLICY_PREFIX_H
#define SPLITD_POLICY_PREFIX_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Bits in front of an IPv4 address in its mapped form. */
#define MAPPED_BITS 96

/*
 * "192.0.2.0/24", "2001:db8::/32", "::ffff:192.0.2.0/120" (the same as the
 * first): address and length as in struct prefix, host bits cleared. -EINVAL
 * with a static text saying why in *ret_problem.
 */
int prefix_parse(const char *text, struct in6_addr *ret_addr, uint8_t *ret_len,
		 bool *ret_had_host_bits, const char **ret_problem);

/* Clears what follows the first len bits; true if anything was set there. */
bool address_mask(struct in6_addr *addr, unsigned int len);

/* Do the first len bits agree? */
bool address_matches(const struct in6_addr *a, const struct in6_addr *b,
		     unsigned int len);

/* A name the kernel takes: 1..15 bytes, no '/', ':', blank, "." or "..". */
bool interface_valid(const char *name);

#endif
