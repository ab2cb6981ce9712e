/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in force at this moment, as the contract's status JSON. */
#ifndef SPLITD_STATUS_H
#define SPLITD_STATUS_H

#include <stdbool.h>

#include <jansson.h>

struct engine;
struct policy;

/*
 * A new reference. prefixes: with the arrays of every tunnel's prefixes.
 * policy is the one that the engine runs; NULL: none yet.
 */
json_t *status_json(struct engine *engine, const struct policy *policy,
		    bool prefixes);

#endif
