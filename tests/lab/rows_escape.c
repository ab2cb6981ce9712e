/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: an app that tries to leave by another way than its own. */

/*
 * Two directions. "escape": a listed pair is to leave by the uplink, by
 * device, address, ancillary data or mark; it must be refused with an errno,
 * and the uplink must see nothing. "intrude": what has no business in the
 * tunnel is to enter it; the tunnel must see nothing. Without splitd most of
 * these simply work, and the control mode proves it.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

enum trick {
	TRICK_DEVICE,	    /* SO_BINDTODEVICE */
	TRICK_ADDRESS,	    /* bind() to the side's address */
	TRICK_PKTINFO_IF,   /* per datagram: the output interface */
	TRICK_PKTINFO_ADDR, /* per datagram: the source address */
	TRICK_UNICAST_IF,   /* IP_UNICAST_IF, IPV6_UNICAST_IF */
	TRICK_MARK_ZERO,    /* SO_MARK before the first packet */
	TRICK_MARK_FOREIGN, /* a bit outside our mask */
	TRICK_DRESSED,	    /* SO_BINDTODEVICE, and the tunnel's address */
	TRICK_MARK_LATE,    /* SO_MARK 0 on a socket in use */
};

enum kind {
	KIND_UDP,
	KIND_CONNECTED,
	KIND_TCP,
	KIND_PING,
	KIND_RAW
};

/* A row's argument: trick, kind of socket, side that is tried. */
#define TRY(trick, kind, side) ((trick) << 8 | (kind) << 4 | (side))

static enum trick trick_of(const struct trial *trial)
{
	return (enum trick)(trial->arg >> 8);
}

static enum kind kind_of(const struct trial *trial)
{
	return (enum kind)(trial->arg >> 4 & 15);
}

static enum side side_of(const struct trial *trial)
{
	return (enum side)(trial->arg & 15);
}

static int address_bind(const struct trial *trial, enum side side, int fd)
{
	struct in6_addr self =
		client_address(side, family_is_v6(trial->family));
	struct sockaddr_storage sa;
	socklen_t len =
		sockaddr_fill(&sa, family_domain(trial->family), &self, 0);

	return bind(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
}

static int unicast_if(const struct trial *trial, int fd)
{
	uint32_t index = htonl(trial->ifindex[side_of(trial)]);
	int r = setsockopt(fd, IPPROTO_IP, IP_UNICAST_IF, &index,
			   sizeof(index));

	if (family_domain(trial->family) == AF_INET6)
		r = setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_IF, &index,
			       sizeof(index));
	return r < 0 ? -errno : 0;
}

/* Setting a mark needs CAP_NET_ADMIN: that uid 1000 may not is fine. */
static int mark_set(int fd, uint32_t mark)
{
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 &&
	    errno != EPERM)
		return -errno;
	return 0;
}

static int trick_apply(const struct trial *trial, int fd)
{
	const char *device = side_device(side_of(trial));
	int r;

	switch (trick_of(trial)) {
	case TRICK_DRESSED:
		r = address_bind(trial, SIDE_TUNNEL, fd);
		if (r < 0)
			return r;
		/* fall through */
	case TRICK_DEVICE:
		return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
				  (socklen_t)strlen(device)) < 0 ?
			       -errno :
			       0;
	case TRICK_ADDRESS:
		return address_bind(trial, side_of(trial), fd);
	case TRICK_UNICAST_IF:
		return unicast_if(trial, fd);
	case TRICK_MARK_ZERO:
		return mark_set(fd, 0);
	case TRICK_MARK_FOREIGN:
		return mark_set(fd, 0x40000);
	default:
		return 0;
	}
}

