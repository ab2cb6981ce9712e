// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel programs: loading, adopting and attaching them. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/abi.h"
#include "guard.skel.h"
#include "identity.skel.h"
#include "loader/kernel/attach.h"
#include "loader/kernel/door.h"
#include "loader/kernel/pins.h"
#include "loader/kernel/programs.h"
#include "loader/util/cleanup.h"

/*
 * Pins, below the bpffs directory:
 *
 *   abi-VERSION-LAYOUT/MAP     the policy's maps; LAYOUT is a hash of their
 *                              definitions, so a changed one is another set
 *   memory-VERSION-LAYOUT/MAP  what outlives a change of the policy's maps:
 *                              sockets, peers, processes, names of numbers
 *   links/HOOK                 one a hook; independent of versions, because a
 *                              cgroup link takes a new program in place
 *
 * Programs are loaded afresh at every start and replace the old ones under
 * their links. The maps of another version stay in force until the new set is
 * filled and every link has moved to it.
 */

/*
 * The hooks in the order in which they come into force: see before acting. On
 * one cgroup, programs of one type run in the order of their links, so the
 * class is on the socket before steer looks.
 */
static const struct hook {
	const char *name; /* of the pin */
	const char *program;
	enum object_id object;
	bool cgroup; /* else a tracepoint or a security hook */
} hooks[] = {
	{ "exec", "sp_exec", OBJECT_IDENTITY, false },
	{ "fork", "sp_fork", OBJECT_IDENTITY, false },
	{ "exit", "sp_exit", OBJECT_IDENTITY, false },
	{ "cgroup_mkdir", "sp_cg_mkdir", OBJECT_IDENTITY, false },
	{ "cgroup_rmdir", "sp_cg_rmdir", OBJECT_IDENTITY, false },
	{ "cgroup_attach", "sp_cg_attach", OBJECT_IDENTITY, false },
	{ "class_create", "sp_cl_create", OBJECT_IDENTITY, true },
	{ "class_connect4", "sp_cl_connect4", OBJECT_IDENTITY, true },
	{ "class_connect6", "sp_cl_connect6", OBJECT_IDENTITY, true },
	{ "class_sendmsg4", "sp_cl_sendmsg4", OBJECT_IDENTITY, true },
	{ "class_sendmsg6", "sp_cl_sendmsg6", OBJECT_IDENTITY, true },
	{ "sockops", "sp_sockops", OBJECT_STEER, true },
	{ "ingress", "sp_ingress", OBJECT_GUARD, true },
	{ "sock_create", "sp_sock_create", OBJECT_STEER, true },
	{ "connect4", "sp_connect4", OBJECT_STEER, true },
	{ "connect6", "sp_connect6", OBJECT_STEER, true },
	{ "sendmsg4", "sp_sendmsg4", OBJECT_STEER, true },
	{ "sendmsg6", "sp_sendmsg6", OBJECT_STEER, true },
	{ "egress", "sp_egress", OBJECT_GUARD, true },
	{ "packet", "sp_packet", OBJECT_CONFINE, false },
	{ "tun", "sp_tun", OBJECT_CONFINE, false },
};

#define N_HOOKS (sizeof(hooks) / sizeof(hooks[0]))

struct attach {
	struct programs programs;
	struct bpf_link *links[N_HOOKS]; /* NULL: left out */
	struct bpf_link *tasks;
	struct pins pins;
	bool adopted;
	bool reclassed; /* a new class hook: steer must come behind it */
	char error[256];
};

static int fail(struct attach *attach, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct attach *attach, int r, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(attach->error, sizeof(attach->error), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(attach->error))
		snprintf(attach->error + n, sizeof(attach->error) - (size_t)n,
			 ": %s", strerror(-r));

	return r;
}

const char *attach_error(const struct attach *attach)
{
	return attach->error;
}

bool attach_adopted(const struct attach *attach)
{
	return attach->adopted;
}

bool attach_is_first(const struct attach *attach)
{
	return attach->pins.fresh;
}

int attach_map(const struct attach *attach, enum map_id id)
{
	const struct bpf_map *map = programs_map(&attach->programs, id);

	return map ? bpf_map__fd(map) : -ENOENT;
}

