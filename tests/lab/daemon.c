/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitd in the lab: start and wait for READY, stop, purge. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"
#include "tests/lab/trace.h"

/* Most of it is the verifier's time. */
#define START_DEADLINE_MS 20000
#define STOP_DEADLINE_MS  10000
#define LOG_TAIL	  4000

static int notify_open(struct lab *lab, struct sockaddr_un *ret_sun)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(ret_sun, 0, sizeof(*ret_sun));
	ret_sun->sun_family = AF_UNIX;
	snprintf(ret_sun->sun_path, sizeof(ret_sun->sun_path), "%.90s/notify",
		 lab->dir);
	unlink(ret_sun->sun_path);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)ret_sun, sizeof(*ret_sun)) < 0)
		return -errno;
	lab->daemon.notify = fd;
	return 0;
}

static void log_open(const struct lab *lab)
{
	char path[LAB_PATH + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/splitd.log", lab->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd >= 0)
		dup2(fd, STDERR_FILENO);
}

static void log_print(const struct lab *lab)
{
	char path[LAB_PATH + 32], text[LOG_TAIL + 1];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/splitd.log", lab->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (lseek(fd, -LOG_TAIL, SEEK_END) < 0)
		lseek(fd, 0, SEEK_SET);
	n = read(fd, text, LOG_TAIL);
	if (n > 0)
		fprintf(stderr, "--- splitd's last words\n%.*s---\n", (int)n,
			text);
}

static pid_t splitd_fork(const struct lab *lab, bool purge)
{
	char policy[LAB_PATH + 32], state[LAB_PATH + 32], run[LAB_PATH + 32];
	char host[LAB_PATH + 32];
	char *argv[32] = { (char *)lab->daemon.path,
			   "--policy",
			   policy,
			   "--state",
			   state,
			   "--run",
			   run,
			   "--cgroup",
			   (char *)lab->governed,
			   "--bpffs",
			   (char *)lab->bpffs,
			   "--host",
			   host };
	unsigned n = 13;
	pid_t pid;

	for (unsigned i = 0; lab->daemon.extra[i]; i++)
		argv[n++] = (char *)lab->daemon.extra[i];
	argv[n] = purge ? "--purge" : NULL;

	snprintf(policy, sizeof(policy), "%s/policy", lab->dir);
	snprintf(state, sizeof(state), "%s/state", lab->dir);
	snprintf(run, sizeof(run), "%s/run", lab->dir);
	snprintf(host, sizeof(host), "%s/host.plist", lab->dir);
	pid = proc_fork(lab, -1, NS_CLIENT);
	if (pid != 0)
		return pid;

	log_open(lab);
	close(TRIAL_FD);
	if (lab->daemon.traced && trace_me() < 0)
		_exit(126);
	execv(argv[0], argv);
	_exit(127);
}

/* READY=1, or the end of the daemon, or the deadline. */
static int ready_wait(struct lab *lab)
{
	_cleanup_close_ int pidfd =
		(int)syscall(SYS_pidfd_open, lab->daemon.pid, 0);
	struct pollfd polls[] = { { lab->daemon.notify, POLLIN, 0 },
				  { pidfd, POLLIN, 0 } };
	int64_t end = now_ms() + patient(lab->emulated, START_DEADLINE_MS);

	while (now_ms() < end) {
		char text[512];
		ssize_t n;

		if (poll(polls, 2, (int)(end - now_ms())) < 0)
			return -errno;
		if (polls[0].revents) {
			n = recv(lab->daemon.notify, text, sizeof(text) - 1,
				 MSG_DONTWAIT);
			text[n > 0 ? n : 0] = '\0';
			if (strstr(text, "READY=1"))
				return 0;
		} else if (polls[1].revents) {
			return -ECHILD;
		}
	}
	return -ETIMEDOUT;
}

/* Once: a hook that is taken away later is missed, not excused. */
static void confinement_note(struct lab *lab)
{
	char path[LAB_PATH + 32];

	snprintf(path, sizeof(path), "%s/links/packet", lab->bpffs);
	lab->confines |= access(path, F_OK) == 0;
}

/* Does not wait; daemon_ready() does. */
int daemon_launch(struct lab *lab)
{
	struct sockaddr_un sun;
	int r = notify_open(lab, &sun);

	if (r < 0)
		return r;
	setenv("NOTIFY_SOCKET", sun.sun_path, 1);
	lab->daemon.pid = splitd_fork(lab, false);
	unsetenv("NOTIFY_SOCKET");
	return lab->daemon.pid < 0 ? (int)lab->daemon.pid : 0;
}

/* Returns when traffic is governed. */
int daemon_start(struct lab *lab)
{
	int r = daemon_launch(lab);

	if (r >= 0)
		r = ready_wait(lab);
	close(lab->daemon.notify);
	if (r < 0) {
		daemon_stop(lab, SIGKILL);
		log_print(lab);
	}
	confinement_note(lab);
	return r;
}

/* SIGTERM: it must end with status 0. SIGKILL: it must just be gone. */
int daemon_stop(struct lab *lab, int signal)
{
	int r;

	if (lab->daemon.pid <= 0)
		return 0;
	kill(lab->daemon.pid, signal);
	r = proc_wait(lab->daemon.pid,
		      patient(lab->emulated, STOP_DEADLINE_MS));
	lab->daemon.pid = 0;
	if (r < 0 || signal == SIGKILL || r == 0)
		return r < 0 ? r : 0;
	fprintf(stderr, "lab: splitd ended with %d\n", r);
	log_print(lab);
	return -EPROTO;
}

pid_t daemon_purge_launch(struct lab *lab)
{
	return splitd_fork(lab, true);
}

int daemon_purge(struct lab *lab)
{
	pid_t pid = daemon_purge_launch(lab);
	int r = pid < 0 ? (int)pid :
			  proc_wait(pid,
				    patient(lab->emulated, STOP_DEADLINE_MS));

	if (r > 0) {
		fprintf(stderr, "lab: splitd --purge ended with %d\n", r);
		log_print(lab);
	}
	return r > 0 ? -EPROTO : r;
}

/*
 * Returns when the daemon has dealt with all that happened before, such as a
 * process that came into a class: it does so before it answers a request. The
 * answer itself does not matter. A daemon that is dead has nothing to do.
 */
int daemon_settle(const struct lab *lab)
{
	static const char request[] =
		"{\"version\": 1, \"command\": \"status\"}";
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	uint32_t head = htonl(sizeof(request) - 1);
	_cleanup_close_ int fd = -1;
	int r;

	if (lab->daemon.pid <= 0)
		return 0;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.80s/run/control.sock",
		 lab->dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    write(fd, &head, sizeof(head)) != sizeof(head) ||
	    write(fd, request, sizeof(request) - 1) != sizeof(request) - 1)
		return -errno;
	r = sock_wait(fd, POLLIN, patient(lab->emulated, STOP_DEADLINE_MS));
	return r < 0 ? r : 0;
}
