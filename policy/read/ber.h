/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nesting of tags and lengths of an ASN.1 message in BER or DER. */
#ifndef SPLITD_POLICY_BER_H
#define SPLITD_POLICY_BER_H

#include <stddef.h>

/* A certificate has about a hundred: so many of them cost no time to read. */
#define BER_ELEMENTS 20000

/*
 * 0: the first element is whole, *ret_at is the offset behind it. -EBADMSG:
 * *ret_at is where the element begins that has no tag, no length, or no room
 * for its length, or that is nested too deep. -E2BIG: there are more than
 * BER_ELEMENTS. What the elements mean is not looked at (ITU-T X.690, section
 * 8.1).
 */
int ber_check(const unsigned char *bytes, size_t len, size_t *ret_at);

#endif