static void pktinfo_fill(const struct trial *trial, struct cmsghdr *cmsg)
{
	bool by_address = trick_of(trial) == TRICK_PKTINFO_ADDR;
	unsigned index = by_address ? 0 : trial->ifindex[side_of(trial)];
	struct in6_addr self =
		client_address(side_of(trial), family_is_v6(trial->family));
	struct in6_pktinfo info6 = { .ipi6_ifindex = index };
	struct in_pktinfo info4 = { .ipi_ifindex = (int)index };

	/* On such a socket even "no address" must be a mapped one. */
	if (trial->family == FAM_MAPPED)
		info6.ipi6_addr.s6_addr[10] = info6.ipi6_addr.s6_addr[11] =
			0xff;
	if (by_address) {
		info6.ipi6_addr = self;
		memcpy(&info4.ipi_spec_dst, self.s6_addr + 12, 4);
	}
	if (family_domain(trial->family) == AF_INET6) {
		cmsg->cmsg_level = IPPROTO_IPV6;
		cmsg->cmsg_type = IPV6_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(info6));
		memcpy(CMSG_DATA(cmsg), &info6, sizeof(info6));
		return;
	}
	cmsg->cmsg_level = IPPROTO_IP;
	cmsg->cmsg_type = IP_PKTINFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(info4));
	memcpy(CMSG_DATA(cmsg), &info4, sizeof(info4));
}

static int datagram_send(struct trial *trial, int fd)
{
	char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
	struct sockaddr_storage sa;
	char question[32];
	struct iovec vector = { .iov_base = question };
	struct msghdr msg = { .msg_name = &sa,
			      .msg_iov = &vector,
			      .msg_iovlen = 1 };
	enum trick trick = trick_of(trial);

	msg.msg_namelen = target(trial, trial->dst, PORT_ECHO, &sa);
	vector.iov_len =
		(size_t)question_format(trial, question, sizeof(question));
	if (trick == TRICK_PKTINFO_IF || trick == TRICK_PKTINFO_ADDR) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		pktinfo_fill(trial, CMSG_FIRSTHDR(&msg));
		msg.msg_controllen = CMSG_ALIGN(CMSG_FIRSTHDR(&msg)->cmsg_len);
	}
	return sendmsg(fd, &msg, 0) < 0 ? -errno : 0;
}

static int echo_send(struct trial *trial, int fd)
{
	uint8_t echo[ECHO_SIZE];
	struct sockaddr_storage sa;
	socklen_t len = target(trial, trial->dst, 0, &sa);

	echo_format(trial, echo);
	return sendto(fd, echo, sizeof(echo), 0, (struct sockaddr *)&sa, len) <
			       0 ?
		       -errno :
		       0;
}

static int question_send(struct trial *trial, int fd)
{
	char question[32];
	int n = question_format(trial, question, sizeof(question));

	return send(fd, question, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -errno;
}

/* The first thing that sends, and whatever refuses it. */
static int first_send(struct trial *trial, int fd)
{
	int r;

	switch (kind_of(trial)) {
	case KIND_UDP:
		return datagram_send(trial, fd);
	case KIND_PING:
	case KIND_RAW:
		return echo_send(trial, fd);
	default:
		r = sock_connect(trial, fd, trial->dst, PORT_ECHO);
		return r < 0 ? r : question_send(trial, fd);
	}
}

static int kind_open(struct trial *trial, int *ret_fd)
{
	int icmp = family_is_v6(trial->family) ? (int)IPPROTO_ICMPV6 :
						 (int)IPPROTO_ICMP;

	switch (kind_of(trial)) {
	case KIND_TCP:
		return sock_open(trial, SOCK_STREAM, 0, ret_fd);
	case KIND_PING:
		return sock_open(trial, SOCK_DGRAM, icmp, ret_fd);
	case KIND_RAW:
		return sock_open(trial, SOCK_RAW, icmp, ret_fd);
	default:
		return sock_open(trial, SOCK_DGRAM, 0, ret_fd);
	}
}

/* ping_v6_sendmsg() drops what became of its packet; all others tell. */
static bool is_silent(const struct trial *trial)
{
	return kind_of(trial) == KIND_PING && family_is_v6(trial->family);
}

/* An errno at once, not a time-out: the app is to try elsewhere. */
static int escape(struct trial *trial)
{
	_cleanup_close_ int fd = -1;
	int r = kind_open(trial, &fd);

	if (r < 0)
		return r;
	r = trick_apply(trial, fd);
	if (r >= 0)
		r = first_send(trial, fd);
	if (trial->control && r < 0)
		return trial_fail(trial, FAULT_OTHER, "send: %s", strerror(-r));
	if (!trial->control && !is_blocked(r) && !(r == 0 && is_silent(trial)))
		return trial_fail(trial, FAULT_OTHER, "not refused: %s",
				  r < 0 ? strerror(-r) : "sent");
	return 0;
}

/* A mark is not a way out: the pair is steered right, or refused. */
static int mark(struct trial *trial)
{
	_cleanup_close_ int fd = -1;
	int r = kind_open(trial, &fd);

	if (r >= 0)
		r = trick_apply(trial, fd);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "mark: %s", strerror(-r));
	r = first_send(trial, fd);
	if (trick_of(trial) == TRICK_MARK_LATE && r >= 0) {
		r = mark_set(fd, 0);
		if (r >= 0)
			r = kind_of(trial) == KIND_UDP ?
				    datagram_send(trial, fd) :
				    question_send(trial, fd);
		return 0;
	}
	if (r < 0 && is_blocked(r) && !trial->control)
		return 0;
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "send: %s", strerror(-r));
	return answer_take(trial, fd, trial->dst);
}

