/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitd's links, as root has them in hand: by their pins. */

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

/* Every cgroup link; up to the first negative answer. */
int link_pins(const struct life *life,
	      int (*fn)(void *ctx, const char *name, int fd), void *ctx)
{
	char path[2 * LAB_PATH + 300];
	struct dirent *entry;
	int r = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/links", life->lab->bpffs);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (r >= 0 && (entry = readdir(dir))) {
		_cleanup_close_ int fd = -1;
		struct bpf_link_info info = { 0 };
		uint32_t size = sizeof(info);

		snprintf(path, sizeof(path), "%s/links/%s", life->lab->bpffs,
			 entry->d_name);
		fd = entry->d_name[0] == '.' ? -1 : bpf_obj_get(path);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) >= 0 &&
		    info.type == BPF_LINK_TYPE_CGROUP)
			r = fn(ctx, entry->d_name, fd);
	}
	closedir(dir);
	return r;
}

int link_program(int link)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(link, &info, &size) < 0)
		return -errno;
	return bpf_prog_get_fd_by_id(info.prog_id);
}

/* How many programs the governed cgroup has. */
unsigned programs_on(const struct life *life)
{
	_cleanup_close_ int fd =
		open(life->lab->governed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned programs = 0;

	for (int at = 0; fd >= 0 && at < __MAX_BPF_ATTACH_TYPE; at++) {
		uint32_t ids[64], n = 64, flags;

		if (bpf_prog_query(fd, at, 0, &flags, ids, &n) >= 0)
			programs += n;
	}
	return programs;
}

/*
 * splitd may be faster than we: what it pinned afresh has its name by the time
 * we take it away, and a directory is not empty.
 */
static int remove_any(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT && errno != ENOTEMPTY ? -1 :
									   0;
}

int pins_remove(const struct life *life, const char *below)
{
	char path[LAB_PATH + 16];

	snprintf(path, sizeof(path), "%s%s", life->lab->bpffs, below);
	return nftw(path, remove_any, 8, FTW_DEPTH | FTW_PHYS) < 0 ? -errno : 0;
}

unsigned pins_count(const struct life *life, const char *below)
{
	char path[LAB_PATH + 16];
	struct dirent *entry;
	unsigned pins = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s%s", life->lab->bpffs, below);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		pins += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return pins;
}

int pins_wait(struct life *life, const char *below, unsigned pins,
	      int deadline_ms)
{
	int64_t end = now_ms() + deadline_ms;
	unsigned there;

	while ((there = pins_count(life, below)) != pins) {
		if (now_ms() > end)
			return life_no(life, "%u pins of %u are back", there,
				       pins);
		poll(NULL, 0, 1);
	}
	return 0;
}
