/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: oversize, partial, idle and slow clients, other users. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/daemon/control.h"
#include "loader/daemon/loop.h"

#define OTHER_UID 1000
#define BIG	  (8 * 1024 * 1024)

static char dir[64], path[96];
static pid_t server;

static struct control *control;
static uint64_t waiting[64];
static size_t n_waiting;

static void answer_waiting(void)
{
	json_t *json = control_result(json_pack("{s:i}", "uid", 4711));

	for (size_t i = 0; i < n_waiting; i++)
		control_answer(control, waiting[i], json);
	n_waiting = 0;
	json_decref(json);
}

/*
 * Says who asks; "big" gets an answer that no socket buffer holds, "later" none
 * before somebody says "go".
 */
static int answer(void *ctx, const struct ucred *peer, const json_t *request,
		  uint64_t ticket, json_t **ret_answer)
{
	const char *command =
		json_string_value(json_object_get(request, "command"));
	char *big;

	(void)ctx;
	if (command && !strcmp(command, "later")) {
		waiting[n_waiting++] = ticket;
		return -EINPROGRESS;
	}
	if (command && !strcmp(command, "go"))
		answer_waiting();
	if (!command || strcmp(command, "big")) {
		*ret_answer = control_result(
			json_pack("{s:i}", "uid", (int)peer->uid));
		return 0;
	}
	big = malloc(BIG);
	if (!big)
		return -ENOMEM;
	memset(big, 'x', BIG);
	*ret_answer = control_result(json_stringn(big, BIG));
	free(big);
	return 0;
}

static int serve(void)
{
	const struct rlimit few = { 200, 200 };
	bool stop = false;
	int loop = loop_new();

	/* A daemon must not depend on a generous limit. */
	setrlimit(RLIMIT_NOFILE, &few);
	if (loop < 0 || control_open(dir, loop, answer, NULL, &control) < 0)
		return 1;
	chmod(path, 0666);
	chmod(dir, 0755);
	alarm(60);
	return loop_run(loop, &stop) < 0;
}

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = 10 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int start(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_control.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	server = fork();
	if (server == 0)
		_exit(serve());

	for (int i = 0; i < 1000; i++) {
		int fd = dial();

		if (fd >= 0)
			return close(fd);
		poll(NULL, 0, 10);
	}
	return -1;
}

static int stop(void **state)
{
	int status;

	(void)state;
	/* It must still be there: nothing a client does ends it. */
	if (kill(server, SIGTERM) < 0 || waitpid(server, &status, 0) < 0)
		return -1;
	unlink(path);
	rmdir(dir);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM ? 0 : -1;
}

static void put(int fd, const char *text)
{
	uint32_t head = htonl((uint32_t)strlen(text));

	assert_int_equal(send(fd, &head, 4, MSG_NOSIGNAL), 4);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
}

/* The next answer; NULL when the server hung up. */
static json_t *get(int fd)
{
	uint32_t head;
	json_t *json;
	char *text;

	if (recv(fd, &head, 4, MSG_WAITALL) != 4)
		return NULL;
	text = malloc(ntohl(head));
	assert_int_equal(recv(fd, text, ntohl(head), MSG_WAITALL), ntohl(head));
	json = json_loadb(text, ntohl(head), 0, NULL);
	free(text);
	return json;
}

#define ASK "{\"version\":1,\"command\":\"who\"}"

/* Answered, and by whom the server takes us for. */
static void expect_uid(int fd, uid_t uid)
{
	json_t *json = get(fd), *result;

	assert_non_null(json);
	assert_true(json_is_true(json_object_get(json, "ok")));
	result = json_object_get(json, "result");
	assert_int_equal(json_integer_value(json_object_get(result, "uid")),
			 uid);
	json_decref(json);
}

static void expect_service(void)
{
	int fd = dial();

	assert_true(fd >= 0);
	put(fd, ASK);
	expect_uid(fd, geteuid());
	close(fd);
}

static void expect_error(const char *request)
{
	int fd = dial();
	json_t *json;

	put(fd, request);
	json = get(fd);
	assert_non_null(json);
	assert_true(json_is_false(json_object_get(json, "ok")));
	assert_true(json_is_string(json_object_get(json, "error")));
	json_decref(json);
	close(fd);
}

static void test_requests(void **state)
{
	int fd = dial();

	(void)state;
	/* One after the other, two at once, and after shutdown. */
	put(fd, ASK);
	expect_uid(fd, geteuid());
	put(fd, ASK);
	put(fd, ASK);
	expect_uid(fd, geteuid());
	expect_uid(fd, geteuid());
	put(fd, ASK);
	shutdown(fd, SHUT_WR);
	expect_uid(fd, geteuid());
	assert_null(get(fd));
	close(fd);
}

static void test_nonsense(void **state)
{
	(void)state;
	expect_error("");
	expect_error("[]");
	expect_error("{\"version\":2,\"command\":\"who\"}");
	expect_error("{\"version\":1,\"version\":1}");
	expect_error("\xff\xfe");
	expect_service();
}

static void announce(int fd, size_t len)
{
	uint32_t head = htonl((uint32_t)len);

	assert_int_equal(send(fd, &head, 4, MSG_NOSIGNAL), 4);
}