int attach_map_path(const struct attach *attach, enum map_id id,
		    char ret_path[PATH_MAX])
{
	int n = snprintf(ret_path, PATH_MAX, "%s/%s",
			 map_is_memory(id) ? attach->pins.memory :
					     attach->pins.abi,
			 map_name(id));

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* libbpf opens a pin of the same name, and pins what it had to create. */
static int set_pins(struct attach *attach, struct bpf_object *object)
{
	char path[PATH_MAX];

	for (int i = 0; i < MAP_MAX; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(
			object, map_name((enum map_id)i));
		int r;

		if (!map)
			continue;
		r = attach_map_path(attach, (enum map_id)i, path);
		if (!r)
			r = bpf_map__set_pin_path(map, path);
		if (r)
			return r;
	}

	return 0;
}

static int load_objects(struct attach *attach)
{
	struct bpf_object *const *objects = attach->programs.objects;
	int r;

	for (int i = 0; i < OBJECT_MAX && objects[i]; i++) {
		r = set_pins(attach, objects[i]);
		if (!r)
			r = bpf_object__load(objects[i]);
		if (r)
			return fail(attach, r, "cannot load program %s",
				    object_name((enum object_id)i));
	}

	return 0;
}

int attach_load(const char *bpffs, const struct sp_features *features,
		struct attach **ret_attach)
{
	struct attach *attach = calloc(1, sizeof(*attach));
	int r;

	if (!attach)
		return -ENOMEM;
	*ret_attach = attach;
	attach->pins.lock = -1;
	libbpf_set_print(NULL); /* our callers speak to people */
	r = programs_open(features, 0, &attach->programs);
	if (r)
		return fail(attach, r, "cannot open the kernel programs");
	r = pins_open(&attach->pins, bpffs,
		      programs_layout(&attach->programs, false),
		      programs_layout(&attach->programs, true),
		      &attach->adopted);
	if (r)
		return fail(attach, r, "cannot have %s", bpffs);

	return load_objects(attach);
}

void attach_free(struct attach *attach)
{
	if (!attach)
		return;
	attach_let_go(attach);
	bpf_link__destroy(attach->tasks);
	programs_close(&attach->programs);
	cleanup_close(&attach->pins.lock);
	free(attach);
}

/* ---- hooks ------------------------------------------------------------- */

static struct bpf_link_info link_info(int fd)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	/* all zero where the kernel says nothing */
	(void)bpf_obj_get_info_by_fd(fd, &info, &size);

	return info;
}

static bool is_alive(int fd, uint64_t cgroup_id)
{
	return link_info(fd).cgroup.cgroup_id == cgroup_id;
}

static uint32_t program_id(const struct attach *attach, const struct hook *hook)
{
	const struct bpf_program *program = bpf_object__find_program_by_name(
		attach->programs.objects[hook->object], hook->program);
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	(void)bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size);

	return info.id;
}

/*
 * A living link takes the new program in place, if it may: steer's must not
 * stay in front of a class hook made anew. A tracepoint's or a security hook's
 * cannot, but nobody can take it off either; if it runs our program it stays,
 * for the kernel does not take a security program twice (EBUSY).
 */
static bool keep_link(const struct attach *attach, const struct hook *hook,
		      struct bpf_link *link, struct bpf_program *program,
		      uint64_t cgroup_id)
{
	int fd = bpf_link__fd(link);

	if (!hook->cgroup)
		return link_info(fd).prog_id == program_id(attach, hook);
	return !(attach->reclassed && hook->object == OBJECT_STEER) &&
	       is_alive(fd, cgroup_id) &&
	       !bpf_link__update_program(link, program);
}

/* Over to the new program: in place, or the new link before the old goes. */
static int attach_hook(struct attach *attach, size_t i, int cgroup_fd,
		       uint64_t cgroup_id)
{
	const struct hook *hook = &hooks[i];
	struct bpf_program *program = bpf_object__find_program_by_name(
		attach->programs.objects[hook->object], hook->program);
	struct bpf_link *link;
	char path[PATH_MAX];
	int r;

	r = pins_link_path(&attach->pins, hook->name, path);
	if (r)
		return r;
	link = bpf_link__open(path);
	if (link && keep_link(attach, hook, link, program, cgroup_id)) {
		attach->links[i] = link;
		return 0;
	}
	bpf_link__destroy(link);
	link = hook->cgroup ? bpf_program__attach_cgroup(program, cgroup_fd) :
			      bpf_program__attach(program);
	if (!link)
		return -errno;
	r = pins_put(bpf_link__fd(link), path);
	if (r) {
		bpf_link__destroy(link);
		return r;
	}
	attach->links[i] = link;
	attach->reclassed |= hook->cgroup && hook->object == OBJECT_IDENTITY;

	return 0;
}

static bool is_hook(const char *name)
{
	for (size_t i = 0; i < N_HOOKS; i++)
		if (!strcmp(hooks[i].name, name))
			return true;

	return !strcmp(name, "door");
}

int attach_hooks(struct attach *attach, int cgroup_fd, uint64_t cgroup_id,
		 const char *without)
{
	char path[PATH_MAX];
	int r;

	if (without && !is_hook(without))
		return fail(attach, -EINVAL, "there is no hook %s", without);
	attach->reclassed = false;
	for (size_t i = 0; i < N_HOOKS; i++) {
		if (without && !strcmp(without, hooks[i].name)) {
			if (!pins_link_path(&attach->pins, without, path))
				(void)unlink(path);
			continue;
		}
		if (attach->links[i] ||
		    !attach->programs.objects[hooks[i].object])
			continue;
		r = attach_hook(attach, i, cgroup_fd, cgroup_id);
		if (r)
			return fail(attach, r, "cannot attach hook %s",
				    hooks[i].name);
	}
	if (!attach->tasks) {
		attach->tasks = bpf_program__attach_iter(
			attach->programs.identity->progs.sp_tasks, NULL);
		if (!attach->tasks)
			return fail(attach, -errno,
				    "cannot attach the task iterator");
	}

	return 0;
}

