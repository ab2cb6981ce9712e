/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test of the tests: without a hook, which rows turn red? */

/*
 * splitd pins every link by a name of its own below BPFFS/links. One after the
 * other: the daemon is killed (it would repair at once, and enforcement must
 * go on without it), one pin is removed, the link's object goes away, and all
 * rows run that need no daemon. Some hooks only wake the daemon: for these one
 * is started that leaves the hook out (--without), and the rows run that need
 * it. No hook is excused: one whose absence no row notices is not tested, and
 * that is a failure.
 *
 * Steering and guarding fail separately: without a steering hook packets may
 * be refused but not one may leak; without the guard everything must still be
 * steered right, except what only the guard can stop (ROW_ESCAPE). Without
 * identity an app is nobody, and goes where nobody goes; but a socket is
 * classed when it is made, so the hooks that class it again are missed only
 * where it has changed hands (ROW_HANDS). Security hooks alone stand in the way
 * of what they refuse.
 *
 * Then the daemon starts again and must have put the hook back, in its place:
 * what was red must be green.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

#define MAX_HOOKS	 64
#define HOOK_DEADLINE_MS 200
#define DETACH_MS	 5000

/* The door may be a tc filter, which has no pin. */
#define DOOR_FILTER "tc filter on tun0"

enum role {
	ROLE_STEER,
	ROLE_GUARD,
	ROLE_DOOR,
	ROLE_CONFINE,
	ROLE_IDENTITY,
	ROLE_CLASS
};

/* The first match counts. */
static const struct {
	const char *glob;
	enum role role;
	bool wakes; /* the daemon, which alone acts on it */
} roles[] = {
	{ "*egress*", ROLE_GUARD, false },
	{ "*door*", ROLE_DOOR, false },
	{ DOOR_FILTER, ROLE_DOOR, false },
	{ "packet", ROLE_CONFINE, false },
	{ "tun", ROLE_CONFINE, false },
	{ "exec", ROLE_IDENTITY, true },
	{ "cgroup_attach", ROLE_IDENTITY, true },
	{ "exit", ROLE_IDENTITY, false },
	{ "fork", ROLE_IDENTITY, false },
	{ "cgroup_*", ROLE_IDENTITY, false },
	{ "class_create", ROLE_IDENTITY, false },
	{ "class_*", ROLE_CLASS, false },
	{ "*", ROLE_STEER, false },
};

struct hooks {
	unsigned n;
	char names[MAX_HOOKS][64];
};

static int name_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void pin_path(const struct lab *lab, const char *name, char *path,
		     size_t size)
{
	snprintf(path, size, "%s/links/%s", lab->bpffs, name);
}

static bool door_filter_present(const struct lab *lab)
{
	char *argv[] = {
		"tc", "filter", "show", "dev", "tun0", "egress", NULL
	};
	char output[4096];

	return proc_run(argv, lab->ns[NS_CLIENT], NULL, output,
			sizeof(output)) >= 0 &&
	       strstr(output, "bpf");
}

static int hooks_list(const struct lab *lab, struct hooks *ret_hooks)
{
	char path[LAB_PATH + 64];
	struct dirent *entry;
	DIR *dir;

	ret_hooks->n = 0;
	pin_path(lab, "", path, sizeof(path));
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) && ret_hooks->n < MAX_HOOKS - 1)
		if (entry->d_name[0] != '.')
			snprintf(ret_hooks->names[ret_hooks->n++],
				 sizeof(ret_hooks->names[0]), "%.60s",
				 entry->d_name);
	closedir(dir);
	qsort(ret_hooks->names, ret_hooks->n, sizeof(ret_hooks->names[0]),
	      name_compare);
	if (door_filter_present(lab))
		strcpy(ret_hooks->names[ret_hooks->n++], DOOR_FILTER);
	return ret_hooks->n ? 0 : -ENOENT;
}

static int link_id(const char *path, __u32 *ret_id)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	*ret_id = info.id;
	return 0;
}

