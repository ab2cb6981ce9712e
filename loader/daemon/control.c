/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket.
 *
 * A client is a state machine in the epoll loop: it reads a length and a
 * request, waits for the answer where that takes time, then writes it, and
 * reads no further request before the answer is gone. So a client costs at most
 * one request and one answer, and nobody waits for it. When all places are
 * taken, the client that has been idle longest makes room, and if none is idle,
 * the one that has moved least recently: somebody who only sits there cannot
 * lock the others out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "loader/daemon/control.h"
#include "loader/daemon/loop.h"
#include "loader/util/cleanup.h"
#include "loader/util/path.h"

#define HEAD	   sizeof(uint32_t)
#define PAUSE_NSEC (100 * 1000 * 1000)

struct client {
	struct control *control;
	struct source source;
	char *in; /* grows to the request's size, but not beyond max */
	size_t in_len, in_size, max;
	char *out; /* the answer under way; NULL: none */
	size_t out_len, out_done;
	uint64_t ticket; /* of the request that is being answered; 0: none */
	uint64_t active; /* the control's clock when it last moved */
};

struct control {
	int loop;
	struct source listener, pause;
	char *path;
	control_fn fn;
	void *ctx;
	uint64_t clock, ticket; /* the last ones */
	struct client *clients[CONTROL_MAX_CLIENTS];
};

DEFINE_CLEANUP(struct control *, control_close);

json_t *control_result(json_t *result)
{
	return json_pack("{s:i, s:b, s:o}", "version", CONTROL_VERSION, "ok", 1,
			 "result", result);
}

json_t *control_error(const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		text = NULL;
	return json_pack("{s:i, s:b, s:s}", "version", CONTROL_VERSION, "ok", 0,
			 "error", text ? text : "out of memory");
}

/* ---- one client -------------------------------------------------------- */

static void hang_up(struct client *client)
{
	struct control *control = client->control;

	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		if (control->clients[i] == client)
			control->clients[i] = NULL;
	}
	loop_del(control->loop, &client->source);
	close(client->source.fd);
	free(client->in);
	free(client->out);
	free(client);
}

/* Turns the answer into bytes with their length in front. */
static int set_answer(struct client *client, const json_t *answer)
{
	size_t len = json_dumpb(answer, NULL, 0, JSON_COMPACT);
	uint32_t head = htonl((uint32_t)len);

	if (len == 0 || len > UINT32_MAX)
		return -EMSGSIZE;
	client->out = malloc(HEAD + len);
	if (!client->out)
		return -ENOMEM;

	memcpy(client->out, &head, HEAD);
	json_dumpb(answer, client->out + HEAD, len, JSON_COMPACT);
	client->out_len = HEAD + len;
	client->out_done = 0;
	return 0;
}

/* As a control_fn. */
static int ask(const struct client *client, const char *text, size_t len,
	       json_t **ret_answer)
{
	const struct control *control = client->control;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	json_t *request, *version;
	json_error_t error;
	int r = 0;

	if (getsockopt(client->source.fd, SOL_SOCKET, SO_PEERCRED, &peer,
		       &size) < 0)
		return -errno;
	request = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(request)) {
		json_decref(request);
		*ret_answer = control_error("the request is not a JSON object");
		return 0;
	}

	version = json_object_get(request, "version");
	if (json_integer_value(version) != CONTROL_VERSION)
		*ret_answer = control_error("protocol version %d expected",
					    CONTROL_VERSION);
	else
		r = control->fn(control->ctx, &peer, request, client->ticket,
				ret_answer);
	json_decref(request);
	return r;
}

static int answer_request(struct client *client, size_t len)
{
	json_t *answer = NULL;
	int r;

	client->ticket = ++client->control->ticket;
	r = ask(client, client->in + HEAD, len, &answer);
	if (r == -EINPROGRESS)
		return 0;
	client->ticket = 0;
	if (r == 0)
		r = answer ? set_answer(client, answer) : -ENOMEM;
	json_decref(answer);
	return r;
}

