/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain without a daemon: the files say it. */
#ifndef SPLITD_OFFLINE_H
#define SPLITD_OFFLINE_H

#include <sys/types.h>

#include "policy/plan/policy.h"

/* Where the policy lies; NULL: nothing of the kind. */
struct offline {
	const char *policy_dir, *host_path;
	const char *state; /* with the store in it */
};

/*
 * Reads, parses and compiles all of it. -EBADMSG after all errors have been
 * printed.
 */
int offline_policy(const struct offline *from, struct policy **ret_policy);

/*
 * Whose a process or cgroup is by the selectors' text: an executable of its
 * own before the cgroup, the nearest cgroup before those above, as the kernel
 * side has it. What a process inherited from its parent is not visible here.
 * *ret_app is NULL when nobody's; -ESRCH for no such process.
 */
void offline_cgroup(const struct policy *policy, const char *path,
		    const struct app **ret_app,
		    const struct selector **ret_selector);
int offline_pid(const struct policy *policy, pid_t pid,
		const struct app **ret_app,
		const struct selector **ret_selector);

#endif
