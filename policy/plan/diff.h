/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The difference between two compiled policies: pure, ordered, printable. */
#ifndef SPLITD_POLICY_DIFF_H
#define SPLITD_POLICY_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/plan/policy.h"

/*
 * The difference of two sorted prefix arrays, in the order in which it must
 * reach a longest-prefix table under traffic: first additions and changes in
 * place, longest first; then deletions, shortest first (the other way round, a
 * deleted exception would for a moment uncover the shorter prefix it excepts).
 * So every address goes from its old verdict to its new one at most once.
 *
 * Calls add() once for every prefix that is new or whose meaning changed
 * (replace in place), then del() once for every prefix that is gone. Stops at
 * the first negative return and hands it on.
 */
struct prefix_sink {
	int (*add)(void *ctx, const struct prefix *prefix);
	int (*del)(void *ctx, const struct prefix *prefix);
	void *ctx;
};

int prefix_diff(const struct prefix *old, size_t n_old,
		const struct prefix *new, size_t n_new,
		const struct prefix_sink *sink);

/*
 * The same in two steps, for whoever wants nothing but writes between his first
 * write and his last: the difference as a list, which points into both arrays,
 * and the calls. -ENOMEM; a delta of zeroes is empty and may be cleared.
 */
struct prefix_delta {
	const struct prefix **added, **gone; /* in the order of the calls */
	size_t n_added, n_gone;
};

int prefix_delta_find(const struct prefix *old, size_t n_old,
		      const struct prefix *new, size_t n_new,
		      struct prefix_delta *ret_delta);
int prefix_delta_tell(const struct prefix_delta *delta,
		      const struct prefix_sink *sink);
void prefix_delta_clear(struct prefix_delta *delta);

enum change_kind {
	CHANGE_ADD,
	CHANGE_REMOVE,
	CHANGE_MODIFY,
};

enum change_what {
	CHANGE_TUNNEL,	 /* name: VPNUUID; a tunnel's interface or settings */
	CHANGE_PREFIX,	 /* name: VPNUUID; detail: "+ 1.1.1.1/32 included" */
	CHANGE_APP,	 /* name: app id; its link to a tunnel */
	CHANGE_SELECTOR, /* name: app id; detail: the selector */
};

struct change {
	enum change_kind kind;
	enum change_what what;
	const char *name;
	char detail[128]; /* UTF-8, cut where it is longer */
	uint32_t origin;  /* into the new policy, or the old one on remove */
};

/*
 * What reload would do, one entry a change, sorted by (what, name). The
 * entries point into both policies and live no longer than they. old may be
 * NULL: everything is an addition. 0 or -ENOMEM; free() the array.
 */
int policy_diff(const struct policy *old, const struct policy *new,
		struct change **ret_changes, size_t *ret_n);

#endif
