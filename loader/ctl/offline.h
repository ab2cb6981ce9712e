/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain without a daemon: the files say it. */
#ifndef SPLITD_OFFLINE_H
#define SPLITD_OFFLINE_H

#include <sys/types.h>

#include "policy/plan/policy.h"

/*
 * Reads, parses and compiles a policy directory and a host file, either of
 * which may be NULL. -EBADMSG after all errors have been printed.
 */
int offline_policy(const char *policy_dir, const char *host_path,
		   struct policy **ret_policy);

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
