// SPDX-License-Identifier: GPL-2.0-or-later
/* The BPF objects and their maps. */
#include <bpf/libbpf.h>
#include <errno.h>

#include "bpf/abi.h"
#include "confine.skel.h"
#include "guard.skel.h"
#include "identity.skel.h"
#include "loader/kernel/programs.h"
#include "steer.skel.h"

static const struct {
	const char *name;
	bool memory;
} map_table[MAP_MAX] = {
	[MAP_CONFIG] = { "sp_config", false },
	[MAP_CLASS] = { "sp_class", false },
	[MAP_SET] = { "sp_set", false },
	[MAP_TUNNEL] = { "sp_tunnel", false },
	[MAP_PREFIX] = { "sp_prefix", false },
	[MAP_IFINDEX] = { "sp_ifindex", false },
	[MAP_ADDRESS] = { "sp_address", false },
	[MAP_EXE] = { "sp_exe", false },
	[MAP_CGROUP] = { "sp_cgroup", false },
	[MAP_CG_PATH] = { "sp_cg_path", false },
	[MAP_TASK] = { "sp_task", true },
	[MAP_SOCK] = { "sp_sock", true },
	[MAP_PEER] = { "sp_peer", true },
	[MAP_DROP] = { "sp_drop", false },
	[MAP_STAT] = { "sp_stat", false },
	[MAP_EVENT] = { "sp_event", false },
	[MAP_CLASS_NAME] = { "sp_class_name", true },
	[MAP_TUNNEL_NAME] = { "sp_tunnel_name", true },
};

const char *object_name(enum object_id id)
{
	static const char *const names[] = {
		[OBJECT_IDENTITY] = "identity",
		[OBJECT_STEER] = "steer",
		[OBJECT_GUARD] = "guard",
		[OBJECT_CONFINE] = "confine",
	};

	return names[id];
}

int programs_open(const struct sp_features *features, uint32_t log_level,
		  struct programs *programs)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_level = log_level);
	struct programs *p = programs;

	p->identity = identity__open_opts(&opts);
	p->steer = steer__open_opts(&opts);
	p->guard = guard__open_opts(&opts);
	if (!p->identity || !p->steer || !p->guard)
		return -errno;
	p->objects[OBJECT_IDENTITY] = p->identity->obj;
	p->objects[OBJECT_STEER] = p->steer->obj;
	p->objects[OBJECT_GUARD] = p->guard->obj;
	p->identity->rodata->sp_has = *features;
	p->steer->rodata->sp_has = *features;
	p->guard->rodata->sp_has = *features;
	if (!features->security_hooks)
		return 0;

	p->confine = confine__open_opts(&opts);
	if (!p->confine)
		return -errno;
	p->objects[OBJECT_CONFINE] = p->confine->obj;
	p->confine->rodata->sp_has = *features;

	return 0;
}

void programs_close(struct programs *programs)
{
	identity__destroy(programs->identity);
	steer__destroy(programs->steer);
	guard__destroy(programs->guard);
	confine__destroy(programs->confine);
	*programs = (struct programs){ 0 };
}

const char *map_name(enum map_id id)
{
	return map_table[id].name;
}

bool map_is_memory(enum map_id id)
{
	return map_table[id].memory;
}

/* Every map is in one of the objects that are always there. */
struct bpf_map *programs_map(const struct programs *programs, enum map_id id)
{
	struct bpf_map *map = NULL;

	for (int i = 0; i < OBJECT_CONFINE && !map; i++)
		map = bpf_object__find_map_by_name(programs->objects[i],
						   map_table[id].name);

	return map;
}

/* FNV-1a. */
uint32_t programs_layout(const struct programs *programs, bool memory)
{
	uint32_t hash = 2166136261u;

	for (int i = 0; i < MAP_MAX; i++) {
		const struct bpf_map *map =
			programs_map(programs, (enum map_id)i);
		uint32_t words[5];

		if (!map || map_table[i].memory != memory)
			continue;
		words[0] = bpf_map__type(map);
		words[1] = bpf_map__key_size(map);
		words[2] = bpf_map__value_size(map);
		words[3] = bpf_map__max_entries(map);
		words[4] = bpf_map__map_flags(map);
		for (size_t k = 0; k < sizeof(words); k++) {
			hash ^= ((const unsigned char *)words)[k];
			hash *= 16777619u;
		}
	}

	return hash;
}
