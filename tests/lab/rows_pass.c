/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: sockets that change hands by fork, exec and SCM_RIGHTS. */

/*
 * The task that connects or sends is judged, whoever made the socket; a
 * connected socket keeps the side on which it was connected, whoever uses it.
 * In every row trial->app is the one whose verdict counts.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

/* Where an exec'd image finds the socket it inherited. */
#define SOCKET_FD  201
#define MANY_FD	   300
#define MANY	   400
#define ROUNDS	   8
#define ROUNDS_FEW 2
#define PATIENCE   20000 /* looks at marks, in all: nobody may set any */
#define AROUND	   16	 /* of them, sooner than that */

static int connect_and_ask(struct trial *trial, int fd)
{
	int r = sock_connect(trial, fd, trial->dst, PORT_ECHO);

	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "connect: %s",
				  strerror(-r));
	return stream_ask(trial, fd, trial->dst);
}

static int ask_unconnected(struct trial *trial, int fd)
{
	return udp_ask(trial, fd, trial->dst, PORT_ECHO);
}

static int ask_connected(struct trial *trial, int fd)
{
	return stream_ask(trial, fd, trial->dst);
}

/* The parent makes it, the child asks with it, then the parent does. */
static int fork_with(struct trial *trial, int type,
		     int (*child)(struct trial *trial, int fd),
		     int (*parent)(struct trial *trial, int fd))
{
	_cleanup_close_ int fd = -1;
	int r = sock_open(trial, type, 0, &fd);
	pid_t pid;

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0)
		_exit(child(trial, fd) < 0);
	r = proc_wait(pid, trial->deadline_ms * 2);
	if (r != 0)
		return trial_fail(trial, FAULT_OTHER, "the child: %d", r);
	return parent(trial, fd);
}

static int fork_tcp(struct trial *trial)
{
	return fork_with(trial, SOCK_STREAM, connect_and_ask, ask_connected);
}

static int fork_udp(struct trial *trial)
{
	return fork_with(trial, SOCK_DGRAM, ask_unconnected, ask_unconnected);
}

static int exec_with(struct trial *trial, const char *file, int type,
		     const char *op)
{
	char path[LAB_PATH + 32];
	_cleanup_close_ int fd = -1;
	int r = sock_open(trial, type, 0, &fd);

	if (r < 0)
		return r;
	if (dup2(fd, SOCKET_FD) < 0)
		return trial_fail(trial, FAULT_OTHER, "dup2: %m");
	snprintf(path, sizeof(path), "%s/bin/%s", trial->dir, file);
	return op_exec(trial, path, op);
}

static int exec_tcp(struct trial *trial)
{
	return exec_with(trial, "plain", SOCK_STREAM, "held-tcp");
}

static int exec_udp(struct trial *trial)
{
	return exec_with(trial, "plain", SOCK_DGRAM, "held-udp");
}

/* A socket that an unlisted image made; the listed one goes on with it. */
static int exec_into_tcp(struct trial *trial)
{
	return exec_with(trial, "app", SOCK_STREAM, "held-tcp");
}

static int exec_into_udp(struct trial *trial)
{
	return exec_with(trial, "app", SOCK_DGRAM, "held-udp");
}

/*
 * Many sockets that an unlisted image made. The listed one connects every other
 * one at the moment when the daemon takes it over: both then write the first
 * word on whose it is, and neither may fail because the other was quicker. When
 * that is, the mark of the socket before tells, which is the daemon's alone;
 * how much later, is found by coming too early and too late.
 */
static int many_open_and_exec(struct trial *trial)
{
	for (int i = 0; i < MANY; i++) {
		_cleanup_close_ int fd = -1;
		int r = sock_open(trial, SOCK_DGRAM, 0, &fd);

		if (r < 0)
			return r;
		if (dup2(fd, MANY_FD + i) < 0)
			return trial_fail(trial, FAULT_OTHER, "dup2: %m");
	}
	return exec_with(trial, "app", SOCK_DGRAM, "held-many");
}

