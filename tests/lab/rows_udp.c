/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: UDP in every way an app uses a socket. */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

#define ALTERNATIONS 1000
#define ALTER_FEW    50
#define BATCHES	     16
#define THREADS	     8
#define PER_THREAD   48

static int udp_socket(struct trial *trial, int *ret_fd)
{
	return sock_open(trial, SOCK_DGRAM, 0, ret_fd);
}

static int connect_to(struct trial *trial, int fd, enum dst dst)
{
	int r = sock_connect(trial, fd, dst, PORT_ECHO);

	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "connect: %s",
				  strerror(-r));
	return 0;
}

static int udp(struct trial *trial)
{
	_cleanup_close_ int fd = -1;
	int r = udp_socket(trial, &fd);

	for (unsigned i = 0; i < 3 && r >= 0; i++)
		r = udp_ask(trial, fd, trial->dst, PORT_ECHO);
	return r;
}

static int udp_connected(struct trial *trial)
{
	_cleanup_close_ int fd = -1;
	int r = udp_socket(trial, &fd);

	if (r >= 0)
		r = connect_to(trial, fd, trial->dst);
	for (unsigned i = 0; i < 3 && r >= 0; i++)
		r = stream_ask(trial, fd, trial->dst);
	return r;
}

static int udp_bound(struct trial *trial)
{
	struct in6_addr any = IN6ADDR_ANY_INIT;
	struct sockaddr_storage sa;
	_cleanup_close_ int fd = -1;
	socklen_t len =
		sockaddr_fill(&sa, family_domain(trial->family), &any, 0);
	int r = udp_socket(trial, &fd);

	if (r < 0)
		return r;
	if (bind(fd, (struct sockaddr *)&sa, len) < 0)
		return trial_fail(trial, FAULT_OTHER, "bind: %m");
	r = udp_ask(trial, fd, trial->dst, PORT_ECHO);
	if (r >= 0)
		r = udp_ask(trial, fd, dst_opposite(trial->dst), PORT_ECHO);
	if (r >= 0)
		r = connect_to(trial, fd, trial->dst);
	return r < 0 ? r : stream_ask(trial, fd, trial->dst);
}

static int udp_alternate(struct trial *trial)
{
	_cleanup_close_ int fd = -1;
	bool few = trial->maimed || trial->emulated;
	unsigned n = few ? ALTER_FEW : ALTERNATIONS;
	int r = udp_socket(trial, &fd);

	for (unsigned i = 0; i < n && r >= 0; i++)
		r = udp_ask(trial, fd,
			    i % 2 ? dst_opposite(trial->dst) : trial->dst,
			    PORT_ECHO);
	return r;
}

/*
 * What connect() left on the socket must not outlive the connection. Linux
 * forgets an IPv6 peer's port only, and goes on to hear nobody but its address
 * (__udp_disconnect() leaves sk_v6_daddr): there the sensors judge alone.
 */
static int udp_unspec(struct trial *trial)
{
	struct sockaddr_storage none = { .ss_family = AF_UNSPEC };
	_cleanup_close_ int fd = -1;
	int r = udp_socket(trial, &fd);

	if (r >= 0)
		r = connect_to(trial, fd, trial->dst);
	if (r >= 0)
		r = stream_ask(trial, fd, trial->dst);
	if (r < 0)
		return r;
	if (connect(fd, (struct sockaddr *)&none, sizeof(none)) < 0)
		return trial_fail(trial, FAULT_OTHER, "disconnect: %m");
	if (family_is_v6(trial->family))
		r = udp_send(trial, fd, dst_opposite(trial->dst), PORT_ECHO);
	else
		r = udp_ask(trial, fd, dst_opposite(trial->dst), PORT_ECHO);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "sendto: %s",
				  strerror(-r));
	return udp_ask(trial, fd, trial->dst, PORT_ECHO);
}

/*
 * sendto() past the own peer, to where nobody answers: a connected socket does
 * not hear strangers, and the kernel would tell this one so when it likes.
 */
static int udp_other(struct trial *trial)
{
	_cleanup_close_ int fd = -1;
	int r = udp_socket(trial, &fd);

	if (r >= 0)
		r = connect_to(trial, fd, trial->dst);
	if (r >= 0)
		r = stream_ask(trial, fd, trial->dst);
	if (r < 0)
		return r;
	r = udp_send(trial, fd, dst_opposite(trial->dst), PORT_SINK);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "sendto: %s",
				  strerror(-r));
	return stream_ask(trial, fd, trial->dst);
}

/* Questions of a batch are numbered so that the number tells whom it asks. */
static enum dst dst_of(uint32_t serial)
{
	return (enum dst)(serial % N_DSTS);
}