/* Room for a request of so many bytes, if there is less. */
static int resize(struct client *client, size_t size)
{
	char *grown;

	if (size <= client->in_size)
		return 0;
	grown = realloc(client->in, size);
	if (!grown)
		return -ENOMEM;
	client->in = grown;
	client->in_size = size;
	return 0;
}

/* What an upload took is not kept until the client goes. */
static int shrink(struct client *client)
{
	size_t size = HEAD + CONTROL_MAX_REQUEST;

	if (client->in_size == size || client->in_len > size)
		return 0;
	client->in_size = 0;
	return resize(client, size);
}

/* Answers the first request in the buffer: 1, 0: it is not complete yet. */
static int take_request(struct client *client)
{
	uint32_t head, len;
	int r;

	if (client->in_len < HEAD)
		return 0;
	memcpy(&head, client->in, HEAD);
	len = ntohl(head);
	if (len > client->max)
		return -EMSGSIZE;
	if (client->in_len < HEAD + len)
		return resize(client, HEAD + len);

	r = answer_request(client, len);
	client->in_len -= HEAD + len;
	memmove(client->in, client->in + HEAD + len, client->in_len);
	if (r == 0)
		r = shrink(client);
	return r < 0 ? r : 1;
}

/* Writes what the socket takes; done when client->out is NULL. */
static int flush(struct client *client)
{
	while (client->out) {
		ssize_t n = send(client->source.fd,
				 client->out + client->out_done,
				 client->out_len - client->out_done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		client->out_done += (size_t)n;
		if (client->out_done == client->out_len)
			free(TAKE_PTR(client->out));
	}
	return 0;
}

static int fill(struct client *client)
{
	size_t room = client->in_size - client->in_len;
	ssize_t n = recv(client->source.fd, client->in + client->in_len, room,
			 MSG_DONTWAIT);

	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	client->in_len += (size_t)n;
	return 0;
}

/* What to wait for; while the answer is being made, only for its going away. */
static uint32_t wanted(const struct client *client)
{
	if (client->ticket)
		return 0;
	return client->out ? EPOLLOUT : EPOLLIN;
}

static void client_event(void *ctx, uint32_t events)
{
	struct client *client = ctx;
	int r = 0;

	client->active = ++client->control->clock;
	if (!client->ticket && !client->out && events & EPOLLIN)
		r = fill(client);
	else if (!client->out)
		r = -ECONNRESET;
	if (r == 0)
		r = flush(client);
	while (r == 0 && !client->ticket && !client->out &&
	       (r = take_request(client)) > 0)
		r = flush(client);
	if (r == 0)
		r = loop_change(client->control->loop, &client->source,
				wanted(client));
	if (r < 0)
		hang_up(client);
}

/* ---- all clients ------------------------------------------------------- */

/* Whom to give up for a newcomer: the idle before the busy, oldest first. */
static bool rather(const struct client *a, const struct client *b)
{
	bool a_idle = !a->ticket && !a->out, b_idle = !b->ticket && !b->out;

	if (a_idle != b_idle)
		return a_idle;
	return a->active < b->active;
}

static size_t make_place(struct control *control)
{
	size_t worst = 0;

	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		if (!control->clients[i])
			return i;
		if (rather(control->clients[i], control->clients[worst]))
			worst = i;
	}
	hang_up(control->clients[worst]);
	return worst;
}

static size_t max_request(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	    (peer.uid != 0 && peer.uid != geteuid()))
		return CONTROL_MAX_REQUEST;
	return CONTROL_MAX_UPLOAD;
}

