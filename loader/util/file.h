/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files read with a limit and written so that a crash leaves old or new. */
#ifndef SPLITD_FILE_H
#define SPLITD_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads from fd to its end. -EFBIG when there is more than max bytes. The
 * result has a NUL behind its last byte; free() it.
 */
int file_read_fd(int fd, size_t max, void **ret_bytes, size_t *ret_len);

/* The same for a file of our own, name relative to dirfd; no symlinks. */
int file_read_at(int dirfd, const char *name, size_t max, void **ret_bytes,
		 size_t *ret_len);

/*
 * Replaces name in the directory: written beside it, synced, renamed, and the
 * directory synced. On failure the old file is untouched.
 */
int file_replace_at(int dirfd, const char *name, const void *bytes, size_t len,
		    mode_t mode);

/*
 * The same, but for the directory, whose sync is left to the caller: until then
 * a crash leaves the old file or the new one, whole.
 */
int file_put_at(int dirfd, const char *name, const void *bytes, size_t len,
		mode_t mode);

/* Writes everything, resuming after signals and short writes. */
int file_write_all(int fd, const void *bytes, size_t len);

/*
 * Makes a directory with its parents; one that exists is fine. Returns an
 * O_RDONLY descriptor of it in *ret_fd unless that is NULL.
 */
int dir_make(const char *path, mode_t mode, int *ret_fd);

#endif
