/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command's result in the shape that MDM servers read. */
#ifndef SPLITD_MDM_RESULT_H
#define SPLITD_MDM_RESULT_H

#include <jansson.h>

struct daemon;
struct document;

/*
 * {"Status", "CommandUUID", "RequestType", "Settings", "ErrorChain", ...} of
 * what became of a document (NULL: it could not be read), told by outcome
 * ("done", "error", "errors") and the errno r. A new reference.
 */
json_t *mdm_result(struct daemon *daemon, const struct document *document,
		   const json_t *outcome, int r);

#endif
