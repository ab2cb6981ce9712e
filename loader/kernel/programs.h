/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF objects and their maps: for attach.c and measure.c only. */
#ifndef SPLITD_PROGRAMS_H
#define SPLITD_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "loader/kernel/attach.h"

struct bpf_map;
struct bpf_object;

enum object_id {
	OBJECT_IDENTITY,
	OBJECT_STEER,
	OBJECT_GUARD,
	OBJECT_CONFINE, /* only where the kernel runs security hooks */
	OBJECT_MAX,
};

struct programs {
	struct identity *identity;
	struct steer *steer;
	struct guard *guard;
	struct confine *confine;
	struct bpf_object *objects[OBJECT_MAX]; /* NULL: the kernel cannot */
};

/*
 * Opens what this kernel takes and tells it of the features; log_level is the
 * verifier's. Closed by programs_close() in any case.
 */
int programs_open(const struct sp_features *features, uint32_t log_level,
		  struct programs *programs);
void programs_close(struct programs *programs);

const char *object_name(enum object_id id);

const char *map_name(enum map_id id);
/* Does it outlive a change of the policy's maps? */
bool map_is_memory(enum map_id id);
struct bpf_map *programs_map(const struct programs *programs, enum map_id id);

/* A hash of what the kernel compares when a pinned map is used again. */
uint32_t programs_layout(const struct programs *programs, bool memory);

#endif
