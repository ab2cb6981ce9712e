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

void pathwatch_close(struct pathwatch *paths)
{
	close(paths->inotify);
	free(paths->now.watches);
	free(paths->before.watches);
}

void pathwatch_begin(struct pathwatch *paths)
{
	paths->last_deepest = 0;
}

/* Without memory it is forgotten, and so stays. */
static void note(struct watch_list *list, int watch)
{
	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		int *grown = reallocarray(list->watches, room, sizeof(*grown));

		if (!grown)
			return;
		list->watches = grown;
		list->room = room;
	}
	list->watches[list->n++] = watch;
}

/* A mask on a directory that others of our selectors may watch as well. */
static bool watch(struct pathwatch *paths, const char *path, uint32_t mask)
{
	int wd = inotify_add_watch(paths->inotify, path, mask | IN_MASK_ADD);

	if (wd >= 0)
		note(&paths->now, wd);

	return wd >= 0;
}

#define LINKS_MAX 40 /* of one path, as in the kernel's walk */

static size_t watch_path(struct pathwatch *paths, const char *path, size_t from,
			 int *links);

/*
 * A link on the way may be turned: watches where it lies and where it leads.
 * What a target begins with when it is relative is watched already.
 */
static void watch_link(struct pathwatch *paths, char *link, int *links)
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
static bool watch_step(struct pathwatch *paths, char *part, bool is_last,
		       int *links)
{
	watch_link(paths, part, links);

	return watch(paths, part, WATCH_GOING) ||
	       (is_last && watch(paths, part, WATCH_FILE));
}

/* Watches the path from the top down, as far as it exists; how far that is. */
static size_t watch_path(struct pathwatch *paths, const char *path, size_t from,
			 int *links)
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

void pathwatch_children(struct pathwatch *paths, const char *path)
{
	(void)watch(paths, path, WATCH_GOING | WATCH_COMING);
}

static int compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* Sorted, each once. */
static void tidy(struct watch_list *list)
{
	size_t kept = 0;

	if (list->n)
		qsort(list->watches, list->n, sizeof(*list->watches), compare);
	for (size_t i = 0; i < list->n; i++)
		if (!kept || list->watches[kept - 1] != list->watches[i])
			list->watches[kept++] = list->watches[i];
	list->n = kept;
}

/*
 * A directory that was moved away would be watched for ever, and so would a
 * cgroup that was removed: its inode stays for as long as it is watched.
 */
void pathwatch_end(struct pathwatch *paths)
{
	struct watch_list spare = paths->before;
	size_t k = 0;

	tidy(&paths->now);
	for (size_t i = 0; i < spare.n; i++) {
		while (k < paths->now.n &&
		       paths->now.watches[k] < spare.watches[i])
			k++;
		if (k == paths->now.n ||
		    paths->now.watches[k] != spare.watches[i])
			(void)inotify_rm_watch(paths->inotify,
					       spare.watches[i]);
	}
	paths->before = paths->now;
	spare.n = 0;
	paths->now = spare;
}
