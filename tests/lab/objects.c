/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF objects of this instance: what a run costs, and are they gone? */

/*
 * Which programs and maps belong to the instance under test is told by its
 * pins, not by names: other instances may live on the same machine.
 */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/abi.h"
#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

#define FREE_DEADLINE_MS 5000

/* Run-time statistics for as long as the descriptor is open (5.8). */
int stats_enable(void)
{
	return bpf_enable_stats(BPF_STATS_RUN_TIME);
}

static int prog_info(__u32 id, struct bpf_prog_info *ret_info)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	__u32 len = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	if (fd < 0)
		return -errno;
	return bpf_obj_get_info_by_fd(fd, ret_info, &len);
}

/* Of the program behind a pinned link, or 0. */
static __u32 link_prog(const char *path)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return 0;
	return info.prog_id;
}

/* Calls visit() with the name and program of every pinned link. */
static void links_visit(const struct lab *lab,
			void (*visit)(void *ctx, const char *name, __u32 id),
			void *ctx)
{
	char path[2 * LAB_PATH + 300];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/links", lab->bpffs);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		__u32 id;

		snprintf(path, sizeof(path), "%s/links/%s", lab->bpffs,
			 entry->d_name);
		id = entry->d_name[0] == '.' ? 0 : link_prog(path);
		if (id)
			visit(ctx, entry->d_name, id);
	}
	if (dir)
		closedir(dir);
}

static void prog_print(void *ctx, const char *name, __u32 id)
{
	struct bpf_prog_info info;

	(void)ctx;
	if (prog_info(id, &info) < 0 || !info.run_cnt)
		return;
	printf("%-16s %9llu runs %6llu ns a run\n", name,
	       (unsigned long long)info.run_cnt,
	       (unsigned long long)(info.run_time_ns / info.run_cnt));
}

void stats_print(const struct lab *lab)
{
	links_visit(lab, prog_print, NULL);
}

static void prog_note(void *ctx, const char *name, __u32 id)
{
	struct objects *objects = ctx;

	(void)name;
	if (objects->n < MAX_OBJECTS)
		objects->progs[objects->n++] = id;
}

/* Remembers the programs of the instance, to look for them afterwards. */
void objects_note(const struct lab *lab, struct objects *ret_objects)
{
	ret_objects->n = 0;
	links_visit(lab, prog_note, ret_objects);
}

static unsigned objects_alive(const struct objects *objects, bool print)
{
	struct bpf_prog_info info;
	unsigned alive = 0;

	for (unsigned i = 0; i < objects->n; i++) {
		if (prog_info(objects->progs[i], &info) < 0)
			continue;
		alive++;
		if (print)
			printf("purge: left behind: program %s\n", info.name);
	}
	return alive;
}

/* How many of them are still there; the kernel frees them a little later. */
unsigned objects_left(const struct objects *objects)
{
	int64_t end = now_ms() + FREE_DEADLINE_MS;

	while (objects_alive(objects, false))
		if (now_ms() >= end)
			return objects_alive(objects, true);
	return 0;
}

/* The directory's name has a version in it. */
int map_open(const char *bpffs, const char *name, int *ret_fd)
{
	char pattern[LAB_PATH + 32];
	glob_t found;
	int fd = -1;

	snprintf(pattern, sizeof(pattern), "%s/%s", bpffs, name);
	if (glob(pattern, 0, NULL, &found) != 0)
		return -ENOENT;
	if (found.gl_pathc == 1)
		fd = bpf_obj_get(found.gl_pathv[0]);
	globfree(&found);
	if (fd < 0)
		return -ENOENT;
	*ret_fd = fd;
	return 0;
}

/* Whatever the instance refused or dropped so far; negative: it has no map. */
int64_t drops_count(const char *bpffs)
{
	struct sp_drop_key key, *at = NULL;
	_cleanup_close_ int fd = -1;
	int64_t sum = 0;
	uint64_t count;

	if (map_open(bpffs, "abi-*/sp_drop", &fd) < 0)
		return -ENOENT;
	for (; bpf_map_get_next_key(fd, at, &key) == 0; at = &key)
		if (bpf_map_lookup_elem(fd, &key, &count) == 0)
			sum += (int64_t)count;
	return sum;
}
