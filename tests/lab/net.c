/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Three network namespaces, joined by two links, and no way out of them. */

/*
 * The tunnel is a veth pair or, with --wireguard, what users have: a WireGuard
 * device whose sealed packets cross the uplink's veth. The far one is made in
 * the uplink's namespace and moved to the tunnel's: its socket stays behind.
 *
 * The namespaces have no name: descriptors of the runner (and its children)
 * hold them, so they and every device, route and rule in them end with the
 * last process of the run, however it ends. The far ends carry the same
 * destination addresses: IPv4 on lo, where ARP answers for them, IPv6 on the
 * veth itself, because neighbour discovery answers for a device's own
 * addresses only.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

static const char client_links[] = "link set lo up\n"
				   "addr add 10.10.0.2/24 dev up0\n"
				   "addr add fd10::2/64 dev up0 nodad\n"
				   "addr add 10.20.0.2/24 dev tun0\n"
				   "addr add fd20::2/64 dev tun0 nodad\n"
				   "link set up0 up\n"
				   "link set tun0 up\n"
				   "route add default via 10.10.0.1 dev up0\n"
				   "route add default via fd10::1 dev up0\n";

/* Arguments: the side's number, twice. */
static const char far_links[] =
	"link set lo up\n"
	"addr add 10.%d.0.1/24 dev lab0\n"
	"addr add fd%d::1/64 dev lab0 nodad\n"
	"addr add 1.1.1.1/32 dev lo\n"
	"addr add 203.0.113.10/32 dev lo\n"
	"addr add 203.0.113.200/32 dev lo\n"
	"addr add 9.9.9.9/32 dev lo\n"
	"addr add 2001:db8:1::10/128 dev lab0 nodad\n"
	"addr add 2001:db8:1:7fff::10/128 dev lab0 nodad\n"
	"addr add 2001:db8:1:8000::10/128 dev lab0 nodad\n"
	"addr add 2001:db8:9::9/128 dev lab0 nodad\n"
	"link set lab0 up\n";

/* What the forwarding row of the door sends through the client. */
static const char uplink_routes[] =
	"route add 10.20.0.0/24 via 10.10.0.2 dev lab0\n"
	"route add fd20::/64 via fd10::2 dev lab0\n";

static const char *const common_sysctls[][2] = {
	{ "net/ipv6/conf/all/accept_dad", "0" },
	{ "net/ipv6/conf/default/accept_dad", "0" },
	{ "net/ipv6/conf/all/accept_ra", "0" },
	{ "net/ipv6/conf/default/accept_ra", "0" },
	{ "net/ipv6/conf/default/router_solicitations", "0" },
	{ "net/ipv4/tcp_fastopen", "3" },
	{ "net/ipv4/ping_group_range", "0 2147483647" },
	{ "net/mptcp/enabled", "1" },
};

/* Strict: a packet that comes in where no route leads back is dropped. */
static const char *const client_sysctls[][2] = {
	{ "net/ipv4/conf/all/rp_filter", "1" },
	{ "net/ipv4/conf/default/rp_filter", "1" },
};

/* Of the namespace the caller is in. */
int sysctl_set(const char *name, const char *value)
{
	_cleanup_close_ int fd = -1;
	char path[LAB_PATH];
	size_t len = strlen(value);

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, value, len) == (ssize_t)len ? 0 : -errno;
}

int ns_enter(const struct lab *lab, enum ns ns)
{
	return setns(lab->ns[ns], CLONE_NEWNET) < 0 ? -errno : 0;
}