/* The last reference to a link is dropped by a kernel worker: wait for it. */
static int link_gone(__u32 id)
{
	int64_t end = now_ms() + DETACH_MS;

	while (now_ms() < end) {
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0)
			return fd == -ENOENT || errno == ENOENT ? 0 : -errno;
		close(fd);
	}
	return -ETIMEDOUT;
}

static int hook_remove(const struct lab *lab, const char *name)
{
	char *argv[] = { "tc", "filter", "del", "dev", "tun0", "egress", NULL };
	char path[LAB_PATH + 64];
	__u32 id = 0;
	int r;

	if (strcmp(name, DOOR_FILTER) == 0)
		return proc_run(argv, lab->ns[NS_CLIENT], NULL, NULL, 0);
	pin_path(lab, name, path, sizeof(path));
	r = link_id(path, &id);
	if (r < 0)
		return r;
	if (unlink(path) < 0)
		return -errno;
	return link_gone(id);
}

static bool hook_present(const struct lab *lab, const char *name)
{
	char path[LAB_PATH + 64];

	if (strcmp(name, DOOR_FILTER) == 0)
		return door_filter_present(lab);
	pin_path(lab, name, path, sizeof(path));
	return access(path, F_OK) == 0;
}

static size_t role_of(const char *name)
{
	size_t i = 0;

	while (fnmatch(roles[i].glob, name, 0) != 0)
		i++;
	return i;
}

/* Runs rows while a hook is missing; their score, not the lab's. */
static int maimed_run(struct lab *lab, const bool *only, int deadline_ms,
		      struct score *ret_score)
{
	struct score kept = lab->score;
	int kept_ms = lab->deadline_ms, r;

	lab->score = (struct score){ 0 };
	lab->maimed = true;
	lab->only = only;
	lab->deadline_ms = deadline_ms;
	r = matrix_run(lab);
	*ret_score = lab->score;
	lab->score = kept;
	lab->maimed = false;
	lab->only = NULL;
	lab->deadline_ms = kept_ms;
	return r;
}

static void score_add(struct score *score, const struct score *more)
{
	score->red += more->red;
	score->red_inner += more->red_inner;
	score->astray += more->astray;
	for (size_t i = 0; i <= FAULT_OTHER; i++)
		score->faults[i] += more->faults[i];
	for (size_t i = 0; i < MAX_ROWS; i++)
		score->red_rows[i] |= more->red_rows[i];
}

/* With a daemon that lives and never had the hook: what needs a daemon. */
static int living_run(struct lab *lab, const char *name, struct score *score)
{
	bool only[MAX_ROWS] = { false };
	struct score living;
	const struct row *row;
	int r;

	for (size_t i = 0; i < MAX_ROWS && (row = rows_at(i)); i++)
		only[i] = row->flags & (ROW_DAEMON | ROW_MEMORY);
	lab->daemon.extra[0] = "--without";
	lab->daemon.extra[1] = name;
	r = daemon_start(lab);
	if (r >= 0)
		r = maimed_run(lab, only, HOOK_DEADLINE_MS, &living);
	lab->daemon.extra[0] = lab->daemon.extra[1] = NULL;
	if (r < 0)
		return r;
	score_add(score, &living);
	return daemon_stop(lab, SIGKILL);
}

/*
 * Rows that should not have noticed, once more and with time: a connection that
 * went astray in the row before may have ended in theirs.
 */
static int doubt_run(struct lab *lab, unsigned excused, struct score *score)
{
	bool only[MAX_ROWS] = { false };
	struct score again;
	const struct row *row;
	bool any = false;
	int r;

	for (size_t i = 0; i < MAX_ROWS && (row = rows_at(i)); i++) {
		only[i] = score->red_rows[i] && !(row->flags & excused);
		any |= only[i];
	}
	if (!any)
		return 0;
	r = maimed_run(lab, only, lab->deadline_ms, &again);
	score->astray = again.astray;
	score->red_inner = again.red_inner;
	return r;
}