static int welcome(struct control *control, int fd)
{
	size_t place = make_place(control);
	struct client *client = calloc(1, sizeof(*client));
	int r = -ENOMEM;

	if (client)
		client->max = max_request(fd);
	if (client && resize(client, HEAD + CONTROL_MAX_REQUEST) == 0) {
		client->control = control;
		client->source = (struct source){ fd, client_event, client };
		client->active = ++control->clock;
		r = loop_add(control->loop, &client->source, EPOLLIN);
	}
	if (r < 0) {
		if (client)
			free(client->in);
		free(client);
		return r;
	}

	control->clients[place] = client;
	return 0;
}

/* Out of descriptors: give one up, and ask again later rather than spin. */
static void hold_back(struct control *control)
{
	const struct itimerspec in = { .it_value.tv_nsec = PAUSE_NSEC };

	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		if (control->clients[i]) {
			hang_up(control->clients[i]);
			break;
		}
	}
	if (timerfd_settime(control->pause.fd, 0, &in, NULL) == 0)
		(void)loop_change(control->loop, &control->listener, 0);
}

static void pause_event(void *ctx, uint32_t events)
{
	struct control *control = ctx;
	uint64_t n;

	(void)events;
	if (read(control->pause.fd, &n, sizeof(n)) == sizeof(n))
		(void)loop_change(control->loop, &control->listener, EPOLLIN);
}

static void listener_event(void *ctx, uint32_t events)
{
	struct control *control = ctx;
	int fd = accept4(control->listener.fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		       errno == ENOMEM))
		hold_back(control);
	if (fd >= 0 && welcome(control, fd) < 0)
		close(fd);
}

static int set_access(const char *path)
{
	const struct group *group = getgrnam("splitd");

	if (group && chown(path, (uid_t)-1, group->gr_gid) < 0 &&
	    errno != EPERM)
		return -errno;
	return chmod(path, 0660) < 0 ? -errno : 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	mode_t mask;
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;

	/* We hold the directory's lock: what is there is a dead daemon's. */
	unlink(path);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (r < 0)
		return -errno;
	r = set_access(path);
	if (r == 0 && listen(fd, CONTROL_MAX_CLIENTS) < 0)
		r = -errno;
	return r < 0 ? r : TAKE_FD(fd);
}

int control_open(const char *run, int loop, control_fn fn, void *ctx,
		 struct control **ret_control)
{
	_cleanup_(control_close_p) struct control *control = NULL;
	int r;

	control = calloc(1, sizeof(*control));
	if (!control)
		return -ENOMEM;
	control->loop = loop;
	control->fn = fn;
	control->ctx = ctx;
	control->listener = (struct source){ -1, listener_event, control };
	control->pause = (struct source){ -1, pause_event, control };

	r = path_join(run, CONTROL_SOCKET, &control->path);
	if (r < 0)
		return r;
	control->pause.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (control->pause.fd < 0)
		return -errno;
	control->listener.fd = r = listen_at(control->path);
	if (r < 0)
		return r;
	r = loop_add(loop, &control->listener, EPOLLIN);
	if (r == 0)
		r = loop_add(loop, &control->pause, EPOLLIN);
	if (r < 0)
		return r;

	*ret_control = TAKE_PTR(control);
	return 0;
}

void control_answer(struct control *control, uint64_t ticket,
		    const json_t *answer)
{
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		struct client *client = control->clients[i];

		if (!client || client->ticket != ticket)
			continue;
		client->ticket = 0;
		/* The loop hangs up on whom there is no memory for. */
		if (!answer || set_answer(client, answer) < 0)
			shutdown(client->source.fd, SHUT_RDWR);
		(void)loop_change(control->loop, &client->source,
				  wanted(client));
		return;
	}
}

void control_close(struct control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		if (!control->clients[i])
			continue;
		(void)flush(control->clients[i]);
		hang_up(control->clients[i]);
	}
	if (control->listener.fd >= 0) {
		loop_del(control->loop, &control->listener);
		close(control->listener.fd);
		unlink(control->path);
	}
	cleanup_close(&control->pause.fd);
	free(control->path);
	free(control);
}
