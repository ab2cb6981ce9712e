/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What clients of the control socket may ask, and the answers. */
#ifndef SPLITD_REQUESTS_H
#define SPLITD_REQUESTS_H

#include <stdint.h>
#include <sys/socket.h>

#include <jansson.h>

/* A control_fn; ctx is the struct daemon. */
int request_answer(void *ctx, const struct ucred *peer, const json_t *request,
		   uint64_t ticket, json_t **ret_answer);

#endif
