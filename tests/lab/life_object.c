/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF objects of a daemon, by its open descriptors; what is attached. */

/*
 * A running splitd holds all its programs, maps and links open, and fdinfo says
 * their ids. So what is asked for after a purge is exactly this instance's,
 * whatever else is loaded on the machine.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define FREE_MS 10000 /* the kernel frees after grace periods */

static const struct {
	const char *format; /* in fdinfo */
	int (*open)(uint32_t id);
	const char *name;
} kinds[] = {
	{ "prog_id: %u", bpf_prog_get_fd_by_id, "program" },
	{ "map_id: %u", bpf_map_get_fd_by_id, "map" },
	{ "link_id: %u", bpf_link_get_fd_by_id, "link" },
};
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

static void held_add(struct held *held, unsigned kind, uint32_t id)
{
	for (unsigned i = 0; i < held->n; i++)
		if (held->kind[i] == kind && held->id[i] == id)
			return;
	if (held->n == MAX_HELD)
		return;
	held->kind[held->n] = kind;
	held->id[held->n++] = id;
}

static void fdinfo_read(struct held *held, const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[256];
	unsigned id;

	while (file && fgets(line, sizeof(line), file))
		for (unsigned kind = 0; kind < N_KINDS; kind++)
			if (sscanf(line, kinds[kind].format, &id) == 1)
				held_add(held, kind, id);
}

/* What the running daemon holds; adds to what held has already. */
int held_note(struct life *life, struct held *held)
{
	unsigned before = held->n;
	char path[64 + NAME_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", life->lab->daemon.pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s",
			 life->lab->daemon.pid, entry->d_name);
		fdinfo_read(held, path);
	}
	if (dir)
		closedir(dir);
	return held->n > before ? 0 : life_no(life, "splitd holds no object");
}

static const char *held_alive(const struct held *held, uint32_t *ret_id)
{
	for (unsigned i = 0; i < held->n; i++) {
		_cleanup_close_ int fd = kinds[held->kind[i]].open(held->id[i]);

		if (fd < 0)
			continue;
		*ret_id = held->id[i];
		return kinds[held->kind[i]].name;
	}
	return NULL;
}

/* None of them exists any more. */
int held_gone(struct life *life, const struct held *held)
{
	int64_t end = now_ms() + FREE_MS;
	const char *kind;
	uint32_t id = 0;

	while ((kind = held_alive(held, &id)))
		if (now_ms() > end)
			return life_no(life, "%s %u is left behind", kind, id);
	return 0;
}

void held_costs(const struct held *held)
{
	printf("%-16s %10s %10s\n", "program", "runs", "ns per run");
	for (unsigned i = 0; i < held->n; i++) {
		_cleanup_close_ int fd =
			held->kind[i] == 0 ?
				bpf_prog_get_fd_by_id(held->id[i]) :
				-1;
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
			continue;
		printf("%-16s %10llu %10llu\n", info.name,
		       (unsigned long long)info.run_cnt,
		       (unsigned long long)(info.run_cnt ?
						    info.run_time_ns /
							    info.run_cnt :
						    0));
	}
}

/* For nftw(), which takes no context: one walk at a time. */
static FILE *attached_out;

static int attached_one(const char *path, const struct stat *st, int type,
			struct FTW *ftw)
{
	_cleanup_close_ int fd = -1;

	(void)st;
	(void)ftw;
	if (type != FTW_D)
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int at = 0; fd >= 0 && at < __MAX_BPF_ATTACH_TYPE; at++) {
		uint32_t ids[64], n = 64, flags;

		if (bpf_prog_query(fd, at, 0, &flags, ids, &n) < 0)
			continue;
		for (uint32_t i = 0; i < n; i++)
			fprintf(attached_out, "%s: type %d: program %u\n", path,
				at, ids[i]);
	}
	return 0;
}

/* A line for every program on a cgroup of the run. */
void attached_write(const struct lab *lab, FILE *out)
{
	attached_out = out;
	nftw(lab->governed, attached_one, 8, FTW_PHYS);
}
