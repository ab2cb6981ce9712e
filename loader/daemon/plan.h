/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan means for the flows there are. */
#ifndef SPLITD_PLAN_H
#define SPLITD_PLAN_H

#include <jansson.h>

struct daemon;
struct policy;

/*
 * The live flows whose verdict or tunnel the new policy would change, each
 * judged by both policies as things are now; NULL new: none. A process counts
 * as the app it is now. Local networks are known of tunnels that exempt them
 * already. An array, or null where the kernel does not tell; a new reference.
 */
json_t *plan_flows(struct daemon *daemon, const struct policy *new);

#endif
