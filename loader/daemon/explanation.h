/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contract's JSON of an explanation, online and offline alike. */
#ifndef SPLITD_EXPLANATION_H
#define SPLITD_EXPLANATION_H

#include <jansson.h>

#include "policy/plan/explain.h"

/* Which way the kernel would send it; only a running daemon knows. */
struct way {
	const char *interface;
	const char *source;
	const char *route;
};

/* selector and way may be NULL. A new reference. */
json_t *explanation_json(const struct policy *policy,
			 const struct explain_query *query,
			 const struct explanation *explanation,
			 const struct selector *selector,
			 const struct way *way);

#endif