static int exec_into_many(struct trial *trial)
{
	bool few = trial->maimed || trial->emulated;
	int r = 0;

	for (int i = 0; i < (few ? ROUNDS_FEW : ROUNDS) && r == 0; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(many_open_and_exec(trial) < 0);
		r = proc_wait(pid, trial->deadline_ms * 4);
	}
	return r == 0 ? 0 : trial_fail(trial, FAULT_OTHER, "the app: %d", r);
}

static bool has_mark(int fd)
{
	socklen_t len = sizeof(int);
	int mark = 0;

	return getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &len) == 0 && mark;
}

int op_held_many(struct trial *trial)
{
	unsigned patience = PATIENCE;
	int later = 0; /* in looks at a mark */

	for (int i = 1; i < MANY; i += 2) {
		int r;

		while (patience && !has_mark(MANY_FD + i - 1))
			patience--;
		for (int n = i / 2 % AROUND; n < later; n++)
			has_mark(MANY_FD + i - 1);
		if (!has_mark(MANY_FD + i))
			later++;
		else if (later)
			later -= later < 3 ? later : 3;
		r = sock_connect(trial, MANY_FD + i, trial->dst, PORT_ECHO);
		if (r < 0)
			return trial_fail(trial, FAULT_OTHER,
					  "connect of socket %d: %s", i,
					  strerror(-r));
	}
	return ask_connected(trial, MANY_FD + MANY - 1);
}

int op_held_tcp(struct trial *trial)
{
	return connect_and_ask(trial, SOCKET_FD);
}

int op_held_udp(struct trial *trial)
{
	return ask_unconnected(trial, SOCKET_FD);
}

int fd_send(int channel, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec vector = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &vector,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return sendmsg(channel, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int fd_receive(int channel, int deadline_ms)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec vector = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &vector,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd, r = sock_wait(channel, POLLIN, deadline_ms);

	if (r < 0)
		return r;
	if (recvmsg(channel, &msg, MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	if (!CMSG_FIRSTHDR(&msg))
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* One hand-over: who makes, what the maker does, what the user does. */
struct handover {
	int type;
	enum app maker, user;
	int (*make)(struct trial *trial, int fd); /* NULL: only socket() */
	int (*use)(struct trial *trial, int fd);
};

static int maker_main(struct trial *trial, const struct handover *handover,
		      int channel)
{
	_cleanup_close_ int fd = -1;
	int r = sock_open(trial, handover->type, 0, &fd);

	if (r >= 0 && handover->make)
		r = handover->make(trial, fd);
	if (r < 0)
		return r;
	r = fd_send(channel, fd);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "pass: %s", strerror(-r));
	/* Holds its copy until the user is done with it. */
	return pipe_wait(channel, trial->deadline_ms * 4);
}

static int user_main(struct trial *trial, const struct handover *handover,
		     int channel)
{
	_cleanup_close_ int fd = fd_receive(channel, trial->deadline_ms * 2);
	int r;

	if (fd < 0)
		return trial_fail(trial, FAULT_OTHER, "take: %s",
				  strerror(-fd));
	r = handover->use(trial, fd);
	if (write(channel, "", 1) != 1)
		return -errno;
	return r;
}

static int hand_over(struct lab *lab, struct trial *trial,
		     const struct handover *handover)
{
	int pair[2], r, s;
	pid_t maker, user;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return trial_fail(trial, FAULT_OTHER, "socketpair: %m");
	/*
	 * What a newcomer holds is taken over, a moment later: the user must
	 * be no newcomer any more when it gets the socket.
	 */
	user = proc_fork(lab, lab->cgroup_fd[handover->user], NS_CLIENT);
	if (user == 0) {
		close(pair[0]);
		_exit(user_main(trial, handover, pair[1]) < 0);
	}
	r = daemon_settle(lab);
	maker = proc_fork(lab, lab->cgroup_fd[handover->maker], NS_CLIENT);
	if (maker == 0) {
		close(pair[1]);
		_exit(maker_main(trial, handover, pair[0]) < 0);
	}
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "daemon: %s",
				  strerror(-r));
	close(pair[0]);
	close(pair[1]);

	r = proc_wait(user, trial->deadline_ms * 6);
	s = proc_wait(maker, trial->deadline_ms * 6);
	if (r != 0 || s != 0)
		return trial_fail(trial, FAULT_OTHER, "maker %d, user %d", s,
				  r);
	return 0;
}

static enum app app_other(enum app app)
{
	return app == APP_LISTED ? APP_UNLISTED : APP_LISTED;
}

/*
 * Without 62476cc1bf24 sendmsg hooks cannot take the mark off: it stays and the
 * guard refuses, until a connect() takes it off. README names the limit.
 */
int mark_stays(struct trial *trial, int fd)
{
	int r = udp_send(trial, fd, trial->dst, PORT_ECHO);

	if (r != -EPERM)
		return trial_fail(trial, FAULT_OTHER, "no limit any more: %s",
				  strerror(-r));
	return connect_and_ask(trial, fd);
}

/*
 * udp_sendmsg() reads the socket's mark before any hook can correct it: of a
 * socket that the other app made, the first datagram may be refused. It must
 * not go astray, and the second one must be right.
 */
static int ask_after_refusal(struct trial *trial, int fd)
{
	int r = udp_send(trial, fd, trial->dst, PORT_ECHO);

	if (r == -EPERM && trial->app == APP_UNLISTED && kernel_before(5, 12))
		return mark_stays(trial, fd);
	if (r == -EPERM)
		return ask_unconnected(trial, fd);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "sendto: %s",
				  strerror(-r));
	return answer_take(trial, fd, trial->dst);
}

static int connect_to(struct trial *trial, int fd)
{
	int r = sock_connect(trial, fd, trial->dst, PORT_ECHO);

	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "connect: %s",
				  strerror(-r));
	return 0;
}