static int sysctls_set(const char *const (*table)[2], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = sysctl_set(table[i][0], table[i][1]);

		/* A kernel without MPTCP skips those rows by their errno. */
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int ns_make(struct lab *lab, enum ns ns)
{
	int r;

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	lab->ns[ns] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (lab->ns[ns] < 0)
		return -errno;

	r = sysctls_set(common_sysctls,
			sizeof(common_sysctls) / sizeof(*common_sysctls));
	if (r < 0 || ns != NS_CLIENT)
		return r;
	return sysctls_set(client_sysctls,
			   sizeof(client_sysctls) / sizeof(*client_sysctls));
}

int net_batch(const struct lab *lab, enum ns ns, const char *commands)
{
	char *argv[] = { "ip", "-batch", "-", NULL };

	return proc_run(argv, lab->ns[ns], commands, NULL, 0);
}

static int uplink_add(const struct lab *lab)
{
	char batch[256];

	snprintf(batch, sizeof(batch),
		 "link add up0 type veth peer name lab0 netns /proc/%d/fd/%d\n",
		 getpid(), lab->ns[NS_UPLINK]);
	return net_batch(lab, NS_CLIENT, batch);
}

static int tunnel_add(const struct lab *lab)
{
	char batch[256];

	if (lab->wireguard)
		return wireguard_add(lab);
	snprintf(
		batch, sizeof(batch),
		"link add tun0 type veth peer name lab0 netns /proc/%d/fd/%d\n",
		getpid(), lab->ns[NS_TUNNEL]);
	return net_batch(lab, NS_CLIENT, batch);
}

static int far_links_set(const struct lab *lab, enum ns ns)
{
	int number = ns == NS_TUNNEL ? 20 : 10;
	char batch[1024];

	snprintf(batch, sizeof(batch), far_links, number, number);
	return net_batch(lab, ns, batch);
}

/*
 * With an endpoint on the uplink's address, a connection through the tunnel
 * makes a kernel worker open a second subflow to the same destination from
 * there: nothing of it may be seen on the uplink.
 */
static int mptcp_set(const struct lab *lab)
{
	static const char limits[] =
		"mptcp limits set subflow 4 add_addr_accepted 4\n";
	static const char endpoints[] =
		"mptcp endpoint add 10.10.0.2 dev up0 subflow\n"
		"mptcp endpoint add fd10::2 dev up0 subflow\n";
	int r = 0;

	if (access("/proc/sys/net/mptcp/enabled", F_OK) < 0)
		return 0;
	for (int ns = 0; ns < N_NS && r >= 0; ns++)
		r = net_batch(lab, ns, limits);
	return r < 0 ? r : net_batch(lab, NS_CLIENT, endpoints);
}

static int links_set(struct lab *lab)
{
	int r = uplink_add(lab);

	if (r >= 0)
		r = far_links_set(lab, NS_UPLINK);
	if (r >= 0)
		r = tunnel_add(lab);
	if (r >= 0)
		r = far_links_set(lab, NS_TUNNEL);
	if (r >= 0)
		r = net_batch(lab, NS_CLIENT, client_links);
	if (r >= 0)
		r = net_batch(lab, NS_UPLINK, uplink_routes);
	return r < 0 ? r : mptcp_set(lab);
}

/* The caller is in the client's namespace. */
static int ifindexes_find(struct lab *lab)
{
	lab->ifindex[SIDE_UPLINK] = if_nametoindex("up0");
	lab->ifindex[SIDE_TUNNEL] = if_nametoindex("tun0");
	return lab->ifindex[SIDE_UPLINK] && lab->ifindex[SIDE_TUNNEL] ? 0 :
									-ENODEV;
}

/*
 * Leaves the caller in the client's namespace: from here on nothing the runner
 * does, by mistake either, can reach the machine's own network.
 */
/*
 * The kernel notices a carrier up to a second later, and only then makes the
 * link-local address and its routes. What it makes later would look like left
 * behind by splitd.
 */
static int links_wait(void)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int64_t end = now_ms() + 5000;

	if (fd < 0)
		return -errno;
	for (enum side s = 0; s < N_SIDES; s++) {
		struct ifreq ifr = { 0 };

		strcpy(ifr.ifr_name, side_device(s));
		while (!(ifr.ifr_flags & IFF_RUNNING)) {
			if (now_ms() > end)
				return -ETIMEDOUT;
			if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
				return -errno;
			poll(NULL, 0, 1);
		}
	}
	return 0;
}

int net_setup(struct lab *lab)
{
	int r = 0;

	for (enum ns ns = 0; ns < N_NS && r >= 0; ns++)
		r = ns_make(lab, ns);
	if (r >= 0)
		r = links_set(lab);
	if (r >= 0)
		r = ns_enter(lab, NS_CLIENT);
	if (r >= 0)
		r = ifindexes_find(lab);
	if (r >= 0)
		r = links_wait();
	return r;
}
