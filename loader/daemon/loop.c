/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One epoll set; handlers are called one event at a time. */
#include <errno.h>
#include <stddef.h>

#include "loader/daemon/loop.h"

int loop_new(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int control(int loop, int op, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(loop, op, source->fd, &event) < 0 ? -errno : 0;
}

int loop_add(int loop, struct source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, source, events);
}

int loop_change(int loop, struct source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, source, events);
}

void loop_del(int loop, struct source *source)
{
	control(loop, EPOLL_CTL_DEL, source, 0);
}

int loop_run(int loop, const bool *stop)
{
	while (!*stop) {
		struct epoll_event event;
		int n = epoll_wait(loop, &event, 1, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 1) {
			struct source *source = event.data.ptr;

			source->fn(source->ctx, event.events);
		}
	}
	return 0;
}
