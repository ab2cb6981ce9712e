/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reads files or changes the policy: one at a time, in order.
 *
 * Parsers are waited for in a fiber, so that splitd serves meanwhile. All work
 * that reads files is done in one fiber, piece by piece: no two reloads are
 * ever under way, and a change of the store sees no other between its first
 * step and its last. A reload that is asked for while one runs is a second
 * one, since the first may have read its files already; however many ask, it
 * is one.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "loader/daemon/control.h"
#include "loader/daemon/daemon.h"
#include "loader/daemon/fiber.h"
#include "loader/daemon/queue.h"
#include "loader/util/cleanup.h"

#define MAX_WAITING CONTROL_MAX_CLIENTS

struct work {
	struct work *next;
	queue_fn fn;
	json_t *request;
	uint64_t tickets[CONTROL_MAX_CLIENTS];
	size_t n_tickets;
};

struct queue {
	struct daemon *daemon;
	struct fiber *fiber; /* NULL: nothing to do */
	struct work *first;  /* the next to begin */
	size_t n;
};

static void work_free(struct work *work)
{
	json_decref(work->request);
	free(work);
}

int queue_open(struct daemon *daemon, struct queue **ret_queue)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	queue->daemon = daemon;
	*ret_queue = queue;
	return 0;
}

static struct work *take(struct queue *queue)
{
	struct work *work = queue->first;

	if (!work)
		return NULL;
	queue->first = work->next;
	queue->n--;
	return work;
}

void queue_close(struct queue *queue)
{
	struct work *work;

	if (!queue)
		return;
	fiber_cancel(queue->fiber);
	while ((work = take(queue)))
		work_free(work);
	free(queue);
}

static void do_work(struct daemon *daemon, struct work *work)
{
	json_t *answer = work->fn(daemon, work->request);

	for (size_t i = 0; i < work->n_tickets; i++)
		control_answer(daemon->control, work->tickets[i], answer);
	json_decref(answer);
	work_free(work);
}

/* The fiber: until nothing is left. */
static void do_all(void *ctx)
{
	struct queue *queue = ctx;
	struct work *work;

	while (!fiber_is_cancelled() && (work = take(queue)))
		do_work(queue->daemon, work);
}

static int append(struct queue *queue, queue_fn fn, const json_t *request,
		  uint64_t ticket)
{
	struct work *work = calloc(1, sizeof(*work)), **end = &queue->first;
	int r;

	if (!work)
		return -ENOMEM;
	work->fn = fn;
	work->request = json_incref((json_t *)request);
	if (ticket)
		work->tickets[work->n_tickets++] = ticket;
	while (*end)
		end = &(*end)->next;
	*end = work;
	queue->n++;
	if (queue->fiber)
		return 0;
	r = fiber_start(queue->daemon->loop, do_all, queue, &queue->fiber);
	/* Not begun, and alone: there is a fiber while anything waits. */
	if (r < 0)
		work_free(take(queue));
	return r;
}

int queue_add(struct queue *queue, queue_fn fn, const json_t *request,
	      uint64_t ticket)
{
	if (queue->n >= MAX_WAITING)
		return -EBUSY;
	return append(queue, fn, request, ticket);
}

int queue_join(struct queue *queue, queue_fn fn, uint64_t ticket)
{
	for (struct work *work = queue->first; work; work = work->next) {
		if (work->fn != fn)
			continue;
		if (!ticket)
			return 0;
		if (work->n_tickets == CONTROL_MAX_CLIENTS)
			return -EBUSY;
		work->tickets[work->n_tickets++] = ticket;
		return 0;
	}
	return append(queue, fn, NULL, ticket);
}
