/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: an app that was running, with sockets, before the daemon started. */

/*
 * In two acts. Without splitd the holder opens one socket of every kind and
 * uses them: all on the uplink, as it must be then. The daemon starts. From
 * READY on nothing of the holder's listed destinations may be seen on the
 * uplink, although most of these sockets will never pass a hook again; and
 * what is not bound to its old way for life must work through the tunnel.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

/* "Soon": the daemon is told, and duplicates the sockets. */
#define TAKE_OVER_MS 1000
#define ROUND_MS     200
#define GOOD_ROUNDS  3

/* Where the next image finds them, behind CHANNEL_FD. */
#define LATE_UDP_FD  203
#define LATE_PING_FD 204

enum {
	LATE_BY_MOVE,
	LATE_BY_EXEC
};

enum held {
	HELD_UDP,
	HELD_CONNECTED,
	HELD_PING,
	HELD_RAW,
	HELD_TCP,
	N_HELD
};

static int held_open(struct trial *trial, int fds[N_HELD])
{
	int icmp = family_is_v6(trial->family) ? (int)IPPROTO_ICMPV6 :
						 (int)IPPROTO_ICMP;
	int r = sock_open(trial, SOCK_DGRAM, 0, &fds[HELD_UDP]);

	if (r >= 0)
		r = sock_open(trial, SOCK_DGRAM, 0, &fds[HELD_CONNECTED]);
	if (r >= 0)
		r = sock_open(trial, SOCK_DGRAM, icmp, &fds[HELD_PING]);
	if (r >= 0)
		r = sock_open(trial, SOCK_RAW, icmp, &fds[HELD_RAW]);
	if (r >= 0)
		r = sock_open(trial, SOCK_STREAM, 0, &fds[HELD_TCP]);
	return r;
}

static int held_connect(struct trial *trial, int fds[N_HELD])
{
	int r = sock_connect(trial, fds[HELD_CONNECTED], trial->dst, PORT_ECHO);

	if (r >= 0)
		r = sock_connect(trial, fds[HELD_TCP], trial->dst, PORT_ECHO);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "connect: %s",
				  strerror(-r));
	return 0;
}

/* What has no way of its own: works in both acts. */
static int free_ask(struct trial *trial, int fds[N_HELD])
{
	int r = udp_ask(trial, fds[HELD_UDP], trial->dst, PORT_ECHO);

	if (r >= 0)
		r = ping_ask(trial, fds[HELD_PING], trial->dst, false);
	return r < 0 ? r : ping_ask(trial, fds[HELD_RAW], trial->dst, true);
}

static int first_act(struct trial *trial, int fds[N_HELD])
{
	int r = held_open(trial, fds);

	if (r >= 0)
		r = held_connect(trial, fds);
	if (r >= 0)
		r = free_ask(trial, fds);
	if (r >= 0)
		r = stream_ask(trial, fds[HELD_CONNECTED], trial->dst);
	return r < 0 ? r : stream_ask(trial, fds[HELD_TCP], trial->dst);
}

/*
 * A connection with the uplink's source address cannot go on: it may fail with
 * any errno, or fall silent, but must not go on outside. Connected UDP works
 * again after a new connect() at the latest.
 */
static int second_act(struct trial *trial, int fds[N_HELD])
{
	int r;

	for (unsigned i = 0; i < 5; i++) {
		send(fds[HELD_CONNECTED], "?0", 2, MSG_NOSIGNAL);
		send(fds[HELD_TCP], "?0", 2, MSG_NOSIGNAL);
	}
	r = free_ask(trial, fds);
	if (r < 0)
		return r;
	r = sock_connect(trial, fds[HELD_CONNECTED], trial->dst, PORT_ECHO);
	if (r == 0)
		return stream_ask(trial, fds[HELD_CONNECTED], trial->dst);
	return is_blocked(r) ? 0 :
			       trial_fail(trial, FAULT_OTHER, "connect: %s",
					  strerror(-r));
}

