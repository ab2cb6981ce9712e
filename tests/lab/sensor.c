/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A capture on a far end's device: who sent what to whom, counted. */

/*
 * Every IP packet that arrives from the client is counted by source,
 * destination and protocol, except what keeps the link itself alive (ARP,
 * neighbour and router discovery, multicast listener reports).
 *
 * The runner's markers come over the same wire: packets of an experimental
 * protocol with a number in them. veth hands a packet to the receive queue of
 * the CPU that sent it, and such a queue is a FIFO: when a marker from every
 * CPU has been seen, every packet that was sent before has been, too.
 * WireGuard keeps the order of a peer's packets, whichever CPU encrypts them.
 *
 * The last outgoing TCP FIN is kept, so that the TIME_WAIT row can make it
 * arrive at the client once more.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/lab.h"
#include "tests/lab/wire.h"

struct sensor {
	int fd;
	unsigned ifindex;
	size_t link;	       /* bytes of the link's header */
	uint32_t nonce, marks; /* of the newest nonce seen */
	size_t fin_len;
	uint16_t fin_type; /* ETH_P_... */
	uint8_t fin[256];
	struct reading reading;
};

int sensor_open(struct sensor **ret_sensor)
{
	struct sensor *sensor = calloc(1, sizeof(*sensor));
	struct sockaddr_ll sll = { .sll_family = AF_PACKET,
				   .sll_protocol = htons(ETH_P_ALL) };
	int size = 32 << 20;

	if (!sensor)
		return -ENOMEM;
	sensor->fd =
		socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	sensor->ifindex = if_nametoindex("lab0");
	sll.sll_ifindex = (int)sensor->ifindex;
	setsockopt(sensor->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (sensor->fd < 0 || link_header("lab0", &sensor->link) < 0 ||
	    bind(sensor->fd, (struct sockaddr *)&sll, sizeof(sll)) < 0) {
		free(sensor);
		return -errno;
	}
	*ret_sensor = sensor;
	return 0;
}

int sensor_fd(const struct sensor *sensor)
{
	return sensor->fd;
}

uint32_t sensor_marks(const struct sensor *sensor, uint32_t nonce)
{
	return sensor->nonce == nonce ? sensor->marks : 0;
}

static void flow_count(struct reading *reading, const struct flow *key)
{
	for (uint32_t i = 0; i < reading->n; i++) {
		struct flow *flow = &reading->flows[i];

		if (memcmp(&flow->src, &key->src, sizeof(key->src)) == 0 &&
		    memcmp(&flow->dst, &key->dst, sizeof(key->dst)) == 0 &&
		    flow->protocol == key->protocol) {
			flow->packets++;
			return;
		}
	}

	if (reading->n == MAX_FLOWS) {
		reading->lost++;
		return;
	}
	reading->flows[reading->n] = *key;
	reading->flows[reading->n++].packets = 1;
}

static struct in6_addr map_v4(const void *v4)
{
	struct in6_addr addr = { 0 };

	addr.s6_addr[10] = addr.s6_addr[11] = 0xff;
	memcpy(addr.s6_addr + 12, v4, 4);
	return addr;
}

static bool keeps_link(const uint8_t *ip6, size_t len)
{
	const struct ip6_hdr *header = (const struct ip6_hdr *)ip6;
	uint8_t next = header->ip6_nxt;
	const uint8_t *body = ip6 + sizeof(*header);

	/* MLD has a router alert before it. */
	if (next == IPPROTO_HOPOPTS && len > sizeof(*header) + 8) {
		next = body[0];
		body += (body[1] + 1) * 8;
	}
	if (next != IPPROTO_ICMPV6 || body >= ip6 + len)
		return false;
	return (body[0] >= 130 && body[0] <= 137) || body[0] == 143;
}

static bool ip_parse(const uint8_t *ip, size_t len, bool v6,
		     struct flow *ret_flow)
{
	const struct ip6_hdr *ip6 = (const struct ip6_hdr *)ip;
	const struct iphdr *ip4 = (const struct iphdr *)ip;

	memset(ret_flow, 0, sizeof(*ret_flow));
	if (len < (v6 ? sizeof(*ip6) : sizeof(*ip4)))
		return false;
	if (v6) {
		ret_flow->src = ip6->ip6_src;
		ret_flow->dst = ip6->ip6_dst;
		ret_flow->protocol = ip6->ip6_nxt;
		return !keeps_link(ip, len);
	}
	ret_flow->src = map_v4(&ip4->saddr);
	ret_flow->dst = map_v4(&ip4->daddr);
	ret_flow->protocol = ip4->protocol;
	return true;
}

static void fin_keep(struct sensor *sensor, const uint8_t *frame, size_t len,
		     uint16_t type)
{
	struct tcphdr *tcp =
		packet_tcp((uint8_t *)frame + sensor->link, len - sensor->link);

	if (!tcp || !tcp->fin || len > sizeof(sensor->fin))
		return;
	memcpy(sensor->fin, frame, len);
	sensor->fin_len = len;
	sensor->fin_type = type;
}

static void mark_count(struct sensor *sensor, uint32_t nonce)
{
	if (nonce != sensor->nonce)
		sensor->marks = 0;
	sensor->nonce = nonce;
	sensor->marks++;
}

/* What a tunnel's own sockets send; the lab uses this port for nothing else. */
static bool carries_tunnel(uint8_t *ip, size_t len)
{
	const struct udphdr *udp = packet_udp(ip, len);

	return udp && udp->uh_dport == htons(PORT_WIREGUARD);
}

static void frame_judge(struct sensor *sensor, uint8_t *frame, size_t len,
			uint16_t type, bool outgoing)
{
	uint8_t *ip = frame + sensor->link;
	struct flow flow;
	uint32_t nonce;

	if (len < sensor->link || (type != ETH_P_IP && type != ETH_P_IPV6))
		return;
	if (outgoing) {
		fin_keep(sensor, frame, len, type);
		return;
	}
	len -= sensor->link;
	if (packet_marker(ip, len, &nonce))
		mark_count(sensor, nonce);
	else if (!carries_tunnel(ip, len) &&
		 ip_parse(ip, len, type == ETH_P_IPV6, &flow))
		flow_count(&sensor->reading, &flow);
}

void sensor_drain(struct sensor *sensor)
{
	for (unsigned i = 0; i < 100000; i++) {
		struct sockaddr_ll from;
		socklen_t from_len = sizeof(from);
		uint8_t frame[2048] __attribute__((aligned(4)));
		/* So that the IP header behind an Ethernet one is aligned. */
		uint8_t *start = frame + (sensor->link ? 2 : 0);
		ssize_t n = recvfrom(sensor->fd, start, sizeof(frame) - 2, 0,
				     (struct sockaddr *)&from, &from_len);

		if (n < 0)
			return;
		frame_judge(sensor, start, (size_t)n, ntohs(from.sll_protocol),
			    from.sll_pkttype == PACKET_OUTGOING);
	}
}

uint32_t sensor_packets(const struct sensor *sensor)
{
	return packets_all(&sensor->reading);
}

/* Hands the counts over and starts again from zero. */
void sensor_take(struct sensor *sensor, struct reading *ret_reading)
{
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);

	getsockopt(sensor->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len);
	sensor->reading.lost += stats.tp_drops;
	*ret_reading = sensor->reading;
	memset(&sensor->reading, 0, sizeof(sensor->reading));
}

/* The network lost the client's last ACK, says this: here is the FIN again. */
int sensor_replay(struct sensor *sensor)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET,
				   .sll_protocol = htons(sensor->fin_type),
				   .sll_ifindex = (int)sensor->ifindex };

	if (!sensor->fin_len)
		return -ENOENT;
	packet_tcp_checksum(sensor->fin + sensor->link,
			    sensor->fin_len - sensor->link);
	if (sendto(sensor->fd, sensor->fin, sensor->fin_len, 0,
		   (struct sockaddr *)&sll, sizeof(sll)) < 0)
		return -errno;
	return 0;
}
