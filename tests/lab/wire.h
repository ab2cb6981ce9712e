/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that the lab reads and makes by hand. */
#ifndef SPLITD_TESTS_WIRE_H
#define SPLITD_TESTS_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "tests/lab/lab.h"

struct tcphdr;

/* IEEE 802 local experimental EtherType 1. */
#define MARKER_ETHERTYPE 0x88b5

/* RFC 1071; the result is in network order. */
uint32_t checksum_add(uint32_t sum, const void *bytes, size_t len);
uint16_t checksum_end(uint32_t sum);

/* The TCP header of an Ethernet frame without IP options, or NULL. */
struct tcphdr *frame_tcp(uint8_t *frame, size_t len);

/* A captured outgoing frame has no checksum yet: veth leaves it open. */
void frame_tcp_checksum(uint8_t *frame, size_t len);

/* An Ethernet frame with one UDP datagram; returns its length. */
size_t frame_udp(uint8_t *ret_frame, const struct in6_addr *src,
		 const struct in6_addr *dst, bool v6);

#endif
