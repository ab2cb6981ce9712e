/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths, watched for whatever changes what they lead to. */
#ifndef SPLITD_PATHWATCH_H
#define SPLITD_PATHWATCH_H

#include <limits.h>
#include <stddef.h>

struct pathwatch {
	int inotify; /* readable when something changed */
	/* the path watched last in this look, and as far as it exists */
	char last[PATH_MAX];
	size_t last_deepest;
};

/* 0 or a negative errno. The owner closes the descriptor. */
int pathwatch_open(struct pathwatch *paths);

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
void pathwatch_children(const struct pathwatch *paths, const char *path);

#endif