/* Runs as the holder, or as the image "app" in the unlisted cgroup. */
int op_hold(struct trial *trial)
{
	int fds[N_HELD] = { -1, -1, -1, -1, -1 };
	int r = first_act(trial, fds);

	if (r < 0 || write(CHANNEL_FD, "", 1) != 1)
		return -EPROTO;
	r = pipe_wait(CHANNEL_FD, 60000);
	if (r < 0)
		return r;
	r = second_act(trial, fds);
	/* Open until the sensors have been read: no FIN, no RST by exit. */
	if (write(CHANNEL_FD, "", 1) != 1)
		return -errno;
	pipe_wait(CHANNEL_FD, 60000);
	return r;
}

static pid_t holder_start(struct lab *lab, struct trial *trial, bool by_exe,
			  const int pair[2])
{
	enum app home = by_exe ? APP_UNLISTED : trial->app;
	pid_t pid = proc_fork(lab, lab->cgroup_fd[home], NS_CLIENT);
	char path[LAB_PATH + 32];

	if (pid != 0)
		return pid;
	if (dup2(pair[1], CHANNEL_FD) < 0)
		_exit(1);
	close(pair[0]);
	close(pair[1]);
	if (!by_exe)
		_exit(op_hold(trial) < 0);
	snprintf(path, sizeof(path), "%s/bin/app", trial->dir);
	_exit(op_exec(trial, path, "hold") < 0);
}

/* Everything the holder sent before READY is not its fault. */
static int daemon_enter(struct lab *lab, struct trial *trial)
{
	struct reading readings[N_SIDES];
	int r = sensors_read(lab, readings);

	if (r < 0)
		return r;
	check_sources(trial, readings);
	r = daemon_start(lab);
	if (r < 0)
		return r;
	trial->control = false;
	return sensors_read(lab, readings);
}

static int acts_play(struct lab *lab, struct trial *trial, int channel)
{
	int r = pipe_wait(channel, trial->deadline_ms * 5);

	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "first act: %s",
				  strerror(-r));
	r = daemon_enter(lab, trial);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "start: %s",
				  strerror(-r));
	if (write(channel, "", 1) != 1)
		return trial_fail(trial, FAULT_OTHER, "holder: %m");
	r = pipe_wait(channel, trial->deadline_ms * 8);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "second act: %s",
				  strerror(-r));
	return 0;
}

static int held(struct lab *lab, struct trial *trial)
{
	struct reading readings[N_SIDES];
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
	    daemon_stop(lab, SIGTERM) < 0 || daemon_purge(lab) < 0)
		return trial_fail(trial, FAULT_OTHER, "cannot begin");
	trial->control = true;
	pid = holder_start(lab, trial, trial->arg, pair);
	close(pair[1]);
	r = acts_play(lab, trial, pair[0]);
	/* What comes after this reading is the end of the holder. */
	if (sensors_read(lab, readings) >= 0)
		check_sources(trial, readings);
	close(pair[0]);
	if (proc_wait(pid, trial->deadline_ms * 4) != 0)
		r = trial_fail(trial, FAULT_OTHER, "the holder failed");
	if (lab->daemon.pid == 0)
		daemon_start(lab);
	return r;
}

/*
 * A process comes into a class late, by a move into a listed cgroup or by exec
 * of a listed executable, and goes on with sockets for which no hook will run:
 * one sends to the peer it is connected to, the other only pings. The daemon
 * hears of the process and takes them over: not at once, but soon.
 */
static int late_open(struct trial *trial)
{
	int icmp = family_is_v6(trial->family) ? (int)IPPROTO_ICMPV6 :
						 (int)IPPROTO_ICMP;
	_cleanup_close_ int udp = -1, ping = -1;
	int r = sock_open(trial, SOCK_DGRAM, 0, &udp);

	if (r >= 0)
		r = sock_open(trial, SOCK_DGRAM, icmp, &ping);
	if (r >= 0)
		r = sock_connect(trial, udp, trial->dst, PORT_ECHO);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "connect: %s",
				  strerror(-r));
	if (dup2(udp, LATE_UDP_FD) < 0 || dup2(ping, LATE_PING_FD) < 0)
		return trial_fail(trial, FAULT_OTHER, "dup2: %m");
	return 0;
}

static int late_ask(struct trial *trial)
{
	int r = stream_ask(trial, LATE_UDP_FD, trial->dst);
	int s = ping_ask(trial, LATE_PING_FD, trial->dst, false);

	return r < 0 ? r : s;
}

