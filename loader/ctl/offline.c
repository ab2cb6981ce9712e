/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain without a daemon: the files say it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/ctl/offline.h"
#include "loader/daemon/check.h"
#include "loader/daemon/installed.h"
#include "loader/util/cleanup.h"

static int check_files(const struct offline *from, struct check *check,
		       const struct installed_view *installed)
{
	struct input_list inputs = { 0 };
	int r = 0;

	if (from->policy_dir)
		r = inputs_add_dir(&inputs, from->policy_dir, INPUT_ANYONE,
				   &check->report);
	if (r == 0 && from->host_path)
		r = inputs_add_file(&inputs, from->host_path, true,
				    INPUT_ANYONE, &check->report);
	if (r == 0)
		r = check_run(check, &inputs, installed);
	inputs_clear(&inputs);
	return r;
}

/* With the store, if one is named. */
static int check_all(const struct offline *from, struct check *check)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	struct installed *installed = NULL;
	int r = 0;

	if (from->state)
		r = installed_peek(from->state, &installed);
	if (r == 0 && installed)
		r = installed_view(installed, &view);
	if (r == 0)
		r = check_files(from, check, installed ? &view : NULL);
	installed_close(installed);
	return r;
}

int offline_policy(const struct offline *from, struct policy **ret_policy)
{
	struct check check = { 0 };
	int r = check_all(from, &check);

	if (!check_valid(&check)) {
		findings_print(&check.report, stderr);
		r = -EBADMSG;
	}
	if (r == 0)
		*ret_policy = TAKE_PTR(check.policy);
	check_clear(&check);
	return r;
}

/* How well a cgroup selector fits: 0 not at all, else longer is better. */
static size_t cgroup_fit(const struct selector *selector, const char *path)
{
	size_t len = strlen(selector->path);

	if (selector->kind == SELECTOR_CGROUP)
		return strcmp(selector->path, path) ? 0 : PATH_MAX + 1;
	if (selector->kind != SELECTOR_CGROUP_TREE)
		return 0;
	if (len == 1)
		return 1;
	if (strncmp(selector->path, path, len) ||
	    (path[len] && path[len] != '/'))
		return 0;
	return len;
}

static size_t exe_fit(const struct selector *selector, const char *path)
{
	return selector->kind == SELECTOR_EXE && !strcmp(selector->path, path);
}

static void best_fit(const struct policy *policy, const char *path,
		     size_t (*fit)(const struct selector *, const char *),
		     const struct app **ret_app,
		     const struct selector **ret_selector)
{
	size_t best = 0;

	*ret_app = NULL;
	*ret_selector = NULL;
	for (size_t i = 0; i < policy->n_apps; i++) {
		const struct app *app = &policy->apps[i];

		for (size_t k = 0; k < app->n_selectors; k++) {
			size_t n = fit(&app->selectors[k], path);

			if (n <= best)
				continue;
			best = n;
			*ret_app = app;
			*ret_selector = &app->selectors[k];
		}
	}
}

void offline_cgroup(const struct policy *policy, const char *path,
		    const struct app **ret_app,
		    const struct selector **ret_selector)
{
	best_fit(policy, path, cgroup_fit, ret_app, ret_selector);
}

/* The line "0::/path" of /proc/PID/cgroup; free(). */
static char *cgroup_of(pid_t pid)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	char path[64];
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = '\0';
		return strdup(line + 3);
	}
	return NULL;
}

int offline_pid(const struct policy *policy, pid_t pid,
		const struct app **ret_app,
		const struct selector **ret_selector)
{
	_cleanup_free_ char *cgroup = cgroup_of(pid);
	char link[64], exe[PATH_MAX];
	ssize_t n;

	if (!cgroup)
		return -ESRCH;
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';

	best_fit(policy, exe, exe_fit, ret_app, ret_selector);
	if (!*ret_app)
		offline_cgroup(policy, cgroup, ret_app, ret_selector);
	return 0;
}
