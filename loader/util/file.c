/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files read with a limit and written so that a crash leaves old or new. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/util/cleanup.h"
#include "loader/util/file.h"

/* Room for size bytes and a NUL; doubles. */
static int grow(char **bytes, size_t *capacity, size_t max)
{
	size_t want = *capacity ? *capacity * 2 : 16384;
	char *grown;

	if (want > max + 1)
		want = max + 1;
	grown = realloc(*bytes, want + 1);
	if (!grown)
		return -ENOMEM;

	*bytes = grown;
	*capacity = want;
	return 0;
}

int file_read_fd(int fd, size_t max, void **ret_bytes, size_t *ret_len)
{
	_cleanup_free_ char *bytes = NULL;
	size_t capacity = 0, len = 0;

	for (;;) {
		ssize_t n;

		if (len == capacity) {
			int r = grow(&bytes, &capacity, max);

			if (r < 0)
				return r;
		}
		n = read(fd, bytes + len, capacity - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
	}

	bytes[len] = '\0';
	*ret_bytes = TAKE_PTR(bytes);
	*ret_len = len;
	return 0;
}

int file_read_at(int dirfd, const char *name, size_t max, void **ret_bytes,
		 size_t *ret_len)
{
	_cleanup_close_ int fd = -1;

	fd = openat(dirfd, name,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	return file_read_fd(fd, max, ret_bytes, ret_len);
}

int file_write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_new(int dirfd, const char *name, const void *bytes, size_t len,
		     mode_t mode)
{
	_cleanup_close_ int fd = -1;
	int r;

	fd = openat(dirfd, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;

	r = file_write_all(fd, bytes, len);
	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

int file_put_at(int dirfd, const char *name, const void *bytes, size_t len,
		mode_t mode)
{
	/*
	 * One writer per directory (the lock), so a fixed name is ours; made of
	 * the file's own, it would be too long where that is very long.
	 */
	static const char temporary[] = ".new";
	int r;

	unlinkat(dirfd, temporary, 0);

	r = write_new(dirfd, temporary, bytes, len, mode);
	if (r == 0 && renameat(dirfd, temporary, dirfd, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dirfd, temporary, 0);
	return r;
}

int file_replace_at(int dirfd, const char *name, const void *bytes, size_t len,
		    mode_t mode)
{
	int r = file_put_at(dirfd, name, bytes, len, mode);

	if (r < 0)
		return r;
	return fsync(dirfd) < 0 ? -errno : 0;
}

static int make_parents(char *path, mode_t mode)
{
	char *slash = path;

	while ((slash = strchr(slash + 1, '/'))) {
		int r;

		*slash = '\0';
		r = mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
		*slash = '/';
		if (r < 0 && r != -EROFS)
			return r;
	}
	return 0;
}

int dir_make(const char *path, mode_t mode, int *ret_fd)
{
	_cleanup_free_ char *copy = strdup(path);
	int r, fd;

	if (!copy)
		return -ENOMEM;
	r = make_parents(copy, 0755);
	if (r < 0)
		return r;
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return -errno;
	if (!ret_fd)
		return 0;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}
