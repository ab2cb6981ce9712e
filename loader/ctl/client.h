/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Talking to the daemon over its control socket. */
#ifndef SPLITD_CLIENT_H
#define SPLITD_CLIENT_H

#include <jansson.h>

/*
 * Sends the request (whose reference it takes; version and command are added)
 * and waits for the result. Returns an exit status: 0 with *ret_result a new
 * reference; 1 when the daemon answered with an error; 3 when it is not
 * reachable. Errors have been printed.
 */
int client_ask(const char *run, const char *command, json_t *request,
	       json_t **ret_result);

#endif
