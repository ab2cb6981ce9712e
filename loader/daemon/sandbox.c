/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Untrusted bytes are parsed in a child that has nothing to lose.
 *
 * One child a file, so that a file that takes its parser over can lie about
 * itself only. The child inherits the bytes with the fork, confines itself
 * (isolate.c), parses, and writes the encoded document to a pipe. The parent
 * reads with a deadline and a size cap, and does other things while there is
 * nothing to read (fiber.c); the pipe ends with the child, since closing it is
 * not among the system calls the child keeps.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loader/daemon/fiber.h"
#include "loader/daemon/isolate.h"
#include "loader/daemon/sandbox.h"
#include "loader/util/cleanup.h"
#include "loader/util/file.h"
#include "policy/model/document.h"
#include "policy/read/report.h"

#define DEADLINE_MS 15000

DEFINE_CLEANUP(struct document *, document_free);

struct answer {
	char *bytes;
	size_t len, size, max;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the child --------------------------------------------------------- */

static void parse_document(const struct sandbox_job *job, int fd)
{
	struct document *document = NULL;
	struct report report = { 0 };
	void *answer = NULL;
	size_t len = 0;
	int r;

	if (job->demands)
		r = document_parse_signed(job->file, job->bytes, job->len,
					  job->demands, &report, &document);
	else
		r = document_parse(job->file, job->bytes, job->len, &report,
				   &document);
	if (r < 0 && r != -EBADMSG)
		_exit(1);
	if (document_encode(document, &report, &answer, &len) < 0)
		_exit(1);
	if (file_write_all(fd, answer, len) < 0)
		_exit(1);
}

static void identify_document(const struct sandbox_job *job, int fd)
{
	struct document *document = NULL;
	struct report none = { 0 };
	void *answer = NULL;
	size_t len = 0;

	if (document_identify(job->file, job->bytes, job->len, &document) < 0)
		return;
	if (document_encode(document, &none, &answer, &len) < 0)
		return;
	(void)file_write_all(fd, answer, len);
}

static void __attribute__((noreturn))
child_main(const struct isolation *isolation, const struct sandbox_job *job,
	   sandbox_fn parse, int fd)
{
	sigset_t none;

	/* The daemon blocks what it reads from a signalfd. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	fd = isolate(isolation, fd);
	if (fd < 0)
		_exit(2);
	parse(job, fd);
	_exit(0);
}

/* ---- the parent -------------------------------------------------------- */

static int make_room(struct answer *answer)
{
	size_t size = answer->size ? answer->size * 2 : 65536;
	char *grown;

	if (answer->len < answer->size)
		return 0;
	if (answer->len >= answer->max)
		return -EFBIG;
	grown = realloc(answer->bytes, size);
	if (!grown)
		return -ENOMEM;

	answer->bytes = grown;
	answer->size = size;
	return 0;
}

/* 0 at the end of the pipe. */
static int receive(int fd, struct answer *answer)
{
	int64_t end = now_ms() + DEADLINE_MS;

	for (;;) {
		int64_t left = end - now_ms();
		ssize_t n;
		int r;

		if (left <= 0)
			return -ETIMEDOUT;
		r = fiber_wait(fd, (int)left);
		if (r >= 0)
			r = make_room(answer);
		if (r < 0)
			return r;
		n = read(fd, answer->bytes + answer->len,
			 answer->size - answer->len);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0)
			answer->len += (size_t)n;
	}
}

/* Waits for the child that has closed the pipe or been killed. */
static int reap(pid_t pid, char *why, size_t size)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		snprintf(why, size, "the parser could not be confined");
		return -EPERM;
	}
	if (WIFEXITED(status))
		snprintf(why, size, "the parser ran out of memory");
	else
		snprintf(why, size, "the parser was killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	return -ECHILD;
}

/* The child speaks of its own file only. */
static bool speaks_of(const char *file, const struct report *report,
		      size_t first, const struct document *document)
{
	for (size_t i = first; i < report->n; i++) {
		const char *named = report->findings[i].file;

		if (!named || strcmp(named, file))
			return false;
	}
	return !document || !strcmp(document_file(document), file);
}

static int fail(struct report *report, const char *file, const char *why)
{
	const struct place place = { .file = file, .path = "" };
	int r = report_add(report, "E199", &place, NULL, "%s", why);

	return r < 0 ? r : -EBADMSG;
}

static int take_answer(const struct answer *answer, const char *file,
		       struct report *report, struct document **ret_document)
{
	_cleanup_(document_free_p) struct document *document = NULL;
	size_t n_before = report->n, errors_before = report->n_errors;
	int r;

	r = document_decode(answer->bytes, answer->len, report, &document);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !speaks_of(file, report, n_before, document))
		return fail(report, file, "the parser's answer makes no sense");

	if (report->n_errors > errors_before)
		return -EBADMSG;
	if (!document)
		return fail(report, file, "the parser gave no answer");
	*ret_document = TAKE_PTR(document);
	return 0;
}

/* Runs the child; its answer is complete when 0 is returned. */
static int converse(const struct sandbox_job *job, sandbox_fn parse,
		    struct answer *answer, char *why, size_t size)
{
	_cleanup_close_ int out = -1, in = -1;
	struct isolation isolation;
	int r, reaped, fds[2];
	pid_t pid;

	isolation_find(&isolation);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	in = fds[0];
	out = fds[1];

	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child_main(&isolation, job, parse, out);

	close(TAKE_FD(out));
	fcntl(in, F_SETFL, O_NONBLOCK);
	r = receive(in, answer);
	if (r < 0)
		kill(pid, SIGKILL);
	reaped = reap(pid, why, size);
	if (r == -ETIMEDOUT)
		snprintf(why, size, "the parser took too long");
	if (r == -EFBIG)
		snprintf(why, size, "the parser's answer is too long");
	return r < 0 ? r : reaped;
}

/* Or is it us who lack descriptors, processes or memory? */
static bool is_of_file(int error)
{
	return error == -ETIMEDOUT || error == -EFBIG || error == -ECHILD;
}

int sandbox_run(const struct sandbox_job *job, sandbox_fn parse,
		struct report *report, struct document **ret_document)
{
	/* An entry's positions and path cost more than its text. */
	struct answer answer = { .max = ((size_t)1 << 20) + 32 * job->len };
	char why[128] = "the parser could not be started";
	int r = -ECANCELED;

	if (!fiber_is_cancelled())
		r = converse(job, parse, &answer, why, sizeof(why));
	if (r == 0)
		r = take_answer(&answer, job->file, report, ret_document);
	else if (is_of_file(r))
		r = fail(report, job->file, why);
	else if (r == -EPERM)
		r = fail(report, job->file, why) == -ENOMEM ? -ENOMEM : r;
	else if (r != -ECANCELED)
		r = -ENOMEM;
	free(answer.bytes);
	return r;
}

int sandbox_parse(const char *file, const void *bytes, size_t len,
		  const struct signature_policy *demands, struct report *report,
		  struct document **ret_document)
{
	const struct sandbox_job job = { file, bytes, len, demands };

	return sandbox_run(&job, parse_document, report, ret_document);
}

int sandbox_identify(const char *file, const void *bytes, size_t len,
		     struct document **ret_document)
{
	const struct sandbox_job job = { file, bytes, len, NULL };
	struct report ignored = { 0 };
	int r = sandbox_run(&job, identify_document, &ignored, ret_document);

	report_clear(&ignored);
	return r;
}
