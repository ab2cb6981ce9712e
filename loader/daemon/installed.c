/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `splitctl install` brought, over restarts.
 *
 *   STATE/installed/index.json    what counts, in which state
 *   STATE/installed/NUMBER        an item's bytes as they came, signature and
 *                                 all; never written twice
 *
 * A change is one rename: first the new item's file is complete and on disk,
 * then the index that names it takes the place of the old one, then files that
 * no index names go. Whatever the moment of a crash, the index that is there
 * names only files that are there.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/daemon/inputs.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/installed_item.h"
#include "loader/util/cleanup.h"
#include "loader/util/file.h"
#include "loader/util/path.h"

#define INDEX	  "index.json"
#define INDEX_MAX ((size_t)64 << 20)
#define VERSION	  1

struct installed {
	int fd;
	json_t *index;
};

DEFINE_CLEANUP(struct installed *, installed_close);

static void number_name(int64_t number, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRId64, number);
}

/* ---- the index ----------------------------------------------------------- */

static json_t *empty_index(void)
{
	return json_pack("{s:i, s:i, s:[], s:[]}", "version", VERSION, "next",
			 1, "items", "disabled");
}

/* Ours alone can have written it; what is not as we write it is damage. */
static bool index_is_sound(const json_t *index)
{
	const json_t *items = json_object_get(index, "items"), *item;
	size_t i;

	if (json_integer_value(json_object_get(index, "version")) != VERSION ||
	    json_integer_value(json_object_get(index, "next")) < 1 ||
	    !json_is_array(items) ||
	    !json_is_array(json_object_get(index, "disabled")))
		return false;
	json_array_foreach(items, i, item) {
		if (item_number(item) < 1 ||
		    !json_is_string(json_object_get(item, "file")) ||
		    !json_is_integer(json_object_get(item, "installed_at")))
			return false;
	}
	return true;
}

static int read_index(int fd, json_t **ret_index)
{
	_cleanup_free_ void *text = NULL;
	size_t len = 0;
	json_t *index;
	int r;

	r = file_read_at(fd, INDEX, INDEX_MAX, &text, &len);
	if (r == -ENOENT) {
		*ret_index = empty_index();
		return *ret_index ? 0 : -ENOMEM;
	}
	if (r < 0)
		return r;
	index = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (!index_is_sound(index)) {
		json_decref(index);
		return -EUCLEAN;
	}
	*ret_index = index;
	return 0;
}

static int write_index(int fd, const json_t *index)
{
	_cleanup_free_ char *text = json_dumps(index, JSON_INDENT(1));

	if (!text)
		return -ENOMEM;
	return file_replace_at(fd, INDEX, text, strlen(text), 0600);
}

/* Makes the directory where it is missing. */
static int enter(const char *dir, struct installed *installed)
{
	int r = dir_make(dir, 0700, &installed->fd);

	return r < 0 ? r : read_index(installed->fd, &installed->index);
}

/* Reads only: a store that is not there is empty. */
static int peek(const char *dir, struct installed *installed)
{
	installed->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (installed->fd < 0 && errno != ENOENT)
		return -errno;
	if (installed->fd >= 0)
		return read_index(installed->fd, &installed->index);
	installed->index = empty_index();
	return installed->index ? 0 : -ENOMEM;
}

static int open_by(int (*how)(const char *dir, struct installed *installed),
		   const char *state, struct installed **ret_installed)
{
	_cleanup_(installed_close_p) struct installed *installed = NULL;
	_cleanup_free_ char *dir = NULL;
	int r;

	installed = malloc(sizeof(*installed));
	if (!installed)
		return -ENOMEM;
	*installed = (struct installed){ .fd = -1 };
	r = path_join(state, "installed", &dir);
	if (r == 0)
		r = how(dir, installed);
	if (r < 0)
		return r;
	*ret_installed = TAKE_PTR(installed);
	return 0;
}

int installed_open(const char *state, struct installed **ret_installed)
{
	int r = open_by(enter, state, ret_installed);

	if (r == 0)
		installed_sweep(*ret_installed);
	return r;
}

int installed_peek(const char *state, struct installed **ret_installed)
{
	return open_by(peek, state, ret_installed);
}

void installed_close(struct installed *installed)
{
	if (!installed)
		return;
	cleanup_close(&installed->fd);
	json_decref(installed->index);
	free(installed);
}

/* ---- views --------------------------------------------------------------- */

int installed_view(const struct installed *installed,
		   struct installed_view *ret_view)
{
	json_t *copy = json_deep_copy(installed->index);

	if (!copy)
		return -ENOMEM;
	*ret_view =
		(struct installed_view){ .store = installed, .index = copy };
	return 0;
}

void installed_view_clear(struct installed_view *view)
{
	json_decref(view->index);
	free(view->bytes);
	*view = (struct installed_view){ 0 };
}

const json_t *installed_items(const struct installed_view *view)
{
	return json_object_get(view->index, "items");
}

int installed_read(const struct installed_view *view, const json_t *item,
		   void **ret_bytes, size_t *ret_len)
{
	int64_t number = item_number(item);
	char name[32];

	if (number != view->fresh) {
		number_name(number, name, sizeof(name));
		return file_read_at(view->store->fd, name, INPUT_MAX_PROFILE,
				    ret_bytes, ret_len);
	}
	*ret_bytes = malloc(view->len + 1);
	if (!*ret_bytes)
		return -ENOMEM;
	memcpy(*ret_bytes, view->bytes, view->len);
	*ret_len = view->len;
	return 0;
}

/* ---- commit -------------------------------------------------------------- */

int installed_commit(struct installed *installed, struct installed_view *view)
{
	json_t *old = installed->index;
	char name[32];
	int r = 0;

	if (view->fresh) {
		number_name(view->fresh, name, sizeof(name));
		r = file_replace_at(installed->fd, name, view->bytes, view->len,
				    0600);
	}
	if (r == 0)
		r = write_index(installed->fd, view->index);
	if (r < 0) {
		/* The rename may have come to pass before the failure. */
		(void)write_index(installed->fd, old);
		return r;
	}

	installed->index = view->index;
	view->index = old;
	view->fresh = 0;
	free(TAKE_PTR(view->bytes));
	return 0;
}

static bool is_named(const struct installed *installed, const char *name)
{
	const json_t *items = json_object_get(installed->index, "items"), *item;
	char text[32];
	size_t i;

	if (!strcmp(name, INDEX))
		return true;
	json_array_foreach(items, i, item) {
		number_name(item_number(item), text, sizeof(text));
		if (!strcmp(name, text))
			return true;
	}
	return false;
}

void installed_sweep(const struct installed *installed)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int fd = openat(installed->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    !is_named(installed, entry->d_name))
			unlinkat(installed->fd, entry->d_name, 0);
	}
}

int64_t installed_next_removal(const struct installed *installed,
			       const struct moment *now)
{
	const json_t *items = json_object_get(installed->index, "items"), *item;
	int64_t next = INT64_MAX;
	size_t i;

	json_array_foreach(items, i, item) {
		if (item_removal(item, now) < next)
			next = item_removal(item, now);
	}
	return next;
}
