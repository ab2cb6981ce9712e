/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tunnel's device: down, without a carrier, gone, made again. */

#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define RUNNING_MS 3000

static const char near_end[] = "addr replace 10.20.0.2/24 dev tun0\n"
			       "addr replace fd20::2/64 dev tun0 nodad\n"
			       "link set tun0 up\n";

/* IPv4 destinations are on the far end's lo, which stays. */
static const char far_end[] =
	"addr replace 10.20.0.1/24 dev lab0\n"
	"addr replace fd20::1/64 dev lab0 nodad\n"
	"addr replace 2001:db8:1::10/128 dev lab0 nodad\n"
	"addr replace 2001:db8:1:7fff::10/128 dev lab0 nodad\n"
	"addr replace 2001:db8:1:8000::10/128 dev lab0 nodad\n"
	"addr replace 2001:db8:9::9/128 dev lab0 nodad\n"
	"link set lab0 up\n";

static int ip_batch(const struct life *life, enum ns ns, const char *commands)
{
	char *argv[] = { "ip", "-batch", "-", NULL };

	return proc_run(argv, life->lab->ns[ns], commands, NULL, 0);
}

int tunnel_set(struct life *life, bool up)
{
	life->lab->far[SIDE_TUNNEL].gone = !up;
	return ip_batch(life, NS_CLIENT,
			up ? near_end : "link set tun0 down\n");
}

int tunnel_carrier(struct life *life, bool on)
{
	life->lab->far[SIDE_TUNNEL].gone = !on;
	return ip_batch(life, NS_TUNNEL, on ? far_end : "link set lab0 down\n");
}

int tunnel_delete(struct life *life)
{
	life->lab->far[SIDE_TUNNEL].gone = true;
	return ip_batch(life, NS_CLIENT, "link del tun0\n");
}

/* Another device of the same name; the last command brings it up. */
int tunnel_create(struct life *life)
{
	char batch[256];
	int r;

	snprintf(
		batch, sizeof(batch),
		"link add tun0 type veth peer name lab0 netns /proc/%d/fd/%d\n",
		getpid(), life->lab->ns[NS_TUNNEL]);
	r = ip_batch(life, NS_CLIENT, batch);
	if (r >= 0)
		r = ip_batch(life, NS_TUNNEL, far_end);
	if (r >= 0)
		r = ip_batch(life, NS_CLIENT, near_end);
	return r;
}

/* The runner enters the namespace for it, and comes back. */
static bool is_running(const struct life *life, enum ns ns, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct ifreq request = { 0 };
	bool running;

	ns_enter(life->lab, ns);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	running = ioctl(fd, SIOCGIFFLAGS, &request) == 0 &&
		  request.ifr_flags & IFF_RUNNING;
	ns_enter(life->lab, NS_CLIENT);
	return running;
}

/*
 * Until the kernel itself takes the link for up, at both ends, or for down. It
 * may hold a change of the carrier back for a second (linkwatch), and sends
 * nothing meanwhile.
 */
int tunnel_running(struct life *life, bool running)
{
	int64_t end = now_ms() + RUNNING_MS;

	while (is_running(life, NS_CLIENT, "tun0") != running ||
	       (running && !is_running(life, NS_TUNNEL, "lab0"))) {
		if (now_ms() > end)
			return life_no(life, "tun0 does not come %s",
				       running ? "up" : "down");
		poll(NULL, 0, 1);
	}
	return 0;
}

/* As the lab made it, whatever a test did to it; sensors and all. */
int tunnel_restore(struct life *life)
{
	struct lab *lab = life->lab;
	unsigned ifindex = if_nametoindex("tun0");
	int r = 0;

	if (!lab->far[SIDE_TUNNEL].gone && ifindex == lab->ifindex[SIDE_TUNNEL])
		return 0;
	if (!ifindex) {
		r = tunnel_create(life);
	} else {
		r = ip_batch(life, NS_TUNNEL, far_end);
		if (r >= 0)
			r = ip_batch(life, NS_CLIENT, near_end);
	}
	lab->ifindex[SIDE_TUNNEL] = if_nametoindex("tun0");
	lab->far[SIDE_TUNNEL].gone = false;
	/* a new far end sits on a new device: its capture has to start again */
	return r < 0 ? r : far_restart(lab, SIDE_TUNNEL);
}