/* Refused or not: the sensors at the tunnel must not see it. */
static int intrude(struct trial *trial)
{
	_cleanup_close_ int fd = -1;
	int r = kind_open(trial, &fd);

	if (r >= 0)
		r = trick_apply(trial, fd);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "trick: %s",
				  strerror(-r));
	/* A SYN into nowhere is not waited for. */
	if (trial->deadline_ms > 200)
		trial->deadline_ms = 200;
	first_send(trial, fd);
	return 0;
}

/* Without splitd the intruder is seen: somewhere, dressed as it likes. */
static int check_intruder(const struct lab *lab, struct trial *trial,
			  const struct reading *readings)
{
	if (!lab->control)
		return check_sources(trial, readings);
	if (packets_all(&readings[SIDE_UPLINK]) ||
	    packets_all(&readings[SIDE_TUNNEL]))
		return 0;
	return trial_fail(trial, FAULT_OTHER, "nothing seen at all");
}

#define LISTED_PAIR                                                            \
	.apps = BIT(APP_LISTED), .dsts = BIT(DST_LISTED) | BIT(DST_INSIDE)
#define AS_BOTH(row_name, ...)                                                 \
	{ .name = row_name "-root", __VA_ARGS__ },                             \
	{                                                                      \
		.name = row_name "-user", .uid = LAB_UID, __VA_ARGS__          \
	}
#define ESCAPE(row_name, trick, kind, fams)                                    \
	AS_BOTH("escape-" row_name, .run = escape, LISTED_PAIR,                \
		.flags = ROW_ESCAPE | ROW_SILENT,                              \
		.arg = TRY(trick, kind, SIDE_UPLINK), .families = fams)
#define MARK(row_name, trick, kind)                                            \
	AS_BOTH("mark-" row_name, .run = mark, LISTED_PAIR,                    \
		.flags = ROW_ESCAPE | ROW_SILENT,                              \
		.arg = TRY(trick, kind, SIDE_UPLINK))
/* The source is right and the interface wrong: only the guard can tell. */
#define DRESSED(row_name, kind)                                                \
	{                                                                      \
		.name = "escape-dressed-" row_name, .run = escape,             \
		.check = check_intruder, LISTED_PAIR,                          \
		.flags = ROW_ESCAPE | ROW_SILENT, .families = ICMP,            \
		.arg = TRY(TRICK_DRESSED, kind, SIDE_UPLINK)                   \
	}
