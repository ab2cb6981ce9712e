/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths as the command line gives them, made absolute. */
#ifndef SPLITD_PATH_H
#define SPLITD_PATH_H

/*
 * An absolute path, relative ones taken from the working directory, without
 * ".", ".." and double slashes. By text only: the file need not exist. free().
 */
int path_resolve(const char *path, char **ret_path);

/* DIR/NAME, or NAME when dir is empty; free(). */
int path_join(const char *dir, const char *name, char **ret_path);

/*
 * Where the cgroup2 hierarchy is mounted, from the mountinfo file (NULL:
 * /proc/self/mountinfo): the first mount of the hierarchy's own root. -ENOENT
 * when there is none. free().
 */
int path_cgroup2_mount(const char *mountinfo, char **ret_path);

#endif