/* One round for every byte that comes; the byte back says if it was right. */
int op_late(struct trial *trial)
{
	int r;

	do {
		struct trial once = *trial;
		char right;

		once.deadline_ms = patient(trial->emulated, ROUND_MS);
		right = late_ask(&once) >= 0;
		trial->serial = once.serial;
		r = write(CHANNEL_FD, &right, 1) == 1 ?
			    pipe_wait(CHANNEL_FD, 10000) :
			    -EPIPE;
	} while (r >= 0);
	return 0;
}

static int late_main(struct trial *trial)
{
	char path[LAB_PATH + 32];
	int r = late_open(trial);

	if (r >= 0)
		r = late_ask(trial);
	if (r < 0 || write(CHANNEL_FD, "", 1) != 1)
		return -EPROTO;
	r = pipe_wait(CHANNEL_FD, 10000);
	if (r < 0)
		return r;
	if (trial->arg == LATE_BY_EXEC) {
		snprintf(path, sizeof(path), "%s/bin/app", trial->dir);
		return op_exec(trial, path, "late");
	}
	snprintf(path, sizeof(path), "%s/apps/listed", trial->cgroup);
	r = cgroup_join(path, getpid());
	return r < 0 ? r : op_late(trial);
}

/* Rounds, until some in a row are all right. */
static int taken_over(struct lab *lab, struct trial *trial, int channel)
{
	int64_t end = now_ms() + patient(trial->emulated, TAKE_OVER_MS);
	struct reading readings[N_SIDES];
	unsigned good = 0;
	struct trial once;

	do {
		char right = 0;
		int r = 0;

		once = *trial;
		if (write(channel, "", 1) == 1)
			r = sock_wait(channel, POLLIN, 10000);
		if (r < 0 || read(channel, &right, 1) != 1)
			return trial_fail(trial, FAULT_OTHER, "it is gone");
		r = sensors_read(lab, readings);
		if (r < 0)
			return r;
		r = check_sources(&once, readings);
		good = right && r >= 0 ? good + 1 : 0;
		if (good == GOOD_ROUNDS)
			return 0;
	} while (good || now_ms() < end);
	return trial_fail(trial, once.fault, "not taken over: %.150s",
			  once.why[0] ? once.why : "no answers");
}

static pid_t latecomer_start(const struct lab *lab, struct trial *trial,
			     const int pair[2])
{
	pid_t pid = proc_fork(lab, lab->cgroup_fd[APP_UNLISTED], NS_CLIENT);

	if (pid != 0)
		return pid;
	if (dup2(pair[1], CHANNEL_FD) < 0)
		_exit(1);
	close(pair[0]);
	close(pair[1]);
	_exit(late_main(trial) < 0);
}

static int late(struct lab *lab, struct trial *trial)
{
	struct reading readings[N_SIDES];
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return trial_fail(trial, FAULT_OTHER, "socketpair: %m");
	trial->app = APP_UNLISTED;
	pid = latecomer_start(lab, trial, pair);
	close(pair[1]);
	r = pipe_wait(pair[0], trial->deadline_ms * 2);
	if (r >= 0)
		r = sensors_read(lab, readings);
	if (r >= 0)
		r = check_sources(trial, readings);
	trial->app = APP_LISTED;
	if (r >= 0)
		r = taken_over(lab, trial, pair[0]);
	close(pair[0]);
	if (proc_wait(pid, 15000) != 0 || r < 0)
		return trial_fail(trial, FAULT_OTHER, "the latecomer failed");
	return 0;
}

#define HELD_BY(function)                                                      \
	.drive = (function), .apps = BIT(APP_LISTED), .dsts = BIT(DST_LISTED), \
	.families = REAL_FAMS, .flags = ROW_DAEMON | ROW_SILENT
#define HELD HELD_BY(held)
#define LATE HELD_BY(late)

const struct row rows_held[] = {
	{ .name = "held-cgroup", HELD, .arg = false },
	{ .name = "held-exe", HELD, .arg = true },
	{ .name = "cgroup-move-held", LATE, .arg = LATE_BY_MOVE },
	{ .name = "exec-held", LATE, .arg = LATE_BY_EXEC },
	{ 0 }
};
