/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volleys: one process of an app that asks many times, and keeps count. */

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define ENOUGH_LOST 10 /* of a volley with an end: it has failed */
#define PAUSE_MS    1  /* after a refusal, in a volley without an end */

static int volley_open(const struct volley *volley)
{
	static const struct linger reset = { .l_onoff = 1 };
	int type = volley->how == HOW_TCP ? SOCK_STREAM | SOCK_NONBLOCK :
					    SOCK_DGRAM;
	int fd =
		socket(volley->v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);

	/* closed by a reset: no FIN comes late */
	if (fd >= 0 && volley->how == HOW_TCP)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (fd >= 0 && volley->mark &&
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &volley->mark,
		       sizeof(volley->mark)) < 0) {
		close(fd);
		return -errno;
	}
	return fd < 0 ? -errno : fd;
}

static socklen_t volley_target(const struct volley *volley, unsigned i,
			       struct sockaddr_storage *ret_sa)
{
	enum dst dst = volley->both && i % 2 ? dst_opposite(volley->dst) :
					       volley->dst;
	struct in6_addr addr = volley->to ? address_of(volley->to) :
					    dst_address(dst, volley->v6);

	return sockaddr_fill(ret_sa, volley->v6 ? AF_INET6 : AF_INET, &addr,
			     volley->port ? volley->port : PORT_ECHO);
}