#define INTRUDE(row_name, trick, kind, fams)                                   \
	{ .name = "intrude-" row_name,                                         \
	  .run = intrude,                                                      \
	  .check = check_intruder,                                             \
	  .apps = BIT(APP_UNLISTED),                                           \
	  .flags = ROW_ESCAPE | ROW_SILENT,                                    \
	  .arg = TRY(trick, kind, SIDE_TUNNEL),                                \
	  .families = fams },                                                  \
	{                                                                      \
		.name = "intrude-" row_name "-listed", .run = intrude,         \
		.check = check_intruder, .apps = BIT(APP_LISTED),              \
		.dsts = BIT(DST_EXCLUDED) | BIT(DST_UNLISTED),                 \
		.flags = ROW_ESCAPE | ROW_SILENT,                              \
		.arg = TRY(trick, kind, SIDE_TUNNEL), .families = fams         \
	}
/* IPv6 finds no route through a device that has none: nothing to control. */
#define V4   (BIT(FAM_V4) | BIT(FAM_MAPPED))
#define ICMP REAL_FAMS
#define ALL  ALL_FAMS

const struct row rows_escape[] = {
	ESCAPE("device-udp", TRICK_DEVICE, KIND_UDP, ALL),
	ESCAPE("device-connected", TRICK_DEVICE, KIND_CONNECTED, ALL),
	ESCAPE("device-tcp", TRICK_DEVICE, KIND_TCP, ALL),
	ESCAPE("device-ping", TRICK_DEVICE, KIND_PING, ICMP),
	{ .name = "escape-device-raw",
	  .run = escape,
	  LISTED_PAIR,
	  .families = ICMP,
	  .flags = ROW_ESCAPE | ROW_SILENT,
	  .arg = TRY(TRICK_DEVICE, KIND_RAW, SIDE_UPLINK) },
	ESCAPE("address-udp", TRICK_ADDRESS, KIND_UDP, ALL),
	ESCAPE("address-connected", TRICK_ADDRESS, KIND_CONNECTED, ALL),
	ESCAPE("address-tcp", TRICK_ADDRESS, KIND_TCP, ALL),
	ESCAPE("address-ping", TRICK_ADDRESS, KIND_PING, ICMP),
	ESCAPE("pktinfo-device", TRICK_PKTINFO_IF, KIND_UDP, ALL),
	ESCAPE("pktinfo-address", TRICK_PKTINFO_ADDR, KIND_UDP, ALL),
	ESCAPE("unicast-if-udp", TRICK_UNICAST_IF, KIND_UDP, ALL),
	MARK("zero-udp", TRICK_MARK_ZERO, KIND_UDP),
	MARK("zero-connected", TRICK_MARK_ZERO, KIND_CONNECTED),
	MARK("zero-tcp", TRICK_MARK_ZERO, KIND_TCP),
	MARK("foreign-udp", TRICK_MARK_FOREIGN, KIND_UDP),
	MARK("foreign-tcp", TRICK_MARK_FOREIGN, KIND_TCP),
	MARK("late-udp", TRICK_MARK_LATE, KIND_UDP),
	MARK("late-connected", TRICK_MARK_LATE, KIND_CONNECTED),
	MARK("late-tcp", TRICK_MARK_LATE, KIND_TCP),
	DRESSED("ping", KIND_PING),
	DRESSED("raw", KIND_RAW),
	INTRUDE("device-udp", TRICK_DEVICE, KIND_UDP, V4),
	INTRUDE("device-tcp", TRICK_DEVICE, KIND_TCP, V4),
	INTRUDE("address-udp", TRICK_ADDRESS, KIND_UDP, ALL),
	INTRUDE("address-tcp", TRICK_ADDRESS, KIND_TCP, ALL),
	INTRUDE("pktinfo-device", TRICK_PKTINFO_IF, KIND_UDP, V4),
	INTRUDE("pktinfo-address", TRICK_PKTINFO_ADDR, KIND_UDP, ALL),
	{ 0 }
};
