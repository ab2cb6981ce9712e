/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that the lab reads and makes by hand: headers and checksums. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
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
static size_t transport_offset(const uint8_t *ip, size_t len, uint8_t protocol,
			       bool *ret_v6, size_t *ret_end)
{
	const struct iphdr *ip4 = (const struct iphdr *)ip;
	const struct ip6_hdr *ip6 = (const struct ip6_hdr *)ip;

	if (len < sizeof(*ip6))
		return 0;
	*ret_v6 = ip4->version == 6;
	if (*ret_v6) {
		*ret_end = sizeof(*ip6) + ntohs(ip6->ip6_plen);
		return ip6->ip6_nxt == protocol ? sizeof(*ip6) : 0;
	}
	if (ip4->version != 4 || ip4->ihl != 5)
		return 0;
	*ret_end = ntohs(ip4->tot_len);
	return ip4->protocol == protocol ? sizeof(*ip4) : 0;
}

static void *packet_transport(uint8_t *ip, size_t len, uint8_t protocol,
			      size_t header_len)
{
	bool v6 = false;
	size_t end = 0;
	size_t offset = transport_offset(ip, len, protocol, &v6, &end);

	if (!offset || end > len || offset + header_len > end)
		return NULL;
	return ip + offset;
}

struct tcphdr *packet_tcp(uint8_t *ip, size_t len)
{
	return packet_transport(ip, len, IPPROTO_TCP, sizeof(struct tcphdr));
}

struct udphdr *packet_udp(uint8_t *ip, size_t len)
{
	return packet_transport(ip, len, IPPROTO_UDP, sizeof(struct udphdr));
}

void packet_tcp_checksum(uint8_t *ip, size_t len)
{
	bool v6 = false;
	size_t end = 0;
	size_t offset = transport_offset(ip, len, IPPROTO_TCP, &v6, &end);
	struct tcphdr *tcp = packet_tcp(ip, len);
	uint32_t sum;

	if (!tcp)
		return;
	tcp->check = 0;
	sum = pseudo_sum(ip, v6, IPPROTO_TCP, end - offset);
	tcp->check = checksum_end(checksum_add(sum, tcp, end - offset));
}

static size_t ip_header(uint8_t *ip, const struct in6_addr *src,
			const struct in6_addr *dst, bool v6, uint8_t protocol,
			size_t body_len)
{
	struct ip6_hdr *ip6 = (struct ip6_hdr *)ip;
	struct iphdr *ip4 = (struct iphdr *)ip;

	if (v6) {
		memset(ip6, 0, sizeof(*ip6));
		ip6->ip6_flow = htonl(6u << 28);
		ip6->ip6_plen = htons((uint16_t)body_len);
		ip6->ip6_nxt = protocol;
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
	ip4->protocol = protocol;
	memcpy(&ip4->saddr, src->s6_addr + 12, 4);
	memcpy(&ip4->daddr, dst->s6_addr + 12, 4);
	ip4->check = checksum_end(checksum_add(0, ip4, sizeof(*ip4)));
	return sizeof(*ip4);
}

/* Nobody's MAC address: what is written to a far end's wire is for all. */
static uint8_t *link_write(uint8_t *frame, size_t link, bool v6)
{
	struct ethhdr *eth = (struct ethhdr *)frame;

	if (link) {
		memset(eth->h_dest, 0xff, sizeof(eth->h_dest));
		memset(eth->h_source, 0x02, sizeof(eth->h_source));
		eth->h_proto = htons(v6 ? ETH_P_IPV6 : ETH_P_IP);
	}
	return frame + link;
}

size_t frame_udp(uint8_t *ret_frame, size_t link, const struct in6_addr *src,
		 const struct in6_addr *dst, bool v6)
{
	uint8_t *ip = link_write(ret_frame, link, v6);
	size_t body_len = sizeof(struct udphdr) + 4;
	size_t ip_len = ip_header(ip, src, dst, v6, IPPROTO_UDP, body_len);
	struct udphdr *udp = (struct udphdr *)(ip + ip_len);

	memset(udp, 0, body_len);
	udp->uh_sport = htons(4000);
	udp->uh_dport = htons(PORT_ECHO);
	udp->uh_ulen = htons((uint16_t)body_len);
	memcpy(udp + 1, "wire", 4);
	udp->uh_sum = checksum_end(checksum_add(
		pseudo_sum(ip, v6, IPPROTO_UDP, body_len), udp, body_len));
	return link + ip_len + body_len;
}

size_t frame_marker(uint8_t *ret_frame, size_t link, uint32_t nonce)
{
	struct in6_addr src = client_address(SIDE_TUNNEL, false), dst = src;
	uint8_t *ip = link_write(ret_frame, link, false);
	size_t ip_len;

	dst.s6_addr[15] = 255;
	ip_len = ip_header(ip, &src, &dst, false, MARKER_PROTOCOL,
			   sizeof(nonce));
	memcpy(ip + ip_len, &nonce, sizeof(nonce));
	return link + ip_len + sizeof(nonce);
}

bool packet_marker(const uint8_t *ip, size_t len, uint32_t *ret_nonce)
{
	const struct iphdr *ip4 = (const struct iphdr *)ip;

	if (len < sizeof(*ip4) + sizeof(*ret_nonce) || ip4->version != 4 ||
	    ip4->protocol != MARKER_PROTOCOL)
		return false;
	memcpy(ret_nonce, ip4 + 1, sizeof(*ret_nonce));
	return true;
}

int link_header(const char *device, size_t *ret_link)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	*ret_link = ifr.ifr_hwaddr.sa_family == ARPHRD_ETHER ? ETH_HLEN : 0;
	return 0;
}
