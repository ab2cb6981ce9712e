// SPDX-License-Identifier: GPL-2.0-or-later
/* Paths, watched for whatever changes what they lead to. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/kernel/pathwatch.h"

/*
 * Every directory of a path is watched for going away, and the deepest that
 * exists for something new in it.
 */

#define WATCH_GOING  (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_ONLYDIR)
#define WATCH_COMING (IN_CREATE | IN_MOVED_TO | IN_DELETE)

int pathwatch_open(struct pathwatch *paths)
{
	paths->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	return paths->inotify < 0 ? -errno : 0;
}

void pathwatch_begin(struct pathwatch *paths)
{
	paths->last_deepest = 0;
}

/* A mask on a directory that others of our selectors may watch as well. */
static bool watch(const struct pathwatch *paths, const char *path,
		  uint32_t mask)
{
	return inotify_add_watch(paths->inotify, path, mask | IN_MASK_ADD) >= 0;
}

#define LINKS_MAX 40 /* as in the kernel's path walk */

static void watch_path(const struct pathwatch *paths, const char *path,
		       int links);

/* A link on the way may be turned: watches where it lies and where it leads. */
static void watch_link(const struct pathwatch *paths, char *link, int links)
{
	char target[PATH_MAX], next[2 * PATH_MAX], *slash = strrchr(link, '/');
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n <= 0 || links >= LINKS_MAX)
		return;
	target[n] = '\0';
	*slash = '\0';
	(void)watch(paths, *link ? link : "/", WATCH_GOING | WATCH_COMING);
	if (*target == '/')
		strcpy(next, target);
	else
		snprintf(next, sizeof(next), "%s/%s", link, target);
	*slash = '/';
	watch_path(paths, next, links + 1);
}

/*
 * How much of the path is watched since this look began: what it has in common
 * with the one before. Thousands of apps lie in the same few directories.
 */
static size_t watched_part(const struct pathwatch *paths, const char *path)
{
	size_t part = 0;

	for (size_t i = 1; i <= paths->last_deepest; i++) {
		if (path[i] == '/' && paths->last[i] == '/')
			part = i;
		if (path[i] != paths->last[i] || !path[i])
			break;
	}

	return part;
}

/* Watches the path from the top down, as far as it exists; how far that is. */
static size_t watch_path_from(const struct pathwatch *paths, const char *path,
			      size_t from, int links)
{
	char part[PATH_MAX];
	size_t length = strlen(path), deepest = from ? from : 1;
	struct stat st;

	if (length >= sizeof(part))
		return 0;
	memcpy(part, path, length + 1);
	if (!from)
		(void)watch(paths, "/", WATCH_GOING);
	for (size_t i = from + 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		part[i] = '\0';
		watch_link(paths, part, links);
		if (!watch(paths, part, WATCH_GOING))
			break;
		deepest = i;
		part[i] = path[i];
	}
	/* the last step: the missing one, or a link that may be turned */
	part[deepest] = '\0';
	if (deepest < length &&
	    (stat(path, &st) || (!lstat(path, &st) && S_ISLNK(st.st_mode))))
		(void)watch(paths, part, WATCH_GOING | WATCH_COMING);

	return deepest;
}

static void watch_path(const struct pathwatch *paths, const char *path,
		       int links)
{
	(void)watch_path_from(paths, path, 0, links);
}

void pathwatch_add(struct pathwatch *paths, const char *path)
{
	size_t from = watched_part(paths, path);

	paths->last_deepest = watch_path_from(paths, path, from, 0);
	snprintf(paths->last, sizeof(paths->last), "%s", path);
}

void pathwatch_children(const struct pathwatch *paths, const char *path)
{
	(void)watch(paths, path, WATCH_GOING | WATCH_COMING);
}
