/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths as the command line gives them, made absolute. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/util/cleanup.h"
#include "loader/util/path.h"

int path_join(const char *dir, const char *name, char **ret_path)
{
	size_t len = strlen(dir);
	bool slash = len > 0 && dir[len - 1] != '/';
	char *path;

	if (asprintf(&path, "%s%s%s", dir, slash ? "/" : "", name) < 0)
		return -ENOMEM;
	*ret_path = path;
	return 0;
}

/* Appends one component to the normalised path that ends at *end. */
static char *push(char *start, char *end, const char *name, size_t len)
{
	if (len == 0 || (len == 1 && name[0] == '.'))
		return end;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		while (end > start && *--end != '/')
			;
		return end;
	}

	*end++ = '/';
	memmove(end, name, len);
	return end + len;
}

/* In place: what is written never overtakes what is read. */
static void normalise(char *path)
{
	char *in = path, *out = path;

	while (*in) {
		size_t len;

		in += strspn(in, "/");
		len = strcspn(in, "/");
		out = push(path, out, in, len);
		in += len;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

int path_resolve(const char *path, char **ret_path)
{
	_cleanup_free_ char *cwd = NULL;
	char *resolved;
	int r;

	if (!*path)
		return -EINVAL;
	if (*path != '/') {
		cwd = getcwd(NULL, 0);
		if (!cwd)
			return -errno;
	}

	r = path_join(cwd ? cwd : "", path, &resolved);
	if (r < 0)
		return r;
	normalise(resolved);
	*ret_path = resolved;
	return 0;
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape_octal(char *text)
{
	char *out = text;

	for (char *in = text; *in; out++) {
		if (in[0] == '\\' && in[1] && in[2] && in[3]) {
			*out = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 |
				      (in[3] - '0'));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

/* "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw": is it one of ours? */
static bool parse_mount(char *line, char **ret_mount)
{
	char *type = strstr(line, " - cgroup2 ");
	char *save, *field[5];

	if (!type)
		return false;
	for (int i = 0; i < 5; i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!field[i])
			return false;
	}
	if (strcmp(field[3], "/"))
		return false;

	unescape_octal(field[4]);
	*ret_mount = field[4];
	return true;
}

int path_cgroup2_mount(const char *mountinfo, char **ret_path)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	size_t size = 0;

	f = fopen(mountinfo ? mountinfo : "/proc/self/mountinfo", "re");
	if (!f)
		return -errno;

	while (getline(&line, &size, f) > 0) {
		char *mount, *copy;

		if (!parse_mount(line, &mount))
			continue;
		copy = strdup(mount);
		if (!copy)
			return -ENOMEM;
		*ret_path = copy;
		return 0;
	}
	return -ENOENT;
}