void attach_let_go(struct attach *attach)
{
	for (size_t i = 0; i < N_HOOKS; i++) {
		/* a pinned link stays: only the descriptor goes */
		bpf_link__destroy(attach->links[i]);
		attach->links[i] = NULL;
	}
}

bool attach_is_bare(const struct attach *attach)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < N_HOOKS; i++)
		if (!pins_link_path(&attach->pins, hooks[i].name, path) &&
		    !access(path, F_OK))
			return false;

	return true;
}

void attach_take_off(struct attach *attach)
{
	char path[PATH_MAX];

	for (size_t i = N_HOOKS; i-- > 0;)
		if (!pins_link_path(&attach->pins, hooks[i].name, path))
			(void)unlink(path);
	attach_let_go(attach);
	bpf_link__destroy(attach->tasks);
	attach->tasks = NULL;
}

bool attach_hook_at(const struct attach *attach, size_t i, uint64_t cgroup_id,
		    struct hook_seen *ret_hook)
{
	int fd;

	if (i >= N_HOOKS)
		return false;
	*ret_hook = (struct hook_seen){ .name = hooks[i].name, .link = -1 };
	if (!attach->links[i])
		return true;
	fd = ret_hook->link = bpf_link__fd(attach->links[i]);
	ret_hook->in_force = link_info(fd).prog_id ==
				     program_id(attach, &hooks[i]) &&
			     (!hooks[i].cgroup || is_alive(fd, cgroup_id));

	return true;
}

int attach_relock(struct attach *attach)
{
	return pins_relock(&attach->pins);
}

const struct pins *attach_pins(const struct attach *attach)
{
	return &attach->pins;
}

int attach_door_program(const struct attach *attach)
{
	return bpf_program__fd(attach->programs.guard->progs.sp_door);
}

const char *attach_missing(const struct attach *attach, uint64_t cgroup_id)
{
	struct hook_seen hook;
	char path[PATH_MAX];

	for (size_t i = 0; attach_hook_at(attach, i, cgroup_id, &hook); i++)
		if (attach->programs.objects[hooks[i].object] &&
		    (!hook.in_force ||
		     pins_link_path(&attach->pins, hook.name, path) ||
		     access(path, F_OK)))
			return hook.name;

	return NULL;
}

int attach_iterate_tasks(const struct attach *attach, int *ret_fd)
{
	int fd;

	if (!attach->tasks)
		return -ENODATA;
	fd = bpf_iter_create(bpf_link__fd(attach->tasks));
	if (fd < 0)
		return -errno;
	*ret_fd = fd;

	return 0;
}

int attach_iterate_sockets(const struct attach *attach, int *ret_fd)
{
	union bpf_iter_link_info info = {
		.map.map_fd = (__u32)attach_map(attach, MAP_SOCK),
	};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info,
		    .link_info_len = sizeof(info));
	struct bpf_link *link = bpf_program__attach_iter(
		attach->programs.identity->progs.sp_sockets, &opts);
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	int r = fd < 0 ? -errno : 0;

	bpf_link__destroy(link);
	*ret_fd = fd;

	return r;
}

int attach_drop_old(const struct attach *attach)
{
	return pins_drop_others(&attach->pins);
}

/* ---- the door ---------------------------------------------------------- */

int attach_door(const struct attach *attach, unsigned int ifindex)
{
	return door_attach(&attach->pins, attach_door_program(attach), ifindex);
}

void attach_door_remove(const struct attach *attach, unsigned int ifindex)
{
	door_remove(&attach->pins, ifindex);
}

/*
 * The kernel takes a link down some time after its last handle is gone, ours or
 * anybody's; those of a cgroup can be told to go now (73b11c2ab072, 5.9). What
 * refuses goes before what steers: in between nothing is refused for not being
 * steered.
 */
static void detach_hooks(const char *bpffs)
{
	struct pins pins = { .lock = -1 };
	char path[PATH_MAX];

	if (strlen(bpffs) >= sizeof(pins.root))
		return;
	strcpy(pins.root, bpffs);
	for (size_t i = N_HOOKS; i-- > 0;) {
		_cleanup_close_ int fd = -1;

		if (hooks[i].cgroup &&
		    !pins_link_path(&pins, hooks[i].name, path))
			fd = bpf_obj_get(path);
		/* already dead, with its cgroup: gone all the same */
		if (fd >= 0)
			(void)bpf_link_detach(fd);
	}
}

int attach_purge(const char *bpffs)
{
	int r, s;

	detach_hooks(bpffs);
	r = door_purge(bpffs);
	s = pins_purge(bpffs);

	return r ? r : s;
}
