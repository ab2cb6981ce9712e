/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question by a new process of an app, and what the far ends counted. */

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define ANSWER_MS  1000
#define RETRY_MS   50 /* a patient asker waits no longer for one answer */
#define AT_ONCE_US 50000
#define KEEPER_MS  60000

static int answer_read(struct ask *ask, int fd, int deadline_ms)
{
	struct in6_addr self;
	char text[128], name[16], source[INET6_ADDRSTRLEN];
	uint8_t addr[16];
	ssize_t n;
	int r = sock_wait(fd, POLLIN, deadline_ms);

	if (r < 0)
		return r;
	n = recv(fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return n ? -errno : -ECONNRESET;
	text[n] = '\0';
	if (sscanf(text, "%15s %45s", name, source) != 2)
		return -EBADMSG;

	snprintf(ask->source, sizeof(ask->source), "%s", source);
	ask->side = strcmp(name, "tunnel") ? SIDE_UPLINK : SIDE_TUNNEL;
	self = client_address(ask->side, ask->v6);
	ask->sourced = inet_pton(ask->v6 ? AF_INET6 : AF_INET, source, addr) ==
			       1 &&
		       memcmp(addr, self.s6_addr + (ask->v6 ? 0 : 12),
			      ask->v6 ? 16 : 4) == 0;
	return 0;
}

static int try_once(struct ask *ask)
{
	int domain = ask->v6 ? AF_INET6 : AF_INET;
	int type = ask->how == HOW_TCP ? SOCK_STREAM : SOCK_DGRAM;
	int wait_ms = ask->patience_ms ? RETRY_MS : ANSWER_MS;
	const struct timeval limit = { .tv_usec = wait_ms * 1000 - 1 };
	struct in6_addr addr = ask->to ? address_of(ask->to) :
					 dst_address(ask->dst, ask->v6);
	_cleanup_close_ int fd = socket(domain, type | SOCK_CLOEXEC, 0);
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, domain, &addr, PORT_ECHO);
	bool connected = ask->how != HOW_UDP;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connected && connect(fd, (struct sockaddr *)&sa, len) < 0)
		return errno == EINPROGRESS ? -ETIMEDOUT : -errno;
	if (sendto(fd, "?1", 2, MSG_NOSIGNAL,
		   connected ? NULL : (struct sockaddr *)&sa,
		   connected ? 0 : len) < 0)
		return -errno;
	return answer_read(ask, fd, wait_ms);
}

static void ask_main(struct ask *ask)
{
	int64_t start = now_us(), last;

	do {
		last = now_us();
		ask->error = try_once(ask);
		ask->us = now_us() - start;
		ask->last_us = now_us() - last;
		if (!ask->error || ask->us > ask->patience_ms * 1000LL)
			return;
		poll(NULL, 0, 1);
	} while (true);
}

/* In a process of the app, which is then over. */
void life_ask(const struct life *life, struct ask *ask)
{
	struct ask *shared = &life->shared->ask;
	pid_t pid;

	*shared = *ask;
	shared->error = -ECHILD;
	pid = proc_fork(life->lab, life->lab->cgroup_fd[ask->app], NS_CLIENT);
	if (pid == 0) {
		ask_main(shared);
		_exit(0);
	}
	if (pid > 0)
		proc_wait(pid, ask->patience_ms + 5000);
	*ask = *shared;
}

static int goes_by(struct life *life, struct ask *ask, enum side side)
{
	static const char *const hows[] = { "udp", "connected udp", "tcp" };

	life_ask(life, ask);
	if (ask->error)
		return life_no(life, "%s app, %s, %s%s: %s", app_name(ask->app),
			       dst_name(ask->dst), hows[ask->how],
			       ask->v6 ? "6" : "", strerror(-ask->error));
	if (ask->side != side)
		return life_no(life, "%s app, %s, %s%s: by the %s",
			       app_name(ask->app), dst_name(ask->dst),
			       hows[ask->how], ask->v6 ? "6" : "",
			       side_name(ask->side));
	if (!ask->sourced)
		return life_no(life, "%s app, %s, %s%s: wrong source",
			       app_name(ask->app), dst_name(ask->dst),
			       hows[ask->how], ask->v6 ? "6" : "");
	return 0;
}

/* Every way of asking, both families: answered by this side. */
int life_goes(struct life *life, enum app app, enum dst dst, enum side side)
{
	int r = 0;

	for (unsigned i = 0; i < 6 && r >= 0; i++) {
		struct ask ask = {
			.app = app, .dst = dst, .v6 = i % 2, .how = i / 2
		};

		r = goes_by(life, &ask, side);
	}
	return r;
}

/* The seed case in four questions. */
int life_governed(struct life *life)
{
	int r = life_goes(life, APP_LISTED, DST_LISTED, SIDE_TUNNEL);

	if (r >= 0)
		r = life_goes(life, APP_LISTED, DST_UNLISTED, SIDE_UPLINK);
	if (r >= 0)
		r = life_goes(life, APP_UNLISTED, DST_LISTED, SIDE_UPLINK);
	return r < 0 ? r :
		       life_goes(life, APP_UNLISTED, DST_UNLISTED, SIDE_UPLINK);
}

/* Every way of asking, both families: refused with an errno, at once. */
int life_refused(struct life *life, enum app app, enum dst dst, int64_t *ret_us)
{
	int64_t worst = 0;

	for (unsigned i = 0; i < 6; i++) {
		struct ask ask = {
			.app = app, .dst = dst, .v6 = i % 2, .how = i / 2
		};

		life_ask(life, &ask);
		if (!is_blocked(ask.error) || ask.us > AT_ONCE_US)
			return life_no(life,
				       "%s app, %s, how %u%s: %s after "
				       "%lld us",
				       app_name(app), dst_name(dst), ask.how,
				       ask.v6 ? ", ipv6" : "",
				       ask.error ? strerror(-ask.error) :
						   "answered",
				       (long long)ask.us);
		worst = ask.us > worst ? ask.us : worst;
	}
	if (ret_us)
		*ret_us = worst;
	return 0;
}

int life_forget(struct life *life)
{
	struct reading readings[N_SIDES];

	return sensors_read(life->lab, readings);
}

/* Nothing at all was seen on this side since the last reading. */
int life_silent(struct life *life, enum side side)
{
	struct reading readings[N_SIDES];
	int r = sensors_read(life->lab, readings);

	if (r < 0)
		return life_no(life, "sensors: %s", strerror(-r));
	if (readings[side].lost || packets_all(&readings[side]))
		return life_no(life, "%u packets on the %s",
			       packets_all(&readings[side]), side_name(side));
	return 0;
}

int life_keep(struct life *life, int (*keeper)(int channel),
	      int (*ask)(struct life *life, int channel))
{
	int pair[2], r, s;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return life_no(life, "socketpair: %m");
	pid = proc_fork(life->lab, life->lab->cgroup_fd[APP_LISTED], NS_CLIENT);
	if (pid == 0) {
		close(pair[0]);
		_exit(keeper(pair[1]));
	}
	close(pair[1]);
	r = pid < 0 ? (int)pid : ask(life, pair[0]);
	close(pair[0]);
	s = pid < 0 ? 0 : proc_wait(pid, KEEPER_MS);
	return r < 0 || s == 0 ? r : life_no(life, "the keeper: %d", s);
}
