/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What splitd has in the kernel, as text that can be compared. */

/*
 * More than snapshot.c looks at: the names of all pins, the programs of the
 * governed cgroup in their order, and what the policy's maps hold. Two starts
 * with the same files must come to the same text, whatever was before.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <ftw.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define SAME_MS	  5000
#define VALUE_MAX 4096

/* The others count, cache, or remember who was there. */
static const char *const maps[] = {
	"sp_class",   "sp_set",	       "sp_tunnel",	 "sp_prefix",
	"sp_ifindex", "sp_address",    "sp_exe",	 "sp_cgroup",
	"sp_cg_path", "sp_class_name", "sp_tunnel_name",
};

static void bytes_write(FILE *out, const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%02x", bytes[i]);
}

static bool is_zero(const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Every entry; of arrays, those that were written. */
static void map_write(FILE *out, const char *path, const char *name)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	unsigned char key[512], next[512], value[VALUE_MAX];
	void *last = NULL;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0 ||
	    info.key_size > sizeof(key) || info.value_size > sizeof(value))
		return;
	while (bpf_map_get_next_key(fd, last, next) == 0) {
		memcpy(key, next, info.key_size);
		last = key;
		if (bpf_map_lookup_elem(fd, key, value) < 0 ||
		    is_zero(value, info.value_size))
			continue;
		fprintf(out, "%s: ", name);
		bytes_write(out, key, info.key_size);
		fputs(" = ", out);
		bytes_write(out, value, info.value_size);
		fputc('\n', out);
	}
}

/* For nftw(), which takes no context: one walk at a time. */
static FILE *pins_out;

static int pin_one(const char *path, const struct stat *st, int type,
		   struct FTW *ftw)
{
	const char *name = path + ftw->base;

	(void)st;
	fprintf(pins_out, "pin %s\n", path);
	for (size_t i = 0; type == FTW_F && i < sizeof(maps) / sizeof(*maps);
	     i++)
		if (strcmp(name, maps[i]) == 0)
			map_write(pins_out, path, name);
	return 0;
}

static void programs_write(FILE *out, const char *cgroup)
{
	_cleanup_close_ int fd =
		open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int at = 0; fd >= 0 && at < __MAX_BPF_ATTACH_TYPE; at++) {
		uint32_t ids[64], n = 64, flags;

		if (bpf_prog_query(fd, at, 0, &flags, ids, &n) < 0)
			continue;
		for (uint32_t i = 0; i < n; i++) {
			_cleanup_close_ int prog =
				bpf_prog_get_fd_by_id(ids[i]);
			struct bpf_prog_info info = { 0 };
			uint32_t size = sizeof(info);

			if (prog >= 0 &&
			    bpf_obj_get_info_by_fd(prog, &info, &size) >= 0)
				fprintf(out, "cgroup: type %d: %u: %s\n", at, i,
					info.name);
		}
	}
}

/*
 * Another start, another program id, and of another length it may be: the line
 * of the door is cut off behind its name.
 */
static void ids_cut(char *text)
{
	static const char door[] = "sp_door";

	for (char *p = text; (p = strstr(p, door));) {
		char *rest;

		p += sizeof(door) - 1;
		rest = p + strcspn(p, "\n");
		memmove(p, rest, strlen(rest) + 1);
	}
}

char *look_take(const struct life *life)
{
	_cleanup_free_ char *host = snapshot_take(life->lab);
	char *text = NULL;
	size_t size;
	FILE *out = host ? open_memstream(&text, &size) : NULL;

	if (!out)
		return NULL;
	ids_cut(host);
	fputs(host, out);
	pins_out = out;
	nftw(life->lab->bpffs, pin_one, 8, FTW_PHYS);
	programs_write(out, life->lab->cgroup);
	fclose(out);
	return text;
}

int look_same(struct life *life, const char *before, const char *when)
{
	int64_t end = now_ms() + SAME_MS;

	for (;;) {
		_cleanup_free_ char *after = look_take(life);
		bool last = now_ms() > end;
		unsigned lines;

		if (!before || !after)
			return life_no(life, "out of memory");
		lines = snapshot_compare(before, after, last);
		if (!lines)
			return 0;
		if (last)
			return life_no(life, "%s: %u lines differ", when,
				       lines);
	}
}

int log_wait(struct life *life, const char *words, unsigned before,
	     int deadline_ms)
{
	int64_t end = now_ms() + deadline_ms;

	while (log_count(life, words) <= before) {
		if (now_ms() > end)
			return life_no(life, "the log does not say '%s'",
				       words);
		poll(NULL, 0, 1);
	}
	return 0;
}
