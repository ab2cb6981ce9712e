// SPDX-License-Identifier: GPL-2.0-or-later
/* Selectors made into what the kernel compares, and kept true. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/abi.h"
#include "loader/kernel/exepath.h"
#include "loader/kernel/maps.h"
#include "loader/kernel/members.h"
#include "loader/kernel/pathwatch.h"
#include "loader/util/cleanup.h"

/*
 * A selector is resolved anew whenever something on its path may have changed
 * (pathwatch.c). The watch is set before the look, so nothing falls between.
 * What the kernel can see by itself needs no watch to be in time: a cgroup made
 * later is known by its path (sp_cg_path) at mkdir, an executable installed
 * later by its directory.
 */

struct members {
	const struct attach *attach;
	const char *cgroup_mount;
	const char *scope;
	struct pathwatch paths;
};

int members_open(const struct attach *attach, const char *cgroup_mount,
		 const char *scope, struct members **ret_members)
{
	struct members *members = calloc(1, sizeof(*members));
	int r;

	if (!members)
		return -ENOMEM;
	members->attach = attach;
	members->cgroup_mount = cgroup_mount;
	members->scope = scope;
	r = pathwatch_open(&members->paths);
	if (r) {
		free(members);
		return r;
	}
	*ret_members = members;

	return 0;
}

void members_close(struct members *members)
{
	if (!members)
		return;
	pathwatch_close(&members->paths);
	free(members);
}

int members_fd(const struct members *members)
{
	return members->paths.inotify;
}

void members_drain(struct members *members)
{
	char buf[4096];

	while (read(members->paths.inotify, buf, sizeof(buf)) > 0)
		;
}

/* ---- what the maps should say ----------------------------------------- */

struct exe_entry {
	struct sp_exe_key key;
	uint32_t class;
	bool linked;
};

struct cgroup_entry {
	struct sp_cg_path path;
	uint64_t id; /* 0: does not exist yet */
	struct sp_cgroup classes;
};

struct wanted {
	struct exe_entry *exes;
	size_t n_exes;
	struct cgroup_entry *cgroups;
	size_t n_cgroups;
	void *by_key;  /* tree of exes */
	void *by_path; /* tree of cgroups */
};

static void keep(void *entry)
{
	(void)entry;
}

static void wanted_clear(struct wanted *wanted)
{
	tdestroy(wanted->by_key, keep);
	tdestroy(wanted->by_path, keep);
	free(wanted->exes);
	free(wanted->cgroups);
}

