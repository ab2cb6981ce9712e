/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From files to a policy in force, or to an account of why not. */
#ifndef SPLITD_RELOAD_H
#define SPLITD_RELOAD_H

#include <stdbool.h>

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
 * Reads everything again and brings it into force; on failure the policy in
 * force stays. Logs what happened; daemon->report has the findings. 0 when all
 * files are good.
 */
int reload(struct daemon *daemon);

/*
 * The same with what is installed changed to the view: the store and the
 * policy change, or neither does. *ret_error lives as long as the daemon. 0
 * when both did, whatever other files are bad.
 */
int reload_change(struct daemon *daemon, struct installed_view *view,
		  const char **ret_error);

/* What candidates are made of. */
struct candidate_source reload_source(const struct daemon *daemon,
				      const struct installed_view *view);

/*
 * {"applied", "generation", "error", "errors", "changes"}: what a reload did,
 * or with plan what it would do. A new reference.
 */
json_t *reload_json(struct daemon *daemon, bool plan);

#endif
