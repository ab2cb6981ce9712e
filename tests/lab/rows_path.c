/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: a listed path leads to another file than when it was loaded. */

/*
 * "late/app" was listed before it existed, "bin/swap" is replaced as an upgrade
 * does it, and "bin/turn" is a link on the way to its "app". Executables are
 * copies of the lab, as in rows_identity.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/lab.h"

/* A fresh file under a listed name; with a rename, a new inode over it. */
static int fresh_exec(struct trial *trial, const char *file, bool rename_over)
{
	char path[LAB_PATH + 32], draft[LAB_PATH + 40];
	int r;

	snprintf(path, sizeof(path), "%s/%s", trial->dir, file);
	snprintf(draft, sizeof(draft), "%s.new", path);
	if (!rename_over)
		unlink(path);
	r = copy_file("/proc/self/exe", rename_over ? draft : path, 0755);
	if (r >= 0 && rename_over && rename(draft, path) < 0)
		r = -errno;
	if (r < 0)
		return trial_fail(trial, FAULT_OTHER, "copy: %s", strerror(-r));
	return op_exec(trial, path, "ask");
}

static int exe_late(struct trial *trial)
{
	return fresh_exec(trial, "late/app", false);
}

static int exe_renamed(struct trial *trial)
{
	return fresh_exec(trial, "bin/swap", true);
}

/* In one step, as upgrades do it: the name leads to another place. */
static int link_turn(const struct trial *trial, const char *name,
		     const char *target)
{
	char path[LAB_PATH + 32], draft[LAB_PATH + 40];

	snprintf(path, sizeof(path), "%s/%s", trial->dir, name);
	snprintf(draft, sizeof(draft), "%s.new", path);
	return symlink(target, draft) < 0 || rename(draft, path) < 0 ? -errno :
								       0;
}

/* The app is in turn-b now: the daemon has to notice by itself. */
static int elsewhere_exec(struct lab *lab, struct trial *trial)
{
	char path[LAB_PATH + 32];
	pid_t pid;
	int r = daemon_settle(lab);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/bin/turn-b/app", trial->dir);
	pid = proc_fork(lab, lab->cgroup_fd[APP_UNLISTED], NS_CLIENT);
	if (pid == 0)
		_exit(op_exec(trial, path, "ask") < 0);
	return proc_wait(pid, trial->deadline_ms * 4);
}

/* A link in the middle of a listed path is turned: the app is behind it now. */
static int exe_turned(struct lab *lab, struct trial *trial)
{
	int r = link_turn(trial, "bin/turn", "turn-b");

	if (r == 0)
		r = elsewhere_exec(lab, trial);
	if (r == 0)
		r = link_turn(trial, "bin/turn", "turn-a");
	return r == 0 ? 0 : trial_fail(trial, FAULT_OTHER, "the app: %d", r);
}

/* A link takes the place of the file itself: update-alternatives does that. */
static int exe_linked(struct lab *lab, struct trial *trial)
{
	char path[LAB_PATH + 32], kept[LAB_PATH + 40];
	int r = 0;

	snprintf(path, sizeof(path), "%s/bin/turn-a/app", trial->dir);
	snprintf(kept, sizeof(kept), "%s.kept", path);
	if (link(path, kept) < 0)
		r = -errno;
	if (r == 0)
		r = link_turn(trial, "bin/turn-a/app", "../turn-b/app");
	if (r == 0)
		r = elsewhere_exec(lab, trial);
	if (rename(kept, path) < 0 && r == 0)
		r = -errno;
	return r == 0 ? 0 : trial_fail(trial, FAULT_OTHER, "the app: %d", r);
}

#define LISTED                                                                 \
	.apps = BIT(APP_LISTED), .families = REAL_FAMS,                        \
	.dsts = BIT(DST_LISTED) | BIT(DST_UNLISTED)

const struct row rows_path[] = {
	{ .name = "exe-late", .run = exe_late, LISTED, .flags = ROW_GUEST },
	{ .name = "exe-renamed",
	  .run = exe_renamed,
	  LISTED,
	  .flags = ROW_GUEST },
	{ .name = "exe-turned",
	  .drive = exe_turned,
	  LISTED,
	  .flags = ROW_DAEMON },
	{ .name = "exe-linked",
	  .drive = exe_linked,
	  LISTED,
	  .flags = ROW_DAEMON },
	{ 0 }
};