static int compare_exes(const void *a, const void *b)
{
	const struct exe_entry *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

/*
 * By links, selectors of two apps may come to the same file. It belongs to the
 * one that names it, not to whoever may turn a link; else to the first.
 */
static int want_exe(struct members *members, struct wanted *wanted,
		    const struct selector *selector, uint32_t class)
{
	struct exe_entry *entry = &wanted->exes[wanted->n_exes], **found;
	int r;

	pathwatch_add(&members->paths, selector->path);
	r = exepath_key(selector->path, &entry->key, &entry->linked);
	/* what cannot be resolved now is nobody's, and none of the others' */
	if (r)
		return r == -ENOMEM ? r : 0;
	entry->class = class;
	found = tsearch(entry, &wanted->by_key, compare_exes);
	if (!found)
		return -ENOMEM;
	wanted->n_exes += *found == entry;
	if ((*found)->linked && !entry->linked) {
		(*found)->class = class;
		(*found)->linked = false;
	}

	return 0;
}

static int compare_paths(const void *a, const void *b)
{
	const struct cgroup_entry *x = a, *y = b;

	return strcmp(x->path.path, y->path.path);
}

/* The one of that path, or the next free one; NULL without memory. */
static struct cgroup_entry *find_cgroup(struct wanted *wanted, const char *path)
{
	struct cgroup_entry *next = &wanted->cgroups[wanted->n_cgroups];
	struct cgroup_entry **found;

	memset(next, 0, sizeof(*next));
	strncpy(next->path.path, path, sizeof(next->path.path) - 1);
	found = tsearch(next, &wanted->by_path, compare_paths);
	if (!found)
		return NULL;
	wanted->n_cgroups += *found == next;

	return *found;
}

static int want_cgroup(struct members *members, struct wanted *wanted,
		       const struct selector *selector, uint32_t class)
{
	struct cgroup_entry *entry = find_cgroup(wanted, selector->path);
	char path[PATH_MAX];
	struct stat st;
	int n;

	if (!entry)
		return -ENOMEM;
	if (selector->kind == SELECTOR_CGROUP)
		entry->classes.own = class;
	else
		entry->classes.tree = class;
	n = snprintf(path, sizeof(path), "%s%s", members->cgroup_mount,
		     selector->path);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	pathwatch_add(&members->paths, path);
	/* the inode number is the cgroup's id */
	if (!stat(path, &st))
		entry->id = st.st_ino;
	else if (errno != ENOENT)
		return -errno;

	return 0;
}

/*
 * The governed cgroup may be removed and made again. A cgroup tells nobody that
 * it goes, only its parent does.
 */
static void watch_scope(struct members *members)
{
	char parent[PATH_MAX], *slash;

	if (!strcmp(members->scope, members->cgroup_mount) ||
	    strlen(members->scope) >= sizeof(parent))
		return;
	strcpy(parent, members->scope);
	slash = strrchr(parent, '/');
	if (slash && slash > parent) {
		*slash = '\0';
		pathwatch_children(&members->paths, parent);
	}
}

static int resolve(struct members *members, const struct policy *policy,
		   const uint32_t *classes, struct wanted *wanted)
{
	size_t n = 1;
	int r = 0;

	pathwatch_begin(&members->paths);
	watch_scope(members);
	for (size_t i = 0; i < policy->n_apps; i++)
		n += policy->apps[i].n_selectors;
	wanted->exes = calloc(n, sizeof(*wanted->exes));
	wanted->cgroups = calloc(n, sizeof(*wanted->cgroups));
	if (!wanted->exes || !wanted->cgroups)
		return -ENOMEM;
	for (size_t i = 0; !r && i < policy->n_apps; i++) {
		const struct app *app = &policy->apps[i];

		for (size_t j = 0; !r && j < app->n_selectors; j++)
			r = app->selectors[j].kind == SELECTOR_EXE ?
				    want_exe(members, wanted,
					     &app->selectors[j], classes[i]) :
				    want_cgroup(members, wanted,
						&app->selectors[j], classes[i]);
	}
	if (!r)
		pathwatch_end(&members->paths);

	return r;
}

/* ---- how they differ from it ------------------------------------------- */

/* Every key that nobody wants goes. */
static int find_table(int fd, const struct map_entries *want,
		      struct map_delta *ret_delta)
{
	_cleanup_free_ char *keys = NULL;
	size_t n;
	int r = map_keys(fd, want->key_size, (void **)&keys, &n);

	return r ? r : map_delta_find(fd, want, keys, n, ret_delta);
}

static int find_exes(const struct members *members, const struct wanted *wanted,
		     struct map_delta *ret_delta)
{
	const struct map_entries exes = {
		.entries = wanted->exes,
		.n = wanted->n_exes,
		.stride = sizeof(struct exe_entry),
		.key_size = sizeof(struct sp_exe_key),
		.value_offset = offsetof(struct exe_entry, class),
		.value_size = sizeof(uint32_t),
	};

	return find_table(attach_map(members->attach, MAP_EXE), &exes,
			  ret_delta);
}

static int find_paths(const struct members *members,
		      const struct wanted *wanted, struct map_delta *ret_delta)
{
	const struct map_entries paths = {
		.entries = wanted->cgroups,
		.n = wanted->n_cgroups,
		.stride = sizeof(struct cgroup_entry),
		.key_size = sizeof(struct sp_cg_path),
		.value_offset = offsetof(struct cgroup_entry, classes),
		.value_size = sizeof(struct sp_cgroup),
	};

	return find_table(attach_map(members->attach, MAP_CG_PATH), &paths,
			  ret_delta);
}

struct cgroup_by_id {
	uint64_t id;
	struct sp_cgroup classes;
};

/*
 * known: the ids in the map before the paths were looked up. One that the
 * kernel adds in the meantime is newer than our look, and stays.
 */
static int find_cgroups(const struct members *members,
			const struct wanted *wanted, const uint64_t *known,
			size_t n_known, struct map_delta *ret_delta)
{
	_cleanup_free_ struct cgroup_by_id *by_id =
		calloc(wanted->n_cgroups + 1, sizeof(*by_id));
	struct map_entries ids = {
		.entries = by_id,
		.stride = sizeof(struct cgroup_by_id),
		.key_size = sizeof(uint64_t),
		.value_offset = offsetof(struct cgroup_by_id, classes),
		.value_size = sizeof(struct sp_cgroup),
	};

	if (!by_id)
		return -ENOMEM;
	for (size_t i = 0; i < wanted->n_cgroups; i++) {
		if (!wanted->cgroups[i].id)
			continue;
		by_id[ids.n].id = wanted->cgroups[i].id;
		by_id[ids.n++].classes = wanted->cgroups[i].classes;
	}

	return map_delta_find(attach_map(members->attach, MAP_CGROUP), &ids,
			      known, n_known, ret_delta);
}

int members_find(struct members *members, const struct policy *policy,
		 const uint32_t *classes, struct members_change *ret_change)
{
	_cleanup_free_ uint64_t *known = NULL;
	struct members_change change = { 0 };
	struct wanted wanted = { 0 };
	size_t n_known;
	int r;

	r = map_keys(attach_map(members->attach, MAP_CGROUP), sizeof(*known),
		     (void **)&known, &n_known);
	if (!r)
		r = resolve(members, policy, classes, &wanted);
	if (!r)
		r = find_exes(members, &wanted, &change.exes);
	if (!r)
		r = find_paths(members, &wanted, &change.paths);
	if (!r)
		r = find_cgroups(members, &wanted, known, n_known,
				 &change.cgroups);
	wanted_clear(&wanted);
	if (r) {
		members_change_clear(&change);
		return r;
	}
	*ret_change = change;

	return 0;
}

/* Paths first: a cgroup made from then on is in the right class at once. */
int members_make(const struct members_change *change, bool *ret_changed)
{
	int r;

	*ret_changed = false;
	r = map_delta_make(&change->exes, ret_changed);
	if (!r)
		r = map_delta_make(&change->paths, ret_changed);

	return r ? r : map_delta_make(&change->cgroups, ret_changed);
}

bool members_change_is_blind(const struct members_change *change)
{
	return change->paths.n_puts || change->paths.n_drops;
}

void members_change_clear(struct members_change *change)
{
	map_delta_clear(&change->exes);
	map_delta_clear(&change->paths);
	map_delta_clear(&change->cgroups);
}

int members_sync(struct members *members, const struct policy *policy,
		 const uint32_t *classes, bool *ret_changed)
{
	_cleanup_(members_change_clear) struct members_change change = { 0 };
	int r;

	*ret_changed = false;
	r = members_find(members, policy, classes, &change);

	return r ? r : members_make(&change, ret_changed);
}