static void test_oversize(void **state)
{
	char *request = malloc(CONTROL_MAX_REQUEST + 1);
	int fd = dial();

	(void)state;
	announce(fd, CONTROL_MAX_UPLOAD);
	expect_service();
	assert_int_equal(recv(fd, request, 1, MSG_DONTWAIT), -1);
	close(fd);
	fd = dial();
	announce(fd, CONTROL_MAX_UPLOAD + 1);
	assert_int_equal(recv(fd, request, 1, 0), 0);
	close(fd);

	/* The largest there may be. */
	memset(request, ' ', CONTROL_MAX_REQUEST);
	memcpy(request, ASK, strlen(ASK));
	request[CONTROL_MAX_REQUEST] = '\0';
	fd = dial();
	put(fd, request);
	expect_uid(fd, geteuid());
	close(fd);
	free(request);
}

static void test_partial(void **state)
{
	static const char text[] = "\0\0\0\x1d" ASK;
	int fd = dial();

	(void)state;
	assert_int_equal(strlen(ASK), 0x1d);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		assert_int_equal(send(fd, text + i, 1, MSG_NOSIGNAL), 1);
		if (i % 8 == 0)
			expect_service();
	}
	expect_uid(fd, geteuid());
	close(fd);
}

/* A thousand who only sit there: each newcomer is served all the same. */
static void test_idle(void **state)
{
	static int fds[1000];

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		fds[i] = dial();
		assert_true(fds[i] >= 0);
		if (i % 10 == 0)
			expect_service();
	}
	expect_service();
	for (size_t i = 0; i < 1000; i++)
		close(fds[i]);
}

static void test_slow_reader(void **state)
{
	int slow = dial();
	json_t *json;

	(void)state;
	put(slow, "{\"version\":1,\"command\":\"big\"}");
	for (int i = 0; i < 20; i++)
		expect_service();
	json = get(slow);
	assert_int_equal(json_string_length(json_object_get(json, "result")),
			 BIG);
	json_decref(json);

	/* And one that leaves in the middle. */
	put(slow, "{\"version\":1,\"command\":\"big\"}");
	close(slow);
	expect_service();
}

/* Answers that take time: others are served, and clients may go away. */
static void test_later(void **state)
{
	int first = dial(), gone = dial(), last = dial(), go;
	char byte;

	(void)state;
	put(first, "{\"version\":1,\"command\":\"later\"}");
	put(first, ASK);
	put(gone, "{\"version\":1,\"command\":\"later\"}");
	put(last, "{\"version\":1,\"command\":\"later\"}");
	expect_service();
	close(gone);
	/* Its place is given to another, who gets no answer of others. */
	gone = dial();
	put(gone, ASK);
	expect_uid(gone, geteuid());
	shutdown(last, SHUT_WR);
	expect_service();

	go = dial();
	put(go, "{\"version\":1,\"command\":\"go\"}");
	expect_uid(go, geteuid());
	expect_uid(first, 4711);
	expect_uid(first, geteuid());
	expect_uid(last, 4711);
	assert_null(get(last));
	assert_int_equal(recv(gone, &byte, 1, MSG_DONTWAIT), -1);
	close(first);
	close(gone);
	close(last);
	close(go);
}

static void test_other_user(void **state)
{
	int status, fd;
	pid_t pid;
	char byte;

	(void)state;
	if (geteuid() != 0) {
		expect_service();
		return;
	}
	pid = fork();
	if (pid == 0) {
		json_t *json;

		if (setresuid(OTHER_UID, OTHER_UID, OTHER_UID) < 0)
			_exit(2);
		fd = dial();
		announce(fd, CONTROL_MAX_REQUEST);
		if (recv(fd, &byte, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
			_exit(3);
		close(fd);
		fd = dial();
		announce(fd, CONTROL_MAX_REQUEST + 1);
		if (recv(fd, &byte, 1, 0) != 0)
			_exit(4);
		close(fd);
		fd = dial();
		put(fd, ASK);
		json = json_object_get(get(fd), "result");
		json = json_object_get(json, "uid");
		_exit(json_integer_value(json) != OTHER_UID);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Processor time of the server so far. */
static int64_t spent_ms(void)
{
	struct timespec spent;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(server, &clock), 0);
	assert_int_equal(clock_gettime(clock, &spent), 0);
	return (int64_t)spent.tv_sec * 1000 + spent.tv_nsec / 1000000;
}

/*
 * Without a descriptor for whoever knocks, and nobody to give up, the server
 * waits; a server that spins would spend all of this time.
 */
static void test_no_descriptors(void **state)
{
	struct rlimit none = { 0, 200 }, few = { 200, 200 };
	int64_t before;
	int fd;

	(void)state;
	expect_service();
	before = spent_ms();
	assert_int_equal(prlimit(server, RLIMIT_NOFILE, &none, NULL), 0);
	fd = dial();
	assert_true(fd >= 0);
	put(fd, ASK);
	assert_int_equal(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 2000), 0);
	assert_true(spent_ms() - before < 200);
	assert_int_equal(prlimit(server, RLIMIT_NOFILE, &few, NULL), 0);
	expect_uid(fd, geteuid());
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_requests, start, stop),
		cmocka_unit_test_setup_teardown(test_nonsense, start, stop),
		cmocka_unit_test_setup_teardown(test_oversize, start, stop),
		cmocka_unit_test_setup_teardown(test_partial, start, stop),
		cmocka_unit_test_setup_teardown(test_idle, start, stop),
		cmocka_unit_test_setup_teardown(test_slow_reader, start, stop),
		cmocka_unit_test_setup_teardown(test_later, start, stop),
		cmocka_unit_test_setup_teardown(test_other_user, start, stop),
		cmocka_unit_test_setup_teardown(test_no_descriptors, start,
						stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
