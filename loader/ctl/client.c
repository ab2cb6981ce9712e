/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Talking to the daemon over its control socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "loader/ctl/client.h"
#include "loader/ctl/commands.h"
#include "loader/daemon/control.h"
#include "loader/util/cleanup.h"
#include "loader/util/file.h"

#define MAX_ANSWER   ((size_t)1 << 30)
#define PATIENCE_SEC 120 /* a reload of a million prefixes takes its time */

static int connect_to(const char *run, int *ret_fd)
{
	const struct timeval patience = { .tv_sec = PATIENCE_SEC };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	int n;

	n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", run,
		     CONTROL_SOCKET);
	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int send_request(int fd, const json_t *request)
{
	_cleanup_free_ char *text = json_dumps(request, JSON_COMPACT);
	uint32_t head;
	int r;

	if (!text)
		return -ENOMEM;
	head = htonl((uint32_t)strlen(text));
	r = file_write_all(fd, &head, sizeof(head));
	return r < 0 ? r : file_write_all(fd, text, strlen(text));
}

static int receive(int fd, void *buf, size_t len)
{
	char *p = buf;

	while (len > 0) {
		ssize_t n = recv(fd, p, len, 0);

		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int receive_answer(int fd, json_t **ret_answer)
{
	_cleanup_free_ char *text = NULL;
	uint32_t head, len;
	int r;

	r = receive(fd, &head, sizeof(head));
	if (r < 0)
		return r;
	len = ntohl(head);
	if (len > MAX_ANSWER)
		return -EMSGSIZE;
	text = malloc(len + 1);
	if (!text)
		return -ENOMEM;
	r = receive(fd, text, len);
	if (r < 0)
		return r;

	*ret_answer = json_loadb(text, len, 0, NULL);
	return *ret_answer ? 0 : -EBADMSG;
}

/* The result out of the envelope, or the error in it printed. */
static int open_envelope(const json_t *answer, json_t **ret_result)
{
	const char *error = json_string_value(json_object_get(answer, "error"));
	json_t *result = json_object_get(answer, "result");

	if (!json_is_true(json_object_get(answer, "ok")) || !result) {
		complain("%s", error ? error : "the daemon gave no reason");
		return EXIT_FAILED;
	}
	*ret_result = json_incref(result);
	return 0;
}

int client_ask(const char *run, const char *command, json_t *request,
	       json_t **ret_result)
{
	_cleanup_close_ int fd = -1;
	json_t *answer = NULL;
	int r;

	/* The rest of a request cannot fail but for memory. */
	if (!request) {
		complain("%s: an argument is not UTF-8", command);
		return EXIT_USAGE;
	}
	json_object_set_new(request, "version", json_integer(CONTROL_VERSION));
	json_object_set_new(request, "command", json_string(command));
	r = connect_to(run, &fd);
	if (r == 0)
		r = send_request(fd, request);
	json_decref(request);
	if (r == 0)
		r = receive_answer(fd, &answer);
	if (r < 0) {
		complain("cannot reach splitd at %s/%s: %s", run,
			 CONTROL_SOCKET, strerror(-r));
		return EXIT_UNREACHABLE;
	}

	r = open_envelope(answer, ret_result);
	json_decref(answer);
	return r;
}
