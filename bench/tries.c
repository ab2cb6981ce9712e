// SPDX-License-Identifier: GPL-2.0-or-later
/* What finding an address's verdict costs, by the trie and by other ways. */

/*
 *	tries OBJECT DIR USAGE ROUNDS WAY...	fills the maps of OBJECT from
 *			the files in DIR that are called as they are, and has
 *			the kernel run the programs of the ways by turns
 *
 * A file is a struct content, all its keys and all its values. Prints
 * "fill MAP ENTRIES SINGLE_NS BATCH_NS BYTES", ns of CPU for an entry written
 * by itself and in a batch, bytes by how much the number in the file USAGE (our
 * memory cgroup's) grew and what the kernel says the empty map has; and
 * "ask ROUND WHERE WAY NS", of one lookup. That all ways but the first give the
 * same answers is checked before.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench/tries.h"
#include "bench/usage.h"

#define REPEAT 1250 /* runs of a program: 20,000 lookups */
#define CHUNK  4096 /* entries, by turns one a call and all in one call */

struct content {
	uint32_t n;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t pad;
	char keys[];
};

static const struct {
	const char *name;
	uint32_t mask; /* of the addresses, every other one is in a prefix */
} WHERE[] = { { "hot", 0 }, { "some", 1023 }, { "roam", ADDRESSES - 1 } };

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "tries: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long usage_must(const char *path)
{
	long bytes = usage_read(path);

	if (bytes < 0)
		die(path);
	return bytes;
}

/* NULL: there is none. It stays mapped. */
static const struct content *content_open(const char *directory,
					  const char *name)
{
	char path[256];
	void *all;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	all = mmap(NULL, (size_t)lseek(fd, 0, SEEK_END), PROT_READ,
		   MAP_SHARED | MAP_POPULATE, fd, 0);
	if (all == MAP_FAILED)
		die(path);
	close(fd);
	return all;
}

/* Writes a half by single calls. ret_ns: ns of CPU an entry, single, batch */
static void content_write(const struct content *content, int map,
			  double ret_ns[2])
{
	const char *keys = content->keys;
	const char *values = keys + (size_t)content->n * content->key_size;
	uint32_t chunk = content->n < 16 * CHUNK ? content->n / 16 + 1 : CHUNK;
	uint64_t ns[2] = { 0, 0 }, count[2] = { 0, 0 };
	bool batch = false;

	for (uint32_t i = 0; i < content->n; batch = !batch) {
		uint32_t n = content->n - i < chunk ? content->n - i : chunk;
		uint32_t single = batch ? 0 : n, end = i + n;
		uint64_t begun = cpu_ns();

		for (uint32_t j = i; j < i + single; j++)
			if (bpf_map_update_elem(
				    map, keys + (size_t)j * content->key_size,
				    values + (size_t)j * content->value_size,
				    BPF_ANY))
				die("update");
		if (batch &&
		    bpf_map_update_batch(
			    map, keys + (size_t)i * content->key_size,
			    values + (size_t)i * content->value_size, &n, NULL))
			die("batch");
		ns[batch] += cpu_ns() - begun;
		count[batch] += end - i;
		i = end;
	}
	for (int i = 0; i < 2; i++)
		ret_ns[i] = count[i] ? (double)ns[i] / (double)count[i] : 0;
}

/* The map in the set's place of a map of maps, or the map itself */
static int map_for(const struct bpf_map *map, const struct content *content)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP);
	uint32_t set = SET;
	int inner;

	if (bpf_map__type(map) != BPF_MAP_TYPE_ARRAY_OF_MAPS)
		return bpf_map__fd(map);
	inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "inner", content->key_size,
			       content->value_size, content->n, &opts);
	if (inner < 0 ||
	    bpf_map_update_elem(bpf_map__fd(map), &set, &inner, BPF_ANY))
		die("inner");
	return inner;
}

static struct bpf_object *object_fill(const char *path, const char *directory,
				      const char *usage)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	const struct content *content;
	struct bpf_map *map;

	if (!object)
		die(path);
	bpf_object__for_each_map(map, object)
	{
		content = content_open(directory, bpf_map__name(map));
		if (content && bpf_map__type(map) == BPF_MAP_TYPE_HASH)
			bpf_map__set_max_entries(map, content->n + 1);
	}
	if (bpf_object__load(object))
		die(path);
	bpf_object__for_each_map(map, object)
	{
		long before = usage_must(usage);
		double ns[2];
		long fixed;
		int fd;

		content = content_open(directory, bpf_map__name(map));
		if (!content)
			continue;
		fd = map_for(map, content);
		fixed = fd == bpf_map__fd(map) ? usage_map(fd) : 0;
		content_write(content, fd, ns);
		printf("fill %s %u %.1f %.1f %ld\n", bpf_map__name(map),
		       content->n, ns[0], ns[1],
		       fixed + usage_must(usage) - before);
	}
	return object;
}

/* ns of one lookup */
static double ask(const struct bpf_object *object, const char *way,
		  struct tries_state *state, uint32_t cursor, uint32_t mask)
{
	char packet[64] = { 0 }, name[32];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet,
		    .data_size_in = sizeof(packet), .repeat = REPEAT);
	struct bpf_program *program;

	snprintf(name, sizeof(name), "look_%s", way);
	program = bpf_object__find_program_by_name(object, name);
	state->cursor = cursor;
	state->mask = mask;
	state->sum = 0;
	if (!program || bpf_prog_test_run_opts(bpf_program__fd(program), &run))
		die(way);
	return (double)run.duration / LOOKUPS;
}

static void answers_check(const struct bpf_object *object,
			  struct tries_state *state, char **ways)
{
	uint64_t wanted;

	for (uint32_t at = 0; at < ADDRESSES; at += REPEAT * LOOKUPS) {
		ask(object, ways[0], state, at, ADDRESSES - 1);
		wanted = state->sum;
		for (char **way = ways + 1; *way; way++) {
			ask(object, *way, state, at, ADDRESSES - 1);
			errno = EPROTO;
			if (!wanted || state->sum != wanted)
				die(*way);
		}
	}
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct tries_state *state;
	int n_ways = argc - 5;

	if (n_ways < 2)
		return 2;
	object = object_fill(argv[1], argv[2], argv[3]);
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED,
		     bpf_object__find_map_fd_by_name(object, ".bss"), 0);
	if (state == MAP_FAILED)
		die("state");
	answers_check(object, state, argv + 6);
	for (int round = 0; round < atoi(argv[4]); round++)
		for (int i = 0; i < 3 * n_ways; i++) {
			const char *way = argv[5 + (i + round) % n_ways];

			printf("ask %d %s %s %.2f\n", round,
			       WHERE[i / n_ways].name, way,
			       ask(object, way, state,
				   (uint32_t)round * REPEAT * LOOKUPS,
				   WHERE[i / n_ways].mask));
		}
	return 0;
}
