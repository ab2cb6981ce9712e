/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: io_uring, whose workers are other tasks than the app's. */

/*
 * Three ways to run the same submission: inline in the submitting task, forced
 * to a worker thread (IOSQE_ASYNC), or from the ring's own kernel thread
 * (SQPOLL). The verdict must not depend on which task runs it.
 */
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

enum way {
	WAY_INLINE,
	WAY_ASYNC,
	WAY_SQPOLL
};

static void ring_exit(struct io_uring *ring)
{
	if (ring->ring_fd >= 0)
		io_uring_queue_exit(ring);
}

#define _cleanup_ring_ __attribute__((cleanup(ring_exit)))

static int ring_open(struct trial *trial, enum way way, struct io_uring *ring)
{
	int r = io_uring_queue_init(
		8, ring, way == WAY_SQPOLL ? IORING_SETUP_SQPOLL : 0);

	if (r < 0) {
		ring->ring_fd = -1;
		if (r == -ENOSYS || r == -EPERM)
			return trial_skip(trial, "io_uring");
		return trial_fail(trial, FAULT_OTHER, "io_uring: %s",
				  strerror(-r));
	}
	return 0;
}

/* Submits what was prepared; its result, or -ETIME after the deadline. */
static int ring_finish(struct trial *trial, struct io_uring *ring,
		       struct io_uring_sqe *sqe, enum way way)
{
	struct __kernel_timespec limit = {
		.tv_sec = trial->deadline_ms / 1000,
		.tv_nsec = trial->deadline_ms % 1000 * 1000000L,
	};
	struct io_uring_cqe *cqe = NULL;
	int r;

	if (way == WAY_ASYNC)
		io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	r = io_uring_submit(ring);
	if (r < 0)
		return r;
	r = io_uring_wait_cqe_timeout(ring, &cqe, &limit);
	if (r < 0)
		return r;
	r = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return r;
}

static int uring_connect(struct trial *trial, enum way way)
{
	_cleanup_ring_ struct io_uring ring = { .ring_fd = -1 };
	_cleanup_close_ int fd = -1;
	struct sockaddr_storage sa;
	socklen_t len = target(trial, trial->dst, PORT_ECHO, &sa);
	struct io_uring_sqe *sqe;
	char question[32];
	int n, r = sock_open(trial, SOCK_STREAM, 0, &fd);

	if (r >= 0)
		r = ring_open(trial, way, &ring);
	if (r < 0)
		return r;
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_connect(sqe, fd, (struct sockaddr *)&sa, len);
	r = ring_finish(trial, &ring, sqe, way);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "connect: %s",
				  strerror(-r));

	n = question_format(trial, question, sizeof(question));
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_send(sqe, fd, question, (size_t)n, MSG_NOSIGNAL);
	r = ring_finish(trial, &ring, sqe, way);
	if (r != n)
		return trial_fail(trial, FAULT_OTHER, "send: %s",
				  strerror(r < 0 ? -r : EIO));
	return answer_take(trial, fd, trial->dst);
}

static int sendmsg_to(struct trial *trial, struct io_uring *ring, int fd,
		      enum dst dst, enum way way)
{
	struct sockaddr_storage sa;
	char question[32];
	struct iovec vector = { .iov_base = question };
	struct msghdr msg = { .msg_name = &sa,
			      .msg_iov = &vector,
			      .msg_iovlen = 1 };
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	int r;

	msg.msg_namelen = target(trial, dst, PORT_ECHO, &sa);
	vector.iov_len =
		(size_t)question_format(trial, question, sizeof(question));
	io_uring_prep_sendmsg(sqe, fd, &msg, 0);
	r = ring_finish(trial, ring, sqe, way);
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "sendmsg to %s: %s",
				  dst_name(dst), strerror(-r));
	return answer_take(trial, fd, dst);
}

static int uring_sendmsg(struct trial *trial, enum way way)
{
	_cleanup_ring_ struct io_uring ring = { .ring_fd = -1 };
	_cleanup_close_ int fd = -1;
	int r = sock_open(trial, SOCK_DGRAM, 0, &fd);

	if (r >= 0)
		r = ring_open(trial, way, &ring);
	if (r >= 0)
		r = sendmsg_to(trial, &ring, fd, trial->dst, way);
	if (r >= 0)
		r = sendmsg_to(trial, &ring, fd, dst_opposite(trial->dst), way);
	return r < 0 ? r : sendmsg_to(trial, &ring, fd, trial->dst, way);
}

static int connect_inline(struct trial *trial)
{
	return uring_connect(trial, WAY_INLINE);
}

static int connect_async(struct trial *trial)
{
	return uring_connect(trial, WAY_ASYNC);
}

static int connect_sqpoll(struct trial *trial)
{
	return uring_connect(trial, WAY_SQPOLL);
}

static int sendmsg_inline(struct trial *trial)
{
	return uring_sendmsg(trial, WAY_INLINE);
}

static int sendmsg_async(struct trial *trial)
{
	return uring_sendmsg(trial, WAY_ASYNC);
}

static int sendmsg_sqpoll(struct trial *trial)
{
	return uring_sendmsg(trial, WAY_SQPOLL);
}

const struct row rows_uring[] = {
	{ .name = "uring-connect-inline", .run = connect_inline },
	{ .name = "uring-connect-async", .run = connect_async },
	{ .name = "uring-connect-sqpoll", .run = connect_sqpoll },
	{ .name = "uring-sendmsg-inline", .run = sendmsg_inline },
	{ .name = "uring-sendmsg-async", .run = sendmsg_async },
	{ .name = "uring-sendmsg-sqpoll", .run = sendmsg_sqpoll },
	{ 0 }
};