/* Takes n answers in any order, each at most once. */
static int answers_collect(struct trial *trial, int fd, unsigned n)
{
	bool seen[BATCHES * N_DSTS + THREADS * PER_THREAD] = { false };

	for (unsigned i = 0; i < n; i++) {
		int r = sock_wait(fd, POLLIN, trial->deadline_ms);
		char text[128];
		unsigned serial;
		ssize_t len;

		if (r < 0)
			return trial_fail(trial, FAULT_OTHER,
					  "%u answers of %u", i, n);
		len = recv(fd, text, sizeof(text) - 1, 0);
		if (len < 0)
			return trial_fail(trial, FAULT_OTHER, "receive: %m");
		text[len] = '\0';
		if (sscanf(text, "%*s %*s ?%u", &serial) != 1 || serial >= n ||
		    seen[serial])
			return trial_fail(trial, FAULT_OTHER, "answer '%.60s'",
					  text);
		seen[serial] = true;
		r = answer_check(trial, text, dst_of(serial));
		if (r < 0)
			return r;
	}
	return 0;
}

/* One system call, every kind of destination. */
static int udp_sendmmsg(struct trial *trial)
{
	struct sockaddr_storage sa[BATCHES * N_DSTS];
	struct mmsghdr messages[BATCHES * N_DSTS] = { 0 };
	struct iovec vectors[BATCHES * N_DSTS];
	char questions[BATCHES * N_DSTS][16];
	const unsigned n = BATCHES * N_DSTS;
	_cleanup_close_ int fd = -1;
	int r = udp_socket(trial, &fd);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < n; i++) {
		struct msghdr *msg = &messages[i].msg_hdr;

		vectors[i].iov_base = questions[i];
		vectors[i].iov_len = (size_t)snprintf(
			questions[i], sizeof(questions[i]), "?%u", i);
		msg->msg_iov = &vectors[i];
		msg->msg_iovlen = 1;
		msg->msg_name = &sa[i];
		msg->msg_namelen = target(trial, dst_of(i), PORT_ECHO, &sa[i]);
	}
	r = sendmmsg(fd, messages, n, 0);
	if (r != (int)n)
		return trial_fail(trial, FAULT_OTHER, "sendmmsg: %d: %m", r);
	return answers_collect(trial, fd, n);
}

struct sender {
	const struct trial *trial;
	int fd, error;
	unsigned first;
	pthread_t thread;
};

static void *sender_main(void *ctx)
{
	struct sender *sender = ctx;

	for (unsigned i = 0; i < PER_THREAD; i++) {
		unsigned serial = sender->first + i * THREADS;
		struct sockaddr_storage sa;
		socklen_t len =
			target(sender->trial, dst_of(serial), PORT_ECHO, &sa);
		char question[16];
		int n = snprintf(question, sizeof(question), "?%u", serial);

		if (sendto(sender->fd, question, (size_t)n, 0,
			   (struct sockaddr *)&sa, len) < 0)
			sender->error = errno;
	}
	return NULL;
}

/* Thread i asks destinations i modulo 4 only: all kinds at the same time. */
static int udp_threads(struct trial *trial)
{
	struct sender senders[THREADS];
	_cleanup_close_ int fd = -1;
	unsigned started = 0;
	int r = udp_socket(trial, &fd), error = 0, room = 4 << 20;

	if (r < 0)
		return r;
	/* All answers wait until the senders are done. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	for (; started < THREADS && !error; started++) {
		struct sender *sender = &senders[started];

		*sender = (struct sender){ trial, fd, 0, started, 0 };
		error = pthread_create(&sender->thread, NULL, sender_main,
				       sender);
	}
	if (error)
		started--;
	for (unsigned i = 0; i < started; i++) {
		pthread_join(senders[i].thread, NULL);
		error = error ? error : senders[i].error;
	}
	if (error)
		return trial_fail(trial, FAULT_OTHER, "a thread: %s",
				  strerror(error));
	return answers_collect(trial, fd, THREADS * PER_THREAD);
}

/* Rows that ask every destination at once have no own one. */
#define ANY_DST BIT(DST_LISTED)

const struct row rows_udp[] = {
	{ .name = "udp", .run = udp },
	{ .name = "udp-connected", .run = udp_connected },
	{ .name = "udp-bound", .run = udp_bound },
	{ .name = "udp-alternate",
	  .run = udp_alternate,
	  .dsts = BIT(DST_LISTED) | BIT(DST_EXCLUDED) },
	{ .name = "udp-unspec", .run = udp_unspec, .flags = ROW_BOTH },
	{ .name = "udp-other", .run = udp_other, .flags = ROW_BOTH },
	{ .name = "udp-sendmmsg", .run = udp_sendmmsg, .dsts = ANY_DST },
	{ .name = "udp-threads", .run = udp_threads, .dsts = ANY_DST },
	{ 0 }
};
