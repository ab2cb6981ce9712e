/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parser's child: it answers, and a taken-over one gets nowhere. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/daemon/isolate.h"
#include "loader/daemon/sandbox.h"
#include "policy/model/document.h"
#include "policy/read/report.h"

static const char host[] = "<plist version=\"1.0\"><dict><key>Apps</key><dict>"
			   "<key>a.b</key><array><string>exe:/bin/x</string>"
			   "</array></dict></dict></plist>";

static void test_good(void **state)
{
	struct document *document = NULL;
	struct report report = { 0 };

	(void)state;
	assert_int_equal(sandbox_parse("h", host, strlen(host), NULL, &report,
				       &document),
			 0);
	assert_int_equal(report.n_errors, 0);
	assert_int_equal(document_kind(document), DOCUMENT_HOST);
	assert_string_equal(document_file(document), "h");
	document_free(document);
	report_clear(&report);
}

static void test_bad(void **state)
{
	struct document *document = NULL;
	struct report report = { 0 };

	(void)state;
	assert_int_equal(sandbox_parse("f", "<plist", 6, NULL, &report,
				       &document),
			 -EBADMSG);
	assert_null(document);
	assert_int_not_equal(report.n_errors, 0);
	assert_string_equal(report.findings[0].file, "f");
	assert_string_not_equal(report.findings[0].code, "E199");
	report_clear(&report);
}

/* Runs a parser that was taken over; expects E199 with this in it. */
static void expect_refused(sandbox_fn parse, const char *why)
{
	const struct sandbox_job job = { .file = "file",
					 .bytes = host,
					 .len = strlen(host) };
	struct document *document = NULL;
	struct report report = { 0 };

	assert_int_equal(sandbox_run(&job, parse, &report, &document),
			 -EBADMSG);
	assert_null(document);
	assert_int_equal(report.n_errors, 1);
	assert_string_equal(report.findings[report.n - 1].code, "E199");
	if (!strstr(report.findings[report.n - 1].message, why))
		fail_msg("'%s' is not about '%s'",
			 report.findings[report.n - 1].message, why);
	report_clear(&report);
}

static void opens(const struct sandbox_job *job, int fd)
{
	(void)job, (void)fd;
	syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}

static void connects(const struct sandbox_job *job, int fd)
{
	(void)job, (void)fd;
	syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static void forks(const struct sandbox_job *job, int fd)
{
	(void)job, (void)fd;
	syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static void executes(const struct sandbox_job *job, int fd)
{
	(void)job, (void)fd;
	syscall(SYS_execve, "/bin/true", NULL, NULL);
}

static void maps_code(const struct sandbox_job *job, int fd)
{
	(void)job, (void)fd;
	syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void hides_end(const struct sandbox_job *job, int fd)
{
	(void)job;
	syscall(SYS_close, fd);
}

static void test_system_calls(void **state)
{
	static const sandbox_fn tries[] = { opens,    connects,	 forks,
					    executes, maps_code, hides_end };

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++)
		expect_refused(tries[i], "killed by signal 31");
}

static void crashes(const struct sandbox_job *job, int fd)
{
	(void)job, (void)fd;
	signal(SIGSEGV, SIG_DFL);
	/* raise() is not among the calls; a fault is */
	__builtin_trap();
}

static void says_nothing(const struct sandbox_job *job, int fd)
{
	(void)job, (void)fd;
}

static void never_ends(const struct sandbox_job *job, int fd)
{
	static char block[65536];

	(void)job;
	while (write(fd, block, sizeof(block)) > 0)
		;
}

static void test_misbehaviour(void **state)
{
	(void)state;
	expect_refused(crashes, "killed by signal");
	expect_refused(says_nothing, "makes no sense");
	expect_refused(never_ends, "too long");
}

static unsigned int seed;

static void random_table(const struct sandbox_job *job, int fd)
{
	struct document *document = NULL;
	struct report report = { 0 };
	unsigned char *bytes;
	void *answer;
	size_t len;

	/* A true answer with some bytes changed gets furthest. */
	if (document_parse(job->file, job->bytes, job->len, &report,
			   &document) < 0 ||
	    document_encode(document, &report, &answer, &len) < 0)
		return;
	bytes = answer;
	for (int i = 0; i < 3; i++)
		bytes[(size_t)rand_r(&seed) % len] =
			(unsigned char)rand_r(&seed);
	if (seed % 3 == 0)
		len -= (size_t)rand_r(&seed) % len;
	if (write(fd, bytes, len) < 0)
		return;
}

/* Whatever it says, we live, and get a document or an error. */
static void test_random_tables(void **state)
{
	const struct sandbox_job job = { .file = "file",
					 .bytes = host,
					 .len = strlen(host) };

	(void)state;
	for (seed = 1; seed <= 300; seed++) {
		struct document *document = NULL;
		struct report report = { 0 };
		unsigned int kept = seed;
		int r = sandbox_run(&job, random_table, &report, &document);

		seed = kept;
		assert_true(r == 0 ? !!document :
				     r == -EBADMSG && report.n_errors);
		document_free(document);
		report_clear(&report);
	}
}

static void speaks_of_other(const struct sandbox_job *job, int fd)
{
	struct document *document = NULL;
	struct report report = { 0 };
	void *answer;
	size_t len;

	if (document_parse("other", job->bytes, job->len, &report, &document) ==
		    0 &&
	    document_encode(document, &report, &answer, &len) == 0 &&
	    write(fd, answer, len) < 0)
		return;
}

static void test_other_file(void **state)
{
	(void)state;
	expect_refused(speaks_of_other, "makes no sense");
}

/* That we cannot start a parser is not the file's fault. */
static void test_no_descriptors(void **state)
{
	struct document *document = NULL;
	struct report report = { 0 };
	struct rlimit before, none;
	int r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = sandbox_parse("h", host, strlen(host), NULL, &report, &document);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(r, -ENOMEM);
	assert_int_equal(report.n, 0);
	assert_null(document);
}

/* For the daemon itself; in a child, since there is no way back. */
static void test_memory(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct rlimit core = { 1, 1 };

		_exit(isolate_memory() < 0 ||
		      prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 ||
		      getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_max != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_system_calls),
		cmocka_unit_test(test_misbehaviour),
		cmocka_unit_test(test_random_tables),
		cmocka_unit_test(test_other_file),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
