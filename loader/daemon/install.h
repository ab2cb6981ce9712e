/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests that look at or change what is installed. */
#ifndef SPLITD_INSTALL_H
#define SPLITD_INSTALL_H

#include <jansson.h>

struct daemon;
struct document;
struct report;

/* {"items": [...], "disabled": [...]}: a new reference. */
json_t *list_json(struct daemon *daemon);

/* The others are for the queue: they may wait for a parser. */

/*
 * {"file", "content" (base64)}: checks the file, then takes store and policy
 * to it, or leaves both. {"done", "error", "errors", "item", "command",
 * "mdm_result"}; the last in Apple's own shape.
 */
json_t *install_answer(struct daemon *daemon, const json_t *request);

/* {"identifier"}: {"done", "error", "errors"}. */
json_t *remove_answer(struct daemon *daemon, const json_t *request);

/* {"uuid"}: the tunnel on or off: the same. */
json_t *enable_answer(struct daemon *daemon, const json_t *request);
json_t *disable_answer(struct daemon *daemon, const json_t *request);

/*
 * Why installed_put() refused the document: an error in the report where the
 * file asks for what cannot be; returns a clause. report and document are the
 * file's.
 */
const char *install_refuse(int r, const struct document *document,
			   struct report *report);

#endif
