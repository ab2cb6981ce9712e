/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF objects of this run: which exist, and what a run of each costs. */

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

#define MAX_OBJECTS 4096

/* Ours by name: kernel-visible names of splitd begin so. */
static bool is_ours(const char *name)
{
	return strncmp(name, "sp_", 3) == 0;
}

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

void stats_print(void)
{
	struct bpf_prog_info info;
	__u32 id = 0;

	for (unsigned i = 0; i < MAX_OBJECTS; i++) {
		if (bpf_prog_get_next_id(id, &id) < 0)
			return;
		if (prog_info(id, &info) < 0 || !is_ours(info.name) ||
		    !info.run_cnt)
			continue;
		printf("%-16s %8llu runs %6llu ns a run\n", info.name,
		       (unsigned long long)info.run_cnt,
		       (unsigned long long)(info.run_time_ns / info.run_cnt));
	}
}

/*
 * One line for every program of ours that exists, by id: two instances on one
 * machine do not take each other's for left-overs, because those of the other
 * exist before, too, or go away later.
 */
void bpf_objects_write(FILE *out)
{
	struct bpf_prog_info info;
	__u32 id = 0;

	for (unsigned i = 0; i < MAX_OBJECTS; i++) {
		if (bpf_prog_get_next_id(id, &id) < 0)
			return;
		if (prog_info(id, &info) == 0 && is_ours(info.name))
			fprintf(out, "bpf program %u %s\n", id, info.name);
	}
}
