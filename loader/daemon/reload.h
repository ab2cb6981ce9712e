/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From files to a policy in force, or to an account of why not. */
#ifndef SPLITD_RELOAD_H
#define SPLITD_RELOAD_H

#include <jansson.h>

struct candidate_source;
struct daemon;
struct installed_view;

/*
 * Reads the first policy into daemon->first, before any kernel object exists.
 * Where the files contradict each other, the last good versions of all of them
 * are taken instead. -ENOSPC when there are more tunnels than the mark has
 * room for (a usage error), -ENODATA when there are files and none is good.
 */
int reload_prepare(struct daemon *daemon);

/* Brings daemon->first into force. */
int reload_first(struct daemon *daemon);

/*
 * Has everything read again and brought into force, when it can be: parsers are
 * waited for in the queue. On failure the policy in force stays. Logs what
 * happened; daemon->report then has the findings.
 */
void reload(struct daemon *daemon);

/* The same, unless files and time are those of the policy in force. */
void reload_if_news(struct daemon *daemon);

/*
 * For the queue: the same at once, with what is installed changed to the view:
 * the store and the policy change, or neither does. *ret_error lives as long as
 * the daemon. 0 when both did, whatever other files are bad.
 */
int reload_change(struct daemon *daemon, struct installed_view *view,
		  const char **ret_error);

/* What candidates are made of. */
struct candidate_source reload_source(const struct daemon *daemon,
				      const struct installed_view *view);

/*
 * For the queue: {"applied", "generation", "error", "errors", "changes"}, what
 * a reload did or would do.
 */
json_t *reload_answer(struct daemon *daemon, const json_t *request);
json_t *reload_plan_answer(struct daemon *daemon, const json_t *request);

#endif