static void verdict_print(struct lab *lab, const char *name,
			  const char *complaint)
{
	report_result(lab, name, !complaint);
	if (complaint) {
		lab->score.failed++;
		printf("hook %s: FAILED: %s\n", name, complaint);
		return;
	}
	lab->score.passed++;
}

static void hook_judge(struct lab *lab, const char *name,
		       const struct score *score)
{
	unsigned leaks = score->faults[FAULT_LEAK];
	unsigned strays = score->faults[FAULT_STRAY];
	enum role role = roles[role_of(name)].role;

	printf("hook %s: %u red rows, %u leaks, %u strays\n", name, score->red,
	       leaks, strays);
	if (!score->red)
		verdict_print(lab, name, "no row noticed");
	else if (role == ROLE_STEER && leaks + strays)
		verdict_print(lab, name, "the guard let packets by");
	else if (role == ROLE_GUARD && score->red_inner)
		verdict_print(lab, name, "steering depends on the guard");
	else if (role == ROLE_DOOR && leaks)
		verdict_print(lab, name, "leaks without the door");
	else if (role == ROLE_CLASS && score->astray)
		verdict_print(lab, name, "its maker's class is not enough");
	else
		verdict_print(lab, name, NULL);
}

/*
 * The daemon, started again, must have repaired it: the hook is there, and
 * what was red is green (a hook that came back in the wrong order is not).
 * Otherwise the next hook gets a fresh start.
 */
static int repair_test(struct lab *lab, const char *name,
		       const struct score *score)
{
	struct score again;
	int r = daemon_start(lab);

	if (r >= 0)
		r = maimed_run(lab, score->red_rows, lab->deadline_ms, &again);
	if (r < 0)
		return r;
	if (hook_present(lab, name) && !again.red) {
		verdict_print(lab, name, NULL);
		return 0;
	}
	verdict_print(lab, name,
		      hook_present(lab, name) ? "repaired, but rows stay red" :
						"not repaired at start");
	r = daemon_stop(lab, SIGTERM);
	if (r >= 0)
		r = daemon_purge(lab);
	return r < 0 ? r : daemon_start(lab);
}

static int hook_test(struct lab *lab, const char *name)
{
	enum role role = roles[role_of(name)].role;
	struct score score;
	int r = daemon_stop(lab, SIGKILL);

	if (r >= 0)
		r = hook_remove(lab, name);
	if (r < 0) {
		printf("hook %s: cannot remove it: %s\n", name, strerror(-r));
		return r;
	}
	r = maimed_run(lab, NULL, HOOK_DEADLINE_MS, &score);
	if (r >= 0 && role == ROLE_CLASS)
		r = doubt_run(lab, ROW_HANDS, &score);
	if (r >= 0 && role == ROLE_GUARD)
		r = doubt_run(lab, ROW_ESCAPE, &score);
	if (r >= 0 && roles[role_of(name)].wakes)
		r = living_run(lab, name, &score);
	if (r < 0)
		return r;
	hook_judge(lab, name, &score);
	return repair_test(lab, name, &score);
}

/* With every hook in place and the daemon dead, nothing may be red. */
static int baseline_test(struct lab *lab)
{
	struct score score;
	int r = daemon_stop(lab, SIGKILL);

	if (r >= 0)
		r = maimed_run(lab, NULL, lab->deadline_ms, &score);
	if (r < 0)
		return r;
	verdict_print(lab, "(none missing)",
		      score.red ? "red with the daemon dead" : NULL);
	return daemon_start(lab);
}

int hooks_run(struct lab *lab)
{
	struct hooks hooks;
	int r = daemon_start(lab);

	if (r >= 0)
		r = hooks_list(lab, &hooks);
	if (r < 0) {
		printf("hooks: %s\n", strerror(-r));
		return r;
	}
	/* Without each, and with it again. */
	report_plan(lab, 1 + 2 * hooks.n);
	r = baseline_test(lab);
	for (unsigned i = 0; i < hooks.n && r >= 0; i++)
		r = hook_test(lab, hooks.names[i]);
	if (r >= 0)
		r = daemon_stop(lab, SIGTERM);
	return r < 0 ? r : daemon_purge(lab);
}
