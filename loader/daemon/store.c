/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last good version of every file, over restarts.
 *
 *   STATE/last-good/host            the host file
 *   STATE/last-good/policy/NAME     a file of the policy directory
 *
 * Written only after the kernel took the policy they make, so a version that
 * was refused never gets in.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/daemon/store.h"
#include "loader/util/cleanup.h"
#include "loader/util/file.h"
#include "loader/util/path.h"

#define HOST_NAME "host"

struct store {
	int top;    /* last-good/ */
	int policy; /* last-good/policy/ */
};

DEFINE_CLEANUP(struct store *, store_close);

int store_open(const char *dir, struct store **ret_store)
{
	_cleanup_(store_close_p) struct store *store = NULL;
	_cleanup_free_ char *top = NULL, *policy = NULL;
	int r;

	store = malloc(sizeof(*store));
	if (!store)
		return -ENOMEM;
	*store = (struct store){ .top = -1, .policy = -1 };
	r = path_join(dir, "last-good", &top);
	if (r == 0)
		r = path_join(top, "policy", &policy);
	if (r == 0)
		r = dir_make(dir, 0700, NULL);
	if (r == 0)
		r = dir_make(top, 0700, &store->top);
	if (r == 0)
		r = dir_make(policy, 0700, &store->policy);
	if (r < 0)
		return r;

	*ret_store = TAKE_PTR(store);
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	cleanup_close(&store->top);
	cleanup_close(&store->policy);
	free(store);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Where the input's version lies: directory and name. */
static const char *slot(const struct store *store, const struct input *input,
			int *ret_dirfd)
{
	*ret_dirfd = input->host ? store->top : store->policy;
	return input->host ? HOST_NAME : base_name(input->path);
}

int store_read(const struct store *store, const struct input *input,
	       void **ret_bytes, size_t *ret_len)
{
	int dirfd;
	const char *name = slot(store, input, &dirfd);

	return file_read_at(dirfd, name, INPUT_MAX_HOST, ret_bytes, ret_len);
}

/*
 * Writes the input unless the store has just these bytes. 1: written, and its
 * directory is to be synced.
 */
static int keep(const struct store *store, const struct input *input)
{
	_cleanup_free_ void *old = NULL;
	size_t old_len = 0;
	const char *name;
	int dirfd, r;

	if (store_read(store, input, &old, &old_len) == 0 &&
	    old_len == input->len && !memcmp(old, input->bytes, old_len))
		return 0;

	name = slot(store, input, &dirfd);
	r = file_put_at(dirfd, name, input->bytes, input->len, 0600);
	return r < 0 ? r : 1;
}

static bool listed(const struct input_list *list, const char *name, bool host)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct input *input = &list->inputs[i];

		if (input->host == host &&
		    (host || !strcmp(base_name(input->path), name)))
			return true;
	}
	return false;
}

static int open_dir(int dirfd, DIR **ret_dir)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_dir = fdopendir(fd);
	if (!*ret_dir) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

/* Removes what no longer is a file of the policy directory; 1: there was. */
static int forget(const struct store *store, const struct input_list *good)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int r = open_dir(store->policy, &dir);
	bool gone = false;

	if (r < 0)
		return r;
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (!listed(good, entry->d_name, false))
			gone |= !unlinkat(store->policy, entry->d_name, 0);
	}
	if (!listed(good, HOST_NAME, true))
		gone |= !unlinkat(store->top, HOST_NAME, 0);
	return gone;
}

static int sync_dirs(const struct store *store)
{
	return fsync(store->policy) < 0 || fsync(store->top) < 0 ? -errno : 0;
}

int store_write(const struct store *store, const struct input_list *good)
{
	bool changed = false;
	int r = 0, s = 0;

	for (size_t i = 0; i < good->n && r >= 0; i++) {
		r = keep(store, &good->inputs[i]);
		changed |= r > 0;
	}
	/* once for all of them; and whatever failed, for those before it */
	if (changed)
		s = sync_dirs(store);
	/* a policy that moved to another file is there before it goes here */
	if (r >= 0 && s >= 0)
		r = forget(store, good);
	if (r > 0)
		s = sync_dirs(store);
	return r < 0 ? r : s;
}

static int add(const struct store *store, struct input_list *list,
	       const char *path, bool host)
{
	struct input *grown =
		realloc(list->inputs, (list->n + 1) * sizeof(*grown));
	struct input input = { .host = host, .kept = true };
	int r;

	if (!grown)
		return -ENOMEM;
	list->inputs = grown;
	input.path = strdup(path);
	if (!input.path)
		return -ENOMEM;

	r = store_read(store, &input, &input.bytes, &input.len);
	if (r < 0) {
		free(input.path);
		return r == -ENOENT ? 0 : r;
	}
	grown[list->n++] = input;
	list->had_host |= host;
	list->had_dir |= !host;
	return 0;
}

int store_list(const struct store *store, const char *policy_dir,
	       const char *host_path, struct input_list *list)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int r = open_dir(store->policy, &dir);

	while (r == 0 && (entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (!input_name_counts(entry->d_name))
			continue;
		r = path_join(policy_dir, entry->d_name, &path);
		if (r == 0)
			r = add(store, list, path, false);
	}
	return r < 0 ? r : add(store, list, host_path, true);
}
