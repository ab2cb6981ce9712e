/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: what reaches the tunnel device without an app's socket. */

/*
 * No cgroup hook sees these: a frame from an AF_PACKET socket, and a packet
 * that the client forwards for somebody else. Only the door on the tunnel
 * device stands in their way.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"
#include "tests/lab/wire.h"

static int packet(struct trial *trial)
{
	bool v6 = family_is_v6(trial->family);
	struct in6_addr src = client_address(SIDE_TUNNEL, v6);
	struct in6_addr dst = dst_address(trial->dst, v6);
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_IP),
		.sll_ifindex = (int)trial->ifindex[SIDE_TUNNEL],
		.sll_halen = ETH_ALEN,
	};
	_cleanup_close_ int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	uint8_t frame[128] __attribute__((aligned(4))), *start = frame;
	size_t link, len;
	int r = link_header(side_device(SIDE_TUNNEL), &link);

	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "link: %s", strerror(-r));
	/* A security hook was there first (rows_confine.c). */
	if (fd < 0 && errno == EPERM && trial->confines &&
	    trial->app == APP_LISTED)
		return 0;
	start += link ? 2 : 0; /* the IP header is aligned */
	len = frame_udp(start, link, &src, &dst, v6);
	/* A drop at the door shows as ENOBUFS, or not at all. */
	if (fd < 0 || (sendto(fd, start, len, 0, (struct sockaddr *)&sll,
			      sizeof(sll)) < 0 &&
		       errno != ENOBUFS))
		return trial_fail(trial, FAULT_OTHER, "AF_PACKET: %m");
	return 0;
}

/* In the uplink's namespace: to the tunnel host, through the client. */
static int through_client(struct trial *trial)
{
	bool v6 = family_is_v6(trial->family);
	struct in6_addr to = client_address(SIDE_TUNNEL, v6);
	struct sockaddr_storage sa;
	_cleanup_close_ int fd = -1;
	socklen_t len;

	to.s6_addr[15] = 1; /* its neighbour: the tunnel host's own address */
	len = sockaddr_fill(&sa, family_domain(trial->family), &to, 9);
	fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, "?", 1, 0, (struct sockaddr *)&sa, len) < 0)
		return trial_fail(trial, FAULT_OTHER, "forward: %m");
	return 0;
}

static int forwarding_set(bool v6, const char *value)
{
	return sysctl_set(v6 ? "net/ipv6/conf/all/forwarding" :
			       "net/ipv4/ip_forward",
			  value);
}

static int forward(struct lab *lab, struct trial *trial)
{
	bool v6 = family_is_v6(trial->family);
	int r = forwarding_set(v6, "1");
	pid_t pid;

	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "forwarding: %s",
				  strerror(-r));
	pid = proc_fork(lab, -1, NS_UPLINK);
	if (pid == 0)
		_exit(through_client(trial) < 0);
	r = proc_wait(pid, trial->deadline_ms);
	return r == 0 ? 0 : trial_fail(trial, FAULT_OTHER, "sender: %d", r);
}

static int check_door(const struct lab *lab, struct trial *trial,
		      const struct reading *readings)
{
	uint32_t packets = packets_all(&readings[SIDE_TUNNEL]);

	forwarding_set(family_is_v6(trial->family), "0");
	if (lab->control && !packets)
		return trial_fail(trial, FAULT_OTHER, "nothing seen at all");
	if (!lab->control && packets)
		return trial_fail(trial, FAULT_STRAY,
				  "%u packets in the tunnel", packets);
	return 0;
}

const struct row rows_door[] = { { .name = "door-packet",
				   .run = packet,
				   .check = check_door,
				   .dsts = BIT(DST_LISTED) | BIT(DST_UNLISTED),
				   .families = REAL_FAMS },
				 { .name = "door-forward",
				   .drive = forward,
				   .check = check_door,
				   .apps = BIT(APP_UNLISTED),
				   .dsts = BIT(DST_UNLISTED),
				   .families = REAL_FAMS },
				 { 0 } };
