/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reads files or changes the policy: one at a time, in order. */
#ifndef SPLITD_QUEUE_H
#define SPLITD_QUEUE_H

#include <stdint.h>

#include <jansson.h>

struct daemon;
struct queue;

/* Does a piece of work and returns the answer to it; request may be NULL. */
typedef json_t *(*queue_fn)(struct daemon *daemon, const json_t *request);

int queue_open(struct daemon *daemon, struct queue **ret_queue);

/* What runs is given up, what waits is never begun. */
void queue_close(struct queue *queue);

/*
 * Begins the work, or puts it behind what waits. The control socket's ticket
 * is answered when it is done; a client that is gone by then changes nothing.
 * -EBUSY when too many wait.
 */
int queue_add(struct queue *queue, queue_fn fn, const json_t *request,
	      uint64_t ticket);

/*
 * The same for work that is the same for everybody, such as a reload: what is
 * not begun yet is shared. ticket 0: nobody waits for it.
 */
int queue_join(struct queue *queue, queue_fn fn, uint64_t ticket);

#endif
