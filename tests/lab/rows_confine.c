/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: an app that would send where no cgroup hook sees it. */

/*
 * A frame written to the uplink by AF_PACKET leaves, whatever the guard thinks;
 * what is written to a TUN device comes back in as another's packet. Where the
 * kernel runs security hooks, a listed app gets neither. Elsewhere it is a
 * limit that README names, and these rows are skipped.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"
#include "tests/lab/wire.h"

static bool is_refused(const struct trial *trial)
{
	return !trial->control && trial->app == APP_LISTED;
}

static int refusal_check(struct trial *trial, const char *what, int error)
{
	if (error == EPERM)
		return 0;
	return trial_fail(trial, FAULT_OTHER, "%s: %s", what, strerror(error));
}

static int frame_send(struct trial *trial, int fd)
{
	bool v6 = family_is_v6(trial->family);
	struct in6_addr src = client_address(SIDE_UPLINK, v6);
	struct in6_addr dst = dst_address(trial->dst, v6);
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_IP),
		.sll_ifindex = (int)trial->ifindex[SIDE_UPLINK],
		.sll_halen = ETH_ALEN,
	};
	uint8_t frame[128] __attribute__((aligned(4)));
	size_t len = frame_udp(frame + 2, ETH_HLEN, &src, &dst, v6);

	if (sendto(fd, frame + 2, len, 0, (struct sockaddr *)&sll,
		   sizeof(sll)) < 0)
		return trial_fail(trial, FAULT_OTHER, "send: %m");
	return 0;
}

static int packet(struct trial *trial)
{
	_cleanup_close_ int fd = -1;

	if (!trial->control && !trial->confines)
		return trial_skip(trial, "security hooks");
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	/* Where the hook is missing the frame must be seen. */
	if (fd < 0 && is_refused(trial))
		return refusal_check(trial, "AF_PACKET", errno);
	if (fd < 0)
		return trial_fail(trial, FAULT_OTHER, "AF_PACKET: %m");
	return frame_send(trial, fd);
}

static int tun(struct trial *trial)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN };
	_cleanup_close_ int fd = -1;

	if (!trial->control && !trial->confines)
		return trial_skip(trial, "security hooks");
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "lab%%d");
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr) == 0)
		return is_refused(trial) ?
			       trial_fail(trial, FAULT_OTHER, "it has a TUN") :
			       0;
	if (!is_refused(trial))
		return trial_fail(trial, FAULT_OTHER, "TUN: %m");
	return refusal_check(trial, "TUN", errno);
}

static int check_packet(const struct lab *lab, struct trial *trial,
			const struct reading *readings)
{
	uint32_t packets = packets_all(&readings[SIDE_UPLINK]);

	(void)lab;
	if (!is_refused(trial) && !packets)
		return trial_fail(trial, FAULT_OTHER, "nothing seen at all");
	if (is_refused(trial) && packets)
		return trial_fail(trial,
				  trial->dst == DST_LISTED ? FAULT_LEAK :
							     FAULT_OTHER,
				  "%u packets on the uplink", packets);
	return 0;
}

static int check_nothing(const struct lab *lab, struct trial *trial,
			 const struct reading *readings)
{
	(void)lab;
	(void)trial;
	(void)readings;
	return 0;
}

const struct row rows_confine[] = { { .name = "confine-packet",
				      .run = packet,
				      .check = check_packet,
				      .dsts = BIT(DST_LISTED) |
					      BIT(DST_UNLISTED),
				      .families = REAL_FAMS },
				    { .name = "confine-tun",
				      .run = tun,
				      .check = check_nothing,
				      .dsts = BIT(DST_UNLISTED),
				      .families = BIT(FAM_V4) },
				    { 0 } };
