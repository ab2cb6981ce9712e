/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes of the lab: in a cgroup first, then in a namespace. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * fork() into a cgroup (-1: the caller's) and a namespace. CLONE_INTO_CGROUP
 * (5.7, ef2c41cf38a7) makes the child a member before its first instruction
 * and costs no grace period; the namespace is entered afterwards.
 */
pid_t proc_fork(const struct lab *lab, int cgroup_fd, enum ns ns)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid;

	fflush(NULL);
	if (cgroup_fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
		pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	} else {
		pid = fork();
	}
	if (pid != 0)
		return pid < 0 ? -errno : pid;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ns_enter(lab, ns) < 0)
		_exit(99);
	return 0;
}

/* The exit status, 128 + signal, or -ETIMEDOUT after killing it. */
int proc_wait(pid_t pid, int deadline_ms)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int r, status;

	if (fd < 0)
		return -errno;
	r = sock_wait(fd, POLLIN, deadline_ms);
	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (r < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void program_exec(char *const argv[], int ns_fd, int in, int out)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ns_fd >= 0 && setns(ns_fd, CLONE_NEWNET) < 0)
		_exit(99);
	dup2(in, STDIN_FILENO);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	execvp(argv[0], argv);
	_exit(98);
}

static void output_take(int fd, char *output, size_t size)
{
	size_t got = 0;
	ssize_t n = 1;

	while (n > 0 && got + 1 < size) {
		n = read(fd, output + got, size - 1 - got);
		got += n > 0 ? (size_t)n : 0;
	}
	output[got] = '\0';
}

/* ip and nft, as programs: input to its stdin, its stdout into output. */
int proc_run(char *const argv[], int ns_fd, const char *input, char *output,
	     size_t size)
{
	_cleanup_close_ int in = memfd_create("input", MFD_CLOEXEC);
	_cleanup_close_ int out_read = -1, out_write = -1;
	size_t len = input ? strlen(input) : 0;
	int pipes[2], r;
	pid_t pid;

	if (in < 0 || write(in, input, len) != (ssize_t)len ||
	    lseek(in, 0, SEEK_SET) < 0)
		return -errno;
	if (output) {
		if (pipe2(pipes, O_CLOEXEC) < 0)
			return -errno;
		out_read = pipes[0];
		out_write = pipes[1];
	}

	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		program_exec(argv, ns_fd, in, out_write);
	if (output) {
		close(TAKE_FD(out_write));
		output_take(out_read, output, size);
	}
	r = proc_wait(pid, 60000);
	if (r > 0)
		fprintf(stderr, "lab: %s exited with %d\n", argv[0], r);
	return r > 0 ? -EIO : r;
}

int proc_uid(uid_t uid)
{
	if (uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return -errno;
	/* setresuid() clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

int write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t len = strlen(text);

	if (fd < 0)
		return -errno;
	return write(fd, text, len) == (ssize_t)len ? 0 : -errno;
}

int copy_file(const char *from, const char *to, mode_t mode)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = -1;
	char buf[65536];
	ssize_t n;

	if (in < 0)
		return -errno;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	if (out < 0)
		return -errno;
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			return -EIO;
	if (n < 0)
		return -errno;
	return fchmod(out, mode) < 0 ? -errno : 0;
}

/* One byte from a pipe or socket: 0, -EPIPE if the other end is gone. */
int pipe_wait(int fd, int deadline_ms)
{
	int r = sock_wait(fd, POLLIN, deadline_ms);
	char byte;

	if (r < 0)
		return r;
	return read(fd, &byte, 1) == 1 ? 0 : -EPIPE;
}

/*
 * Becomes "PATH @op NAME": the image that
 * runs is another file, hence another app, and goes on with the same trial.
 * Its memory's descriptor has the same number everywhere.
 */
int op_exec(struct trial *trial, const char *path, const char *op)
{
	char *argv[] = { (char *)path, "@op", (char *)op, NULL };

	execv(path, argv);
	return trial_fail(trial, FAULT_OTHER, "exec %s: %m", path);
}

int proc_op(int argc, char **argv)
{
	struct trial *trial;

	if (argc != 3)
		return 2;
	trial = mmap(NULL, sizeof(*trial), PROT_READ | PROT_WRITE, MAP_SHARED,
		     TRIAL_FD, 0);
	if (trial == MAP_FAILED)
		return 97;
	for (const struct op *op = identity_ops; op->name; op++)
		if (strcmp(op->name, argv[2]) == 0)
			return op->run(trial) < 0;
	return 2;
}
