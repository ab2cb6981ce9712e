/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One epoll set; handlers are called one event at a time. */
#ifndef SPLITD_LOOP_H
#define SPLITD_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* Owned by whoever adds it; lives until it is deleted or its fd is closed. */
struct source {
	int fd;
	void (*fn)(void *ctx, uint32_t events);
	void *ctx;
};

/* The set's descriptor, or a negative errno. */
int loop_new(void);
int loop_add(int loop, struct source *source, uint32_t events);
int loop_change(int loop, struct source *source, uint32_t events);
void loop_del(int loop, struct source *source);

/*
 * Calls handlers until *stop. A handler may delete any source, its own too:
 * events are fetched singly, so none is left for a source that is gone.
 */
int loop_run(int loop, const bool *stop);

#endif
