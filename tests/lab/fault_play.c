/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plays one case of the product: n new sockets, each used once. */

/*
 * Nothing may follow that the sensors would count to the next case: datagrams
 * go to a port that does not answer, and a connection is waited for and then
 * reset.
 */
#include <errno.h>
#include <liburing.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault_product.h"
#include "tests/lab/wire.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36 /* include/uapi/linux/in6.h */
#endif

#define TUNNEL_MARK 0x02000000u /* the first tunnel's, by the default mask */
#define MESSAGES    2		/* of one sendmmsg() */

/* Everything a message points to. */
struct letter {
	struct sockaddr_storage to;
	struct iovec vector;
	struct msghdr msg;
	char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	uint8_t bytes[128];
};

static bool is_v6(const struct product *product)
{
	return family_is_v6(product->family);
}

bool product_is_stream(enum kind kind)
{
	return kind == KIND_TCP || kind == KIND_TFO || kind == KIND_MPTCP ||
	       kind == KIND_SCTP;
}

int product_open(const struct product *product)
{
	int icmp = is_v6(product) ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP;
	const struct {
		int type, protocol;
	} kinds[N_KINDS] = {
		[KIND_UDP] = { SOCK_DGRAM, 0 },
		[KIND_CONNECTED] = { SOCK_DGRAM, 0 },
		[KIND_TCP] = { SOCK_STREAM, 0 },
		[KIND_TFO] = { SOCK_STREAM, 0 },
		[KIND_MPTCP] = { SOCK_STREAM, IPPROTO_MPTCP },
		[KIND_RAW] = { SOCK_RAW, icmp },
		[KIND_PING] = { SOCK_DGRAM, icmp },
		[KIND_SCTP] = { SOCK_STREAM, IPPROTO_SCTP },
		[KIND_URING] = { SOCK_DGRAM, 0 },
		[KIND_SENDMMSG] = { SOCK_DGRAM, 0 },
	};
	int type = kinds[product->kind].type | SOCK_CLOEXEC;
	int fd;

	if (product_is_stream(product->kind))
		type |= SOCK_NONBLOCK;
	fd = socket(family_domain(product->family), type,
		    kinds[product->kind].protocol);
	return fd < 0 ? -errno : fd;
}

/* ---- tricks -------------------------------------------------------------- */

static int option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno :
									0;
}

static int device(int fd, const char *name)
{
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name,
			  (socklen_t)strlen(name)) < 0 ?
		       -errno :
		       0;
}

