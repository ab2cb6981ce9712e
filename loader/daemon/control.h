/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: who may ask what is for the requests to decide. */
#ifndef SPLITD_CONTROL_H
#define SPLITD_CONTROL_H

#include <stdint.h>
#include <sys/socket.h>

#include <jansson.h>

/*
 * Both ways: a length of 4 bytes, network order, then so many bytes of JSON.
 *
 *   {"version": 1, "command": "status", ...}
 *   {"version": 1, "ok": true, "result": {...}}
 *   {"version": 1, "ok": false, "error": "what is wrong"}
 *
 * A client may send any number of requests, one after the other.
 */
#define CONTROL_VERSION	    1
#define CONTROL_SOCKET	    "control.sock"
#define CONTROL_MAX_REQUEST (64 * 1024)
/* Of root, who may install: 4 MiB as base64, and room for the rest. */
#define CONTROL_MAX_UPLOAD  (6 * 1024 * 1024)
#define CONTROL_MAX_CLIENTS 64

struct control;

/*
 * Answers one request; the peer's credentials are those of the moment it
 * connected, as the kernel attests them. 0 and a new reference (NULL without
 * memory: the client is then hung up on), or -EINPROGRESS: the answer comes, or
 * has come, by control_answer() with the ticket, which is never 0.
 */
typedef int (*control_fn)(void *ctx, const struct ucred *peer,
			  const json_t *request, uint64_t ticket,
			  json_t **ret_answer);

/*
 * Listens at control.sock in the directory: 0660, and the group "splitd" where
 * there is one.
 */
int control_open(const char *run, int loop, control_fn fn, void *ctx,
		 struct control **ret_control);

/*
 * The answer to a request that was in progress. Nothing happens when its client
 * is gone.
 */
void control_answer(struct control *control, uint64_t ticket,
		    const json_t *answer);

/* Hangs up on everybody; the socket's name goes, too. */
void control_close(struct control *control);

/* {"version": 1, "ok": ...} around a result, whose reference it takes. */
json_t *control_result(json_t *result);
json_t *control_error(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