static int stream_connect(const struct volley *volley, int fd,
			  const struct sockaddr_storage *sa, socklen_t len)
{
	int error = 0, r;
	socklen_t size = sizeof(error);

	if (connect(fd, (const struct sockaddr *)sa, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (volley->mute)
		return -EINPROGRESS;
	r = sock_wait(fd, POLLOUT, volley->patience_ms);
	if (r >= 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		r = -errno;
	return r < 0 ? r : -error;
}

/* 0, or why nothing was sent; -EINPROGRESS: a SYN nobody waits for. */
static int question_send(const struct volley *volley, int fd, unsigned i,
			 bool fresh)
{
	struct sockaddr_storage sa;
	socklen_t len = volley_target(volley, i, &sa);
	bool connected = volley->how != HOW_UDP;
	char text[16];
	int n = snprintf(text, sizeof(text), "?%u", i), r = 0;

	if (fresh && volley->how == HOW_TCP)
		r = stream_connect(volley, fd, &sa, len);
	else if (fresh && connected &&
		 connect(fd, (struct sockaddr *)&sa, len) < 0)
		r = -errno;
	if (r < 0)
		return r;
	return sendto(fd, text, (size_t)n, MSG_NOSIGNAL,
		      connected ? NULL : (struct sockaddr *)&sa,
		      connected ? 0 : len) < 0 ?
		       -errno :
		       0;
}

static void answer_count(struct volley *volley, enum side side,
			 const char *source)
{
	struct in6_addr tunnel = client_address(SIDE_TUNNEL, volley->v6);
	struct in6_addr addr = address_of(source);
	int64_t now = now_us();

	if (!memcmp(&addr, &tunnel, sizeof(addr)) != (side == SIDE_TUNNEL))
		volley->wrong++;
	volley->answered[side]++;
	if (volley->last_us && now - volley->last_us > volley->gap_us)
		volley->gap_us = now - volley->last_us;
	volley->last_us = now;
}

/* Late answers to earlier questions are not counted. */
static int answer_wait(struct volley *volley, int fd, unsigned i)
{
	for (unsigned tries = 0; tries < 64; tries++) {
		char text[128], name[16], source[INET6_ADDRSTRLEN];
		int r = sock_wait(fd, POLLIN, volley->patience_ms);
		unsigned number;
		ssize_t n;

		if (r < 0)
			return r;
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		text[n] = '\0';
		if (sscanf(text, "%15s %45s ?%u", name, source, &number) != 3 ||
		    number != i)
			continue;
		answer_count(volley,
			     strcmp(name, "tunnel") ? SIDE_UPLINK : SIDE_TUNNEL,
			     source);
		return 0;
	}
	return -ETIMEDOUT;
}

static void volley_one(struct volley *volley, int *fd, unsigned i)
{
	bool fresh = *fd < 0;
	int r;

	if (fresh)
		*fd = volley_open(volley);
	r = *fd < 0 ? *fd : question_send(volley, *fd, i, fresh);
	if (r < 0 && r != -EINPROGRESS) {
		volley->refused++;
		volley->error = -r;
		if (!volley->n)
			poll(NULL, 0, PAUSE_MS);
	} else {
		volley->sent++;
		if (!volley->mute && answer_wait(volley, *fd, i) < 0)
			volley->lost++;
	}
	if ((!volley->kept || r == -EINPROGRESS) && *fd >= 0)
		close(TAKE_FD(*fd));
}

static int volley_main(struct volley *volley)
{
	_cleanup_close_ int fd = -1;

	if (proc_uid(volley->uid) < 0)
		return 1;
	for (unsigned i = 0; !volley->stop && (!volley->n || i < volley->n);
	     i++) {
		volley_one(volley, &fd, i);
		if (volley->n && volley->lost == ENOUGH_LOST)
			break;
	}
	return 0;
}

struct volley *volley_begin(const struct life *life, const struct volley *order)
{
	struct volley *volley = mmap(NULL, sizeof(*volley),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (volley == MAP_FAILED)
		return NULL;
	*volley = *order;
	if (!volley->patience_ms)
		volley->patience_ms = life->lab->deadline_ms;
	pid = proc_fork(life->lab, life->lab->cgroup_fd[order->app], NS_CLIENT);
	if (pid == 0)
		_exit(volley_main(volley));
	volley->pid = pid;
	return volley;
}

/* One with a number is waited for; one without is told to stop. */
int volley_end(struct life *life, struct volley *volley,
	       struct volley *ret_result)
{
	int r;

	if (!volley)
		return life_no(life, "no memory");
	if (!volley->n)
		volley->stop = true;
	r = volley->pid < 0 ? (int)volley->pid :
			      proc_wait(volley->pid, fault_ms(life, 60000));
	if (ret_result)
		*ret_result = *volley;
	munmap(volley, sizeof(*volley));
	return r ? life_no(life, "the sender ended with %d", r) : 0;
}

static int volley_bad(struct life *life, const struct volley *volley,
		      const char *what)
{
	static const char *const hows[] = { "udp", "connected udp", "tcp" };

	return life_no(life,
		       "%s: %s app, %s%s, %s: %u sent, %u refused (%s), "
		       "%u lost, %u by the uplink, %u by the tunnel, "
		       "%u sources wrong",
		       what, app_name(volley->app),
		       volley->to ? volley->to : dst_name(volley->dst),
		       volley->v6 ? " (ipv6)" : "", hows[volley->how],
		       volley->sent, volley->refused, strerror(volley->error),
		       volley->lost, volley->answered[SIDE_UPLINK],
		       volley->answered[SIDE_TUNNEL], volley->wrong);
}

/* Until so many more than now have been answered. */
int volley_progress(struct life *life, const struct volley *volley, unsigned n)
{
	unsigned least = volley->answered[SIDE_UPLINK] +
			 volley->answered[SIDE_TUNNEL] + n;
	int64_t end = now_ms() + fault_ms(life, 5000);

	while (volley->answered[SIDE_UPLINK] + volley->answered[SIDE_TUNNEL] <
	       least) {
		if (now_ms() > end)
			return volley_bad(life, volley, "no progress");
		poll(NULL, 0, 1);
	}
	return 0;
}

int volley_fire(struct life *life, struct volley *volley)
{
	return volley_end(life, volley_begin(life, volley), volley);
}

/* Fires; every one is answered by this side, which saw its source. */
int volley_answered(struct life *life, struct volley *volley, enum side side)
{
	int r = volley_fire(life, volley);

	if (r < 0)
		return r;
	if (volley->answered[side] == volley->n && !volley->wrong)
		return 0;
	return volley_bad(life, volley, "not answered");
}

/* Fires; not one is answered by anybody. */
int volley_refused(struct life *life, struct volley *volley)
{
	int r = volley_fire(life, volley);

	if (r < 0)
		return r;
	if (!volley->answered[SIDE_UPLINK] && !volley->answered[SIDE_TUNNEL])
		return 0;
	return volley_bad(life, volley, "not refused");
}
