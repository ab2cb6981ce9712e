/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that the lab reads and makes by hand. */
#ifndef SPLITD_TESTS_WIRE_H
#define SPLITD_TESTS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lab/lab.h"

struct tcphdr;
struct udphdr;

/* RFC 3692: for experiments. */
#define MARKER_PROTOCOL 253

/* RFC 1071; the result is in network order. */
uint32_t checksum_add(uint32_t sum, const void *bytes, size_t len);
uint16_t checksum_end(uint32_t sum);

/*
 * Bytes before the IP header on a device of the caller's namespace: Ethernet
 * on veth, nothing on WireGuard.
 */
int link_header(const char *device, size_t *ret_link);

/* The transport header of an IP packet without options, or NULL. */
struct tcphdr *packet_tcp(uint8_t *ip, size_t len);
struct udphdr *packet_udp(uint8_t *ip, size_t len);

/* A captured outgoing packet has no checksum yet: veth leaves it open. */
void packet_tcp_checksum(uint8_t *ip, size_t len);

/* A frame with one UDP datagram; returns its length. */
size_t frame_udp(uint8_t *ret_frame, size_t link, const struct in6_addr *src,
		 const struct in6_addr *dst, bool v6);

/* A frame that only the sensor understands, and its number. */
size_t frame_marker(uint8_t *ret_frame, size_t link, uint32_t nonce);
bool packet_marker(const uint8_t *ip, size_t len, uint32_t *ret_nonce);

#endif
