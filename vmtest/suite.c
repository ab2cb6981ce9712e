/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs one suite: its report to the host, its words to the console. */

/*
 * A suite is a program that writes a plan, its results and a closing line to
 * descriptor 3. All that comes is counted here, and counted again by the host
 * from what reached it. While it runs, the kernel's log is read as well, so
 * that nothing is overwritten unseen; and as PID 1 we bury the dead.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmtest/guest.h"

#define REPORT_FD 3
#define TICK_MS	  500

/* The pipes' reading ends, and a line that has not come as a whole. */
struct relay {
	int report, words;
	char line[1024];
	size_t len;
	bool tell;
	unsigned results; /* good ones, for the self-test */
	pid_t pid;
	struct outcome *outcome;
};

static int64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static bool starts(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

static void line_count(struct outcome *outcome, const char *line)
{
	unsigned n, passed, skipped;

	if (sscanf(line, "plan %u", &n) == 1) {
		outcome->plan = true;
		outcome->planned += n;
	} else if (starts(line, "ok ")) {
		outcome->ok++;
	} else if (starts(line, "not ok ")) {
		outcome->bad++;
	} else if (starts(line, "skip ")) {
		outcome->skipped++;
	} else if (sscanf(line, "%u passed, %u failed, %u skipped", &passed, &n,
			  &skipped) == 3) {
		outcome->closed = true;
		outcome->failed += n;
	} else {
		outcome->stray = true;
	}
}

static void line_take(struct relay *relay)
{
	const char *line = relay->line;
	bool result = starts(line, "ok ");

	if (relay->tell && result && ++relay->results == 2)
		break_at(STAGE_RESULT, relay->pid);
	if (relay->tell && result && break_drop) {
		break_drop = false;
		return;
	}
	if (relay->tell && result && break_forge) {
		line = break_forge;
		break_forge = NULL;
	}
	line_count(relay->outcome, line);
	if (relay->tell && !break_mute)
		report("%s", line);
}

static void report_take(struct relay *relay)
{
	char text[4096];
	ssize_t n;

	while ((n = read(relay->report, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] != '\n') {
				if (relay->len + 1 < sizeof(relay->line))
					relay->line[relay->len++] = text[i];
				continue;
			}
			relay->line[relay->len] = '\0';
			relay->len = 0;
			line_take(relay);
		}
	}
}

static void words_take(const struct relay *relay)
{
	char text[4096];
	ssize_t n;

	while ((n = read(relay->words, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)n, stdout);
}

static void take_all(struct relay *relay)
{
	report_take(relay);
	words_take(relay);
	kmsg_read();
}

/* Orphans of the suite are ours; true when the suite itself has ended. */
static bool reap(const struct relay *relay)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != relay->pid)
			continue;
		relay->outcome->status = status;
		ended = true;
	}
	return ended;
}

static void watch(struct relay *relay, unsigned seconds)
{
	int64_t end = now_s() + seconds;

	while (!reap(relay)) {
		struct pollfd polls[] = { { relay->report, POLLIN, 0 },
					  { relay->words, POLLIN, 0 },
					  { kmsg_fd(), POLLIN, 0 } };

		poll(polls, 3, TICK_MS);
		take_all(relay);
		if (now_s() >= end && !relay->outcome->late) {
			relay->outcome->late = true;
			kill(-1, SIGKILL);
		}
	}
	take_all(relay);
}

static void suite_exec(char **argv, int report_fd, int words_fd)
{
	setsid();
	dup2(words_fd, STDOUT_FILENO);
	dup2(words_fd, STDERR_FILENO);
	dup2(report_fd, REPORT_FD);
	setenv("PATH", "/usr/sbin:/usr/bin", 1);
	setenv("HOME", "/root", 1);
	if (chdir("/tmp") == 0)
		execv(argv[0], argv);
	_exit(127);
}

int suite_run(char **argv, unsigned seconds, bool tell,
	      struct outcome *ret_outcome)
{
	struct relay relay = { .tell = tell, .outcome = ret_outcome };
	int reports[2], words[2];

	memset(ret_outcome, 0, sizeof(*ret_outcome));
	/* Above REPORT_FD, which the child puts one of them on. */
	if (pipe2(reports, O_CLOEXEC) < 0 || pipe2(words, O_CLOEXEC) < 0)
		return -errno;
	fcntl(reports[0], F_SETFL, O_NONBLOCK);
	fcntl(words[0], F_SETFL, O_NONBLOCK);
	fflush(NULL);
	relay.pid = fork();
	if (relay.pid < 0)
		return -errno;
	if (relay.pid == 0)
		suite_exec(argv, reports[1], words[1]);
	close(reports[1]);
	close(words[1]);
	relay.report = reports[0];
	relay.words = words[0];
	watch(&relay, seconds);
	kill(-1, SIGKILL);
	close(relay.report);
	close(relay.words);
	return 0;
}

bool outcome_green(const struct outcome *outcome)
{
	return outcome->plan && outcome->closed && !outcome->stray &&
	       !outcome->late && outcome->ok && !outcome->bad &&
	       !outcome->failed &&
	       outcome->ok + outcome->skipped == outcome->planned &&
	       outcome->status == 0;
}