static int bind_to(const struct product *product, int fd,
		   const struct in6_addr *addr)
{
	struct sockaddr_storage sa;
	socklen_t len =
		sockaddr_fill(&sa, family_domain(product->family), addr, 0);

	return bind(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
}

static int transparent(const struct product *product, int fd)
{
	struct in6_addr foreign = address_of(
		is_v6(product) ? "2001:db8:ffff::7" : "198.51.100.7");
	int r = is_v6(product) ? option(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1) :
				 option(fd, IPPROTO_IP, IP_TRANSPARENT, 1);

	return r < 0 ? r : bind_to(product, fd, &foreign);
}

static int trick_apply(const struct product *product, int fd)
{
	struct in6_addr uplink = client_address(SIDE_UPLINK, is_v6(product));

	switch (product->trick) {
	case TRICK_DEVICE_UP:
		return device(fd, "up0");
	case TRICK_DEVICE_TUN:
		return device(fd, "tun0");
	case TRICK_SOURCE:
		return bind_to(product, fd, &uplink);
	case TRICK_DONTROUTE:
		return option(fd, SOL_SOCKET, SO_DONTROUTE, 1);
	case TRICK_MARK:
		return option(fd, SOL_SOCKET, SO_MARK,
			      product->app == APP_LISTED ? 0 :
							   (int)TUNNEL_MARK);
	case TRICK_HDRINCL:
	case TRICK_HDR_OTHER:
		return is_v6(product) ?
			       option(fd, IPPROTO_IPV6, IPV6_HDRINCL, 1) :
			       option(fd, IPPROTO_IP, IP_HDRINCL, 1);
	case TRICK_TRANSPARENT:
		return transparent(product, fd);
	default:
		return 0;
	}
}

/* ---- letters ------------------------------------------------------------- */

static void pktinfo_fill(const struct product *product, struct letter *letter)
{
	enum side side = product->trick == TRICK_PKTINFO_TUN ? SIDE_TUNNEL :
							       SIDE_UPLINK;
	struct in6_pktinfo info6 = { .ipi6_ifindex = product->ifindex[side] };
	struct in_pktinfo info4 = { .ipi_ifindex =
					    (int)product->ifindex[side] };
	bool domain6 = family_domain(product->family) == AF_INET6;
	struct cmsghdr *cmsg;

	letter->msg.msg_control = letter->control;
	letter->msg.msg_controllen =
		CMSG_SPACE(domain6 ? sizeof(info6) : sizeof(info4));
	cmsg = CMSG_FIRSTHDR(&letter->msg);
	cmsg->cmsg_len = CMSG_LEN(domain6 ? sizeof(info6) : sizeof(info4));
	cmsg->cmsg_level = domain6 ? (int)IPPROTO_IPV6 : (int)IPPROTO_IP;
	cmsg->cmsg_type = domain6 ? IPV6_PKTINFO : IP_PKTINFO;
	/* on such a socket even "no address" must be a mapped one */
	if (product->family == FAM_MAPPED)
		memset(info6.ipi6_addr.s6_addr + 10, 0xff, 2);
	if (domain6)
		memcpy(CMSG_DATA(cmsg), &info6, sizeof(info6));
	else
		memcpy(CMSG_DATA(cmsg), &info4, sizeof(info4));
}

static size_t echo_fill(const struct product *product, uint8_t *bytes)
{
	uint16_t sum;

	memset(bytes, 0, 16);
	bytes[0] = is_v6(product) ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	bytes[7] = 1;
	sum = checksum_end(checksum_add(0, bytes, 16));
	if (!is_v6(product)) /* ICMPv6's covers the addresses: the kernel's */
		memcpy(bytes + 2, &sum, sizeof(sum));
	return 16;
}

/* What IPv4 leaves zero the kernel fills in; IPv6 wants all of it. */
static size_t header_fill(const struct product *product, uint8_t *bytes)
{
	struct in6_addr dst = dst_address(product->dst, is_v6(product));
	struct ip6_hdr ip6 = { .ip6_flow = htonl(6u << 28),
			       .ip6_plen = htons(16),
			       .ip6_nxt = IPPROTO_ICMPV6,
			       .ip6_hlim = 64,
			       .ip6_src = client_address(product->source, true),
			       .ip6_dst = dst };
	struct iphdr ip4 = {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_ICMP
	};

	memcpy(&ip4.daddr, dst.s6_addr + 12, 4);
	if (is_v6(product))
		memcpy(bytes, &ip6, sizeof(ip6));
	else
		memcpy(bytes, &ip4, sizeof(ip4));
	return is_v6(product) ? sizeof(ip6) : sizeof(ip4);
}

static void letter_write(const struct product *product, struct letter *letter)
{
	bool header = product->trick == TRICK_HDRINCL ||
		      product->trick == TRICK_HDR_OTHER;
	bool icmp = product->kind == KIND_RAW || product->kind == KIND_PING;
	enum dst dst = product->trick == TRICK_HDR_OTHER ?
			       dst_opposite(product->dst) :
			       product->dst;
	struct in6_addr addr = dst_address(dst, is_v6(product));
	size_t len = 0;

	memset(letter, 0, sizeof(*letter));
	if (header)
		len = header_fill(product, letter->bytes);
	if (icmp)
		len += echo_fill(product, letter->bytes + len);
	else
		letter->bytes[len++] = '?';
	letter->vector = (struct iovec){ letter->bytes, len };
	letter->msg = (struct msghdr){ .msg_name = &letter->to,
				       .msg_iov = &letter->vector,
				       .msg_iovlen = 1 };
	letter->msg.msg_namelen = sockaddr_fill(&letter->to,
						family_domain(product->family),
						&addr, icmp ? 0 : PORT_SINK);
	if (product->trick == TRICK_PKTINFO_UP ||
	    product->trick == TRICK_PKTINFO_TUN)
		pktinfo_fill(product, letter);
}

/* ---- sending ------------------------------------------------------------- */

static int ring_send(struct product *product, int fd, struct msghdr *msg)
{
	struct __kernel_timespec limit = { .tv_sec = 5 };
	struct io_uring_cqe *cqe = NULL;
	struct io_uring ring;
	int r = io_uring_queue_init(4, &ring, 0);

	if (r < 0) {
		product->lacking = true;
		return r;
	}
	io_uring_prep_sendmsg(io_uring_get_sqe(&ring), fd, msg, 0);
	r = io_uring_submit(&ring);
	if (r >= 0)
		r = io_uring_wait_cqe_timeout(&ring, &cqe, &limit);
	if (r >= 0)
		r = cqe->res;
	io_uring_queue_exit(&ring);
	return r < 0 ? r : 0;
}

static int datagram_send(struct product *product, int fd)
{
	struct mmsghdr many[MESSAGES] = { 0 };
	struct letter letter;

	letter_write(product, &letter);
	if (product->kind == KIND_URING)
		return ring_send(product, fd, &letter.msg);
	if (product->kind == KIND_SENDMMSG) {
		for (unsigned i = 0; i < MESSAGES; i++)
			many[i].msg_hdr = letter.msg;
		return sendmmsg(fd, many, MESSAGES, 0) < 0 ? -errno : 0;
	}
	if (product->kind == KIND_CONNECTED) {
		if (connect(fd, (struct sockaddr *)&letter.to,
			    letter.msg.msg_namelen) < 0)
			return -errno;
		letter.msg.msg_name = NULL;
		letter.msg.msg_namelen = 0;
	}
	return sendmsg(fd, &letter.msg, 0) < 0 ? -errno : 0;
}

/* Into the SYN, or after it: then reset, so that no FIN comes late. */
static int stream_send(struct product *product, int fd)
{
	static const struct linger reset = { .l_onoff = 1 };
	uint16_t port = product->kind == KIND_MPTCP ? PORT_MPTCP : PORT_ECHO;
	struct in6_addr addr = dst_address(product->dst, is_v6(product));
	struct sockaddr_storage sa;
	socklen_t len =
		sockaddr_fill(&sa, family_domain(product->family), &addr, port);
	int error = 0, r;
	socklen_t size = sizeof(error);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (product->kind == KIND_TFO)
		r = sendto(fd, "?", 1, MSG_FASTOPEN | MSG_NOSIGNAL,
			   (struct sockaddr *)&sa, len) < 0 ?
			    -errno :
			    0;
	else
		r = connect(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
	if (r < 0 && r != -EINPROGRESS)
		return r;
	if (!product->wait_ms)
		return 0;
	if (sock_wait(fd, POLLOUT, product->wait_ms) < 0)
		product->wait_ms = 0; /* nor will the next ones come about */
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
		 is_blocked(-error))
		return -error;
	return 0;
}

static int play_once(struct product *product)
{
	_cleanup_close_ int fd = product_open(product);
	int r = fd < 0 ? fd : trick_apply(product, fd);

	if (r < 0) {
		product->lacking = true;
		return r;
	}
	return product_is_stream(product->kind) ? stream_send(product, fd) :
						  datagram_send(product, fd);
}

void product_play(struct product *product)
{
	for (unsigned i = 0; i < product->n && !product->lacking; i++) {
		int r = play_once(product);

		if (r >= 0) {
			product->sent++;
			continue;
		}
		product->error = -r;
		if (is_blocked(r))
			product->refused++;
		else
			product->odd++;
	}
}
