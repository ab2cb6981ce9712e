/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths, watched for whatever changes what they lead to. */
#ifndef SPLITD_PATHWATCH_H
#define SPLITD_PATHWATCH_H

#include <limits.h>
#include <stddef.h>

struct watch_list {
	int *watches;
	size_t n, room;
};

/* Zero-initialise. */
struct pathwatch {
	int inotify; /* readable when something changed */
	/* the path watched last in this look, and as far as it exists */
	char last[PATH_MAX];
	size_t last_deepest;
	/* of this look, and of the one before */
	struct watch_list now, before;
};

/* 0 or a negative errno. */
int pathwatch_open(struct pathwatch *paths);
void pathwatch_close(struct pathwatch *paths);

/*
 * A look at many paths begins. What two of them have in common is watched once
 * in a look, and anew in the next.
 */
void pathwatch_begin(struct pathwatch *paths);

/*
 * Watches a path from the top down, links on the way as well, as many as the
 * kernel would follow. Where a watch is set, it is set before the look.
 */
void pathwatch_add(struct pathwatch *paths, const char *path);

/* Watches a directory for what comes and goes in it. */
void pathwatch_children(struct pathwatch *paths, const char *path);

/*
 * The look was at all paths: what only earlier ones watched is let go, of which
 * the descriptor tells once. Without an end, nothing is let go.
 */
void pathwatch_end(struct pathwatch *paths);

#endif
