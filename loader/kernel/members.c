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

/* ---- making them say it ------------------------------------------------ */

/* One map against an array whose entries start with key and go on with value */
struct table {
	int fd;
	const char *entries; /* first key */
	size_t n, stride;
	size_t key_size, value_offset, value_size;
};

static int compare_keys(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(const size_t *)size);
}

static bool is_wanted(const struct table *table, const char *sorted,
		      const char *key)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(sorted + middle * table->key_size, key,
				   table->key_size);

		if (!order)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}

	return false;
}

/* Its keys in order, for is_wanted(); free(). NULL without memory. */
static char *sort_keys(const struct table *table)
{
	char *keys = calloc(table->n + 1, table->key_size);

	for (size_t i = 0; keys && i < table->n; i++)
		memcpy(keys + i * table->key_size,
		       table->entries + i * table->stride, table->key_size);
	if (keys)
		qsort_r(keys, table->n, table->key_size, compare_keys,
			(void *)&table->key_size);

	return keys;
}

static int put_entries(const struct table *table, bool *changed)
{
	char value[16];
	int r = 0;

	for (size_t i = 0; !r && i < table->n; i++) {
		const char *key = table->entries + i * table->stride;
		const char *want = key + table->value_offset;

		if (!map_get(table->fd, key, value) &&
		    !memcmp(value, want, table->value_size))
			continue;
		r = map_put(table->fd, key, want);
		*changed = true;
	}

	return r;
}

/* Of the keys that were there, those that nobody wants. */
static int drop_entries(const struct table *table, const char *keys, size_t n,
			bool *changed)
{
	_cleanup_free_ char *wanted = sort_keys(table);
	int r = wanted ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < n; i++) {
		const char *key = keys + i * table->key_size;

		if (is_wanted(table, wanted, key))
			continue;
		r = map_del(table->fd, key);
		*changed = true;
	}

	return r;
}

static int sync_table(const struct table *table, bool *changed)
{
	_cleanup_free_ char *keys = NULL;
	size_t n;
	int r;

	r = map_keys(table->fd, table->key_size, (void **)&keys, &n);
	if (!r)
		r = put_entries(table, changed);

	return r ? r : drop_entries(table, keys, n, changed);
}

struct cgroup_by_id {
	uint64_t id;
	struct sp_cgroup classes;
};

/*
 * known: the ids in the map before the paths were looked up. One that the
 * kernel adds in the meantime is newer than our look, and stays.
 */
static int sync_cgroups(const struct members *members,
			const struct wanted *wanted, const uint64_t *known,
			size_t n_known, bool *changed)
{
	_cleanup_free_ struct cgroup_by_id *by_id =
		calloc(wanted->n_cgroups + 1, sizeof(*by_id));
	struct table paths = {
		.fd = attach_map(members->attach, MAP_CG_PATH),
		.entries = (const char *)wanted->cgroups,
		.n = wanted->n_cgroups,
		.stride = sizeof(struct cgroup_entry),
		.key_size = sizeof(struct sp_cg_path),
		.value_offset = offsetof(struct cgroup_entry, classes),
		.value_size = sizeof(struct sp_cgroup),
	};
	struct table ids = {
		.fd = attach_map(members->attach, MAP_CGROUP),
		.entries = (const char *)by_id,
		.stride = sizeof(struct cgroup_by_id),
		.key_size = sizeof(uint64_t),
		.value_offset = offsetof(struct cgroup_by_id, classes),
		.value_size = sizeof(struct sp_cgroup),
	};
	int r;

	if (!by_id)
		return -ENOMEM;
	for (size_t i = 0; i < wanted->n_cgroups; i++) {
		if (!wanted->cgroups[i].id)
			continue;
		by_id[ids.n].id = wanted->cgroups[i].id;
		by_id[ids.n++].classes = wanted->cgroups[i].classes;
	}
	r = sync_table(&paths, changed);
	if (!r)
		r = put_entries(&ids, changed);

	return r ? r :
		   drop_entries(&ids, (const char *)known, n_known, changed);
}

int members_sync(struct members *members, const struct policy *policy,
		 const uint32_t *classes, bool *ret_changed)
{
	_cleanup_free_ uint64_t *known = NULL;
	struct wanted wanted = { 0 };
	struct table exes;
	size_t n_known;
	int r;

	*ret_changed = false;
	r = map_keys(attach_map(members->attach, MAP_CGROUP), sizeof(*known),
		     (void **)&known, &n_known);
	if (!r)
		r = resolve(members, policy, classes, &wanted);
	if (!r) {
		exes = (struct table){
			.fd = attach_map(members->attach, MAP_EXE),
			.entries = (const char *)wanted.exes,
			.n = wanted.n_exes,
			.stride = sizeof(struct exe_entry),
			.key_size = sizeof(struct sp_exe_key),
			.value_offset = offsetof(struct exe_entry, class),
			.value_size = sizeof(uint32_t),
		};
		r = sync_table(&exes, ret_changed);
	}
	if (!r)
		r = sync_cgroups(members, &wanted, known, n_known, ret_changed);
	wanted_clear(&wanted);

	return r;
}
