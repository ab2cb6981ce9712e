/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that the lab reads and makes by hand: headers and checksums. */

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "tests/lab/wire.h"

uint32_t checksum_add(uint32_t sum, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (; len > 1; len -= 2, p += 2)
		sum += (uint32_t)p[0] << 8 | p[1];
	if (len)
		sum += (uint32_t)p[0] << 8;
	return sum;
}

uint16_t checksum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Addresses, length and protocol: what TCP and UDP sum besides themselves. */
static uint32_t pseudo_sum(const uint8_t *ip, bool v6, uint8_t protocol,
			   size_t body_len)
{
	uint32_t sum = v6 ? checksum_add(0, ip + 8, 32) :
			    checksum_add(0, ip + 12, 8);

	return sum + protocol + (uint32_t)body_len;
}

/* Where the transport header starts, or 0. */
static size_t transport_offset(const uint8_t *frame, size_t len,
			       uint8_t protocol, bool *ret_v6, size_t *ret_end)
{
	const struct ethhdr *eth = (const struct ethhdr *)frame;
	const struct iphdr *ip4 = (const struct iphdr *)(frame + ETH_HLEN);
	const struct ip6_hdr *ip6 = (const struct ip6_hdr *)(frame + ETH_HLEN);

	if (len < ETH_HLEN + sizeof(*ip6))
		return 0;
	*ret_v6 = eth->h_proto == htons(ETH_P_IPV6);
	if (*ret_v6) {
		*ret_end = ETH_HLEN + sizeof(*ip6) + ntohs(ip6->ip6_plen);
		return ip6->ip6_nxt == protocol ? ETH_HLEN + sizeof(*ip6) : 0;
	}
	if (eth->h_proto != htons(ETH_P_IP) || ip4->ihl != 5)
		return 0;
	*ret_end = ETH_HLEN + ntohs(ip4->tot_len);
	return ip4->protocol == protocol ? ETH_HLEN + sizeof(*ip4) : 0;
}

struct tcphdr *frame_tcp(uint8_t *frame, size_t len)
{
	bool v6 = false;
	size_t end = 0;
	size_t offset = transport_offset(frame, len, IPPROTO_TCP, &v6, &end);

	if (!offset || end > len || offset + sizeof(struct tcphdr) > end)
		return NULL;
	return (struct tcphdr *)(frame + offset);
}

void frame_tcp_checksum(uint8_t *frame, size_t len)
{
	bool v6 = false;
	size_t end = 0;
	size_t offset = transport_offset(frame, len, IPPROTO_TCP, &v6, &end);
	struct tcphdr *tcp = frame_tcp(frame, len);
	uint32_t sum;

	if (!tcp)
		return;
	tcp->check = 0;
	sum = pseudo_sum(frame + ETH_HLEN, v6, IPPROTO_TCP, end - offset);
	tcp->check = checksum_end(checksum_add(sum, tcp, end - offset));
}

static size_t ip_header(uint8_t *ip, const struct in6_addr *src,
			const struct in6_addr *dst, bool v6, size_t body_len)
{
	struct ip6_hdr *ip6 = (struct ip6_hdr *)ip;
	struct iphdr *ip4 = (struct iphdr *)ip;

	if (v6) {
		memset(ip6, 0, sizeof(*ip6));
		ip6->ip6_flow = htonl(6u << 28);
		ip6->ip6_plen = htons((uint16_t)body_len);
		ip6->ip6_nxt = IPPROTO_UDP;
		ip6->ip6_hlim = 64;
		ip6->ip6_src = *src;
		ip6->ip6_dst = *dst;
		return sizeof(*ip6);
	}

	memset(ip4, 0, sizeof(*ip4));
	ip4->version = 4;
	ip4->ihl = 5;
	ip4->tot_len = htons((uint16_t)(sizeof(*ip4) + body_len));
	ip4->ttl = 64;
	ip4->protocol = IPPROTO_UDP;
	memcpy(&ip4->saddr, src->s6_addr + 12, 4);
	memcpy(&ip4->daddr, dst->s6_addr + 12, 4);
	ip4->check = checksum_end(checksum_add(0, ip4, sizeof(*ip4)));
	return sizeof(*ip4);
}

size_t frame_udp(uint8_t *ret_frame, const struct in6_addr *src,
		 const struct in6_addr *dst, bool v6)
{
	struct ethhdr *eth = (struct ethhdr *)ret_frame;
	uint8_t *ip = ret_frame + ETH_HLEN;
	size_t body_len = sizeof(struct udphdr) + 4;
	size_t ip_len = ip_header(ip, src, dst, v6, body_len);
	struct udphdr *udp = (struct udphdr *)(ip + ip_len);

	memset(eth->h_dest, 0xff, sizeof(eth->h_dest));
	memset(eth->h_source, 0x02, sizeof(eth->h_source));
	eth->h_proto = htons(v6 ? ETH_P_IPV6 : ETH_P_IP);
	memset(udp, 0, body_len);
	udp->uh_sport = htons(4000);
	udp->uh_dport = htons(PORT_ECHO);
	udp->uh_ulen = htons((uint16_t)body_len);
	memcpy(udp + 1, "wire", 4);
	udp->uh_sum = checksum_end(checksum_add(
		pseudo_sum(ip, v6, IPPROTO_UDP, body_len), udp, body_len));
	return ETH_HLEN + ip_len + body_len;
}