static int before_tcp(struct lab *lab, struct trial *trial)
{
	return hand_over(lab, trial,
			 &(struct handover){ SOCK_STREAM, app_other(trial->app),
					     trial->app, NULL,
					     connect_and_ask });
}

static int before_udp_connected(struct lab *lab, struct trial *trial)
{
	return hand_over(lab, trial,
			 &(struct handover){ SOCK_DGRAM, app_other(trial->app),
					     trial->app, NULL,
					     connect_and_ask });
}

static int before_udp(struct lab *lab, struct trial *trial)
{
	return hand_over(lab, trial,
			 &(struct handover){ SOCK_DGRAM, app_other(trial->app),
					     trial->app, NULL,
					     ask_after_refusal });
}

static int after_tcp(struct lab *lab, struct trial *trial)
{
	return hand_over(lab, trial,
			 &(struct handover){ SOCK_STREAM, trial->app,
					     app_other(trial->app), connect_to,
					     ask_connected });
}

static int after_udp(struct lab *lab, struct trial *trial)
{
	return hand_over(lab, trial,
			 &(struct handover){ SOCK_DGRAM, trial->app,
					     app_other(trial->app), connect_to,
					     ask_connected });
}

const struct row rows_pass[] = {
	{ .name = "fork-tcp", .run = fork_tcp },
	{ .name = "fork-udp", .run = fork_udp },
	{ .name = "exec-tcp", .run = exec_tcp },
	{ .name = "exec-udp", .run = exec_udp },
	{ .name = "exec-into-app-tcp",
	  .run = exec_into_tcp,
	  .apps = BIT(APP_LISTED),
	  .flags = ROW_GUEST | ROW_HANDS },
	{ .name = "exec-into-app-udp",
	  .run = exec_into_udp,
	  .apps = BIT(APP_LISTED),
	  .flags = ROW_GUEST | ROW_HANDS },
	{ .name = "exec-into-app-many",
	  .run = exec_into_many,
	  .apps = BIT(APP_LISTED),
	  .dsts = BIT(DST_LISTED),
	  .flags = ROW_GUEST | ROW_HANDS },
	{ .name = "pass-before-tcp", .drive = before_tcp, .flags = ROW_HANDS },
	{ .name = "pass-before-udp",
	  .drive = before_udp,
	  .flags = ROW_ESCAPE | ROW_HANDS },
	{ .name = "pass-before-udp-connected",
	  .drive = before_udp_connected,
	  .flags = ROW_HANDS },
	{ .name = "pass-after-tcp", .drive = after_tcp },
	{ .name = "pass-after-udp", .drive = after_udp },
	{ 0 }
};
