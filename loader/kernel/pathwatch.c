// SPDX-License-Identifier: GPL-2.0-or-later
/* Paths, watched for whatever changes what they lead to. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "loader/kernel/pathwatch.h"

/*
 * Every directory of a path is watched for going away, the deepest that exists
 * for something new in it, and a file at the end for losing its name: a link
 * may take it, and then the path leads elsewhere.
 */

#define WATCH_GOING  (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_ONLYDIR)
#define WATCH_COMING (IN_CREATE | IN_MOVED_TO | IN_DELETE)
/* while it runs, a file that lost its name is not gone: it has a link less */
#define WATCH_FILE (IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_DONT_FOLLOW)

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

#define LINKS_MAX 40 /* of one path, as in the kernel's walk */

static size_t watch_path(const struct pathwatch *paths, const char *path,
			 size_t from, int *links);

/*
 * A link on the way may be turned: watches where it lies and where it leads.
 * What a target begins with when it is relative is watched already.
 */
static void watch_link(const struct pathwatch *paths, char *link, int *links)
{
	char target[PATH_MAX], next[2 * PATH_MAX], *slash = strrchr(link, '/');
	size_t from = 0;
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n <= 0 || *links >= LINKS_MAX)
		return;
	++*links;
	*slash = '\0';
	(void)watch(paths, *link ? link : "/", WATCH_GOING | WATCH_COMING);
	*slash = '/';
	/* turned before it was watched: where does it lead now? */
	n = readlink(link, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	if (*target != '/')
		from = (size_t)(slash - link);
	snprintf(next, sizeof(next), "%.*s%s%s", (int)from, link,
		 *target == '/' ? "" : "/", target);
	(void)watch_path(paths, next, from, links);
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

/* The next step of a path; false: it is not there. */
static bool watch_step(const struct pathwatch *paths, char *part, bool is_last,
		       int *links)
{
	watch_link(paths, part, links);

	return watch(paths, part, WATCH_GOING) ||
	       (is_last && watch(paths, part, WATCH_FILE));
}

/* Watches the path from the top down, as far as it exists; how far that is. */
static size_t watch_path(const struct pathwatch *paths, const char *path,
			 size_t from, int *links)
{
	char part[PATH_MAX];
	size_t length = strlen(path), deepest = from ? from : 1;

	if (length >= sizeof(part))
		return 0;
	memcpy(part, path, length + 1);
	if (!from)
		(void)watch(paths, "/", WATCH_GOING);
	for (size_t i = from + 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		part[i] = '\0';
		if (!watch_step(paths, part, i == length, links)) {
			part[deepest] = '\0';
			(void)watch(paths, part, WATCH_GOING | WATCH_COMING);
			part[deepest] = path[deepest];
			/* it may have come before that was watched */
			if (!watch_step(paths, part, i == length, links))
				break;
		}
		deepest = i;
		part[i] = path[i];
	}

	return deepest;
}

void pathwatch_add(struct pathwatch *paths, const char *path)
{
	int links = 0;

	paths->last_deepest =
		watch_path(paths, path, watched_part(paths, path), &links);
	snprintf(paths->last, sizeof(paths->last), "%s", path);
}

void pathwatch_children(const struct pathwatch *paths, const char *path)
{
	(void)watch(paths, path, WATCH_GOING | WATCH_COMING);
}
