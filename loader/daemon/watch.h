/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notices that the policy directory or the host file changed. */
#ifndef SPLITD_WATCH_H
#define SPLITD_WATCH_H

#include <stdbool.h>

struct watch;

/*
 * Calls fn once things have been changing for 200 ms. Neither path need exist:
 * the nearest directory above that does is watched until it comes. What later
 * cannot be watched is tried again every two seconds, and fn called once it
 * can.
 */
int watch_open(const char *policy_dir, const char *host_path, int loop,
	       void (*fn)(void *ctx), void *ctx, struct watch **ret_watch);

/* May a change go unnoticed at this moment? */
bool watch_is_blind(const struct watch *watch);

void watch_close(struct watch *watch);

#endif
