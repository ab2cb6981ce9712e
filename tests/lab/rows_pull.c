/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: somebody outside tries to pull a client's flow to his own side. */

/*
 * A datagram that came through the tunnel is answered through the tunnel: of
 * servers that is true. Of clients it must not be: whoever is beyond the
 * tunnel (or on the uplink's network) could write to a client's ephemeral port
 * under the name of the host it talks to, and have the flow.
 */
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

#define PULLS 3

/*
 * They have arrived: before that there is nothing to resist. Without splitd the
 * strict rp_filter stops those that come in by the tunnel.
 */
static int pulls_take(struct trial *trial, int fd)
{
	char text[64];

	if (trial->control)
		return 0;
	for (unsigned i = 0; i < PULLS; i++)
		if (sock_wait(fd, POLLIN, trial->deadline_ms) < 0 ||
		    recv(fd, text, sizeof(text), 0) != 4)
			return trial_fail(trial, FAULT_OTHER, "no pull: %m");
	return 0;
}

static int client_main(struct trial *trial, int channel)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	_cleanup_close_ int fd = -1;
	int r = sock_open(trial, SOCK_DGRAM, 0, &fd);

	if (r >= 0)
		r = udp_ask(trial, fd, trial->dst, PORT_ECHO);
	if (r < 0)
		return r;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return trial_fail(trial, FAULT_OTHER, "name: %m");
	trial->port = ntohs(((struct sockaddr_in *)&sa)->sin_port);

	if (write(channel, "", 1) != 1 ||
	    pipe_wait(channel, trial->deadline_ms * 2) < 0)
		return trial_fail(trial, FAULT_OTHER, "the puller is gone");
	r = pulls_take(trial, fd);
	for (unsigned i = 0; i < 3 && r >= 0; i++)
		r = udp_ask(trial, fd, trial->dst, PORT_ECHO);
	return r;
}

/* In the namespace of the wrong side, as the host the client talks to. */
static int puller_main(struct trial *trial, enum side side)
{
	bool v6 = family_is_v6(trial->family);
	struct in6_addr from = dst_address(trial->dst, v6);
	struct in6_addr to = client_address(side, v6);
	int domain = v6 ? AF_INET6 : AF_INET, on = 1;
	_cleanup_close_ int fd = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, domain, &from, PORT_ECHO);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) < 0)
		return trial_fail(trial, FAULT_OTHER, "puller: %m");
	len = sockaddr_fill(&sa, domain, &to, trial->port);
	for (unsigned i = 0; i < PULLS; i++)
		if (sendto(fd, "pull", 4, 0, (struct sockaddr *)&sa, len) < 0)
			return trial_fail(trial, FAULT_OTHER, "pull: %m");
	return 0;
}

static int pull_between(struct lab *lab, struct trial *trial, int channel)
{
	enum side wrong = want_side(trial, trial->dst) == SIDE_TUNNEL ?
				  SIDE_UPLINK :
				  SIDE_TUNNEL;
	int r = pipe_wait(channel, trial->deadline_ms * 2);
	pid_t pid;

	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "no client");
	pid = proc_fork(lab, -1, (enum ns)wrong);
	if (pid == 0)
		_exit(puller_main(trial, wrong) < 0);
	if (proc_wait(pid, trial->deadline_ms) != 0)
		return trial_fail(trial, FAULT_OTHER, "the puller failed");
	if (write(channel, "", 1) != 1)
		return trial_fail(trial, FAULT_OTHER, "client: %m");
	return 0;
}

static int pull(struct lab *lab, struct trial *trial)
{
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return trial_fail(trial, FAULT_OTHER, "socketpair: %m");
	pid = proc_fork(lab, lab->cgroup_fd[trial->app], NS_CLIENT);
	if (pid == 0) {
		close(pair[0]);
		_exit(client_main(trial, pair[1]) < 0);
	}
	close(pair[1]);
	r = pull_between(lab, trial, pair[0]);
	close(pair[0]);
	if (proc_wait(pid, trial->deadline_ms * 6) != 0)
		r = trial_fail(trial, FAULT_OTHER, "the client failed");
	return r;
}

const struct row rows_pull[] = { { .name = "pull", .drive = pull }, { 0 } };
