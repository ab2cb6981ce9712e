// SPDX-License-Identifier: GPL-2.0-or-later
/* The one place that knows both vocabularies: opening and closing it. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/kernel/engine_private.h"
#include "loader/kernel/netns.h"
#include "loader/kernel/maps.h"
#include "loader/kernel/pins.h"
#include "loader/kernel/route.h"
#include "loader/util/cleanup.h"
#include "loader/util/path.h"

int engine_fail(struct engine *engine, int r, const char *what)
{
	snprintf(engine->error, sizeof(engine->error), "%s: %s", what,
		 strerror(-r));

	return r;
}

const char *engine_error(const struct engine *engine)
{
	return engine->error;
}

void engine_set_log(struct engine *engine, engine_log_fn fn, void *ctx)
{
	engine->log = fn;
	engine->log_ctx = ctx;
}

void engine_log(const struct engine *engine, int priority, const char *format,
		...)
{
	char line[512];
	va_list args;

	if (!engine->log)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	engine->log(engine->log_ctx, priority, line);
}

bool engine_has_doors(const struct engine *engine)
{
	const char *without = engine->options.without;

	return !without || strcmp(without, "door");
}

struct binding_context engine_binding_context(struct engine *engine)
{
	return (struct binding_context){
		.nl = engine->nl,
		.attach = engine->attach,
		.host = &engine->host,
		.on_link = engine->on_link,
		.n_on_link = engine->n_on_link,
		.shadow = engine->options.shadow,
		.doors = engine->attached && engine_has_doors(engine),
		.wrote = &engine->wrote,
	};
}

static int copy_options(struct engine *engine,
			const struct engine_options *options)
{
	struct engine_options *own = &engine->options;

	*own = *options;
	own->cgroup = strdup(options->cgroup);
	own->bpffs = strdup(options->bpffs);
	own->without = options->without ? strdup(options->without) : NULL;
	if (!own->cgroup || !own->bpffs || (options->without && !own->without))
		return -ENOMEM;

	return 0;
}

/* Slot i carries mark_value + (i - 1) times the lowest bit of the mask. */
static void place_bindings(struct engine *engine)
{
	const struct engine_options *o = &engine->options;
	uint32_t step = o->mark_mask & -o->mark_mask;

	for (uint32_t slot = 1; slot <= SP_MAX_TUNNELS; slot++) {
		struct binding *binding = &engine->bindings[slot];

		binding->slot = slot;
		binding->place.prefix_table = o->table_base + slot;
		binding->place.answer_table =
			o->table_base + ANSWER_TABLES + slot;
		binding->place.mark = o->mark_value + (slot - 1) * step;
		binding->place.mark_mask = o->mark_mask;
		binding->place.priority = o->rule_priority;
	}
}

int engine_open_scope(struct engine *engine)
{
	struct stat st;
	int fd;

	fd = open(engine->options.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return engine_fail(engine, -errno, engine->options.cgroup);
	if (engine->cgroup_fd >= 0)
		close(engine->cgroup_fd);
	engine->cgroup_fd = fd;
	if (fstat(fd, &st))
		return engine_fail(engine, -errno, engine->options.cgroup);
	/* a cgroup's inode number is its id */
	engine->scope = st.st_ino;

	return 0;
}

bool engine_scope_holds(const struct engine *engine)
{
	struct stat st;

	return !stat(engine->options.cgroup, &st) && st.st_ino == engine->scope;
}

static int open_place(struct engine *engine)
{
	int r;

	r = path_cgroup2_mount(NULL, &engine->cgroup_mount);
	if (r)
		return engine_fail(engine, r, "no cgroup2 hierarchy");
	r = engine_open_scope(engine);
	if (r)
		return r;
	features_probe(&engine->features);
	r = netns_own(!engine->features.netns_cookie, &engine->netns);

	return r ? engine_fail(engine, r,
			       "cannot tell this network namespace") :
		   0;
}

/* How many tunnels have a mark of their own inside the mask. */
static uint32_t slots_that_fit(const struct engine *engine)
{
	uint32_t n = 0;

	while (n < SP_MAX_TUNNELS) {
		const struct route_place *place =
			&engine->bindings[n + 1].place;

		if (!place->mark || place->mark & ~place->mark_mask ||
		    place->mark < engine->bindings[1].place.mark)
			break;
		n++;
	}

	return n;
}

static int open_programs(struct engine *engine)
{
	int r;

	r = attach_load(engine->options.bpffs, &engine->features,
			&engine->attach);
	if (r && engine->attach) {
		snprintf(engine->error, sizeof(engine->error), "%s",
			 attach_error(engine->attach));
		return r;
	}
	/* fresh maps hold nothing; what others hold is to be looked up */
	for (uint32_t slot = 1; slot <= SP_MAX_TUNNELS; slot++)
		engine->bindings[slot].known = !r &&
					       !attach_adopted(engine->attach);
	if (!r)
		r = numbers_open(attach_map(engine->attach, MAP_CLASS_NAME),
				 SP_MAX_CLASSES - 1, &engine->class_numbers);
	if (!r)
		r = numbers_open(attach_map(engine->attach, MAP_TUNNEL_NAME),
				 slots_that_fit(engine),
				 &engine->tunnel_numbers);
	if (!r)
		r = members_open(engine->attach, engine->cgroup_mount,
				 engine->options.cgroup, &engine->members);

	return r ? engine_fail(engine, r, "cannot open the pinned maps") : 0;
}

/*
 * Goes on where an earlier daemon was: the epoch must never come back to one
 * that remembered processes carry, the generation only grows.
 */
static int adopt_config(struct engine *engine)
{
	struct sp_config *config = &engine->config;
	uint32_t zero = 0;
	int r;

	r = map_get(attach_map(engine->attach, MAP_CONFIG), &zero, config);
	if (r)
		return engine_fail(engine, r, "cannot read the configuration");
	if (!config->epoch &&
	    getrandom(&config->epoch, sizeof(config->epoch), 0) < 0)
		return engine_fail(engine, -errno, "no random numbers");
	if (!config->salt &&
	    getrandom(&config->salt, sizeof(config->salt), 0) < 0)
		return engine_fail(engine, -errno, "no random numbers");
	config->netns = engine->netns;
	config->scope = engine->scope;
	config->mark_mask = engine->options.mark_mask;
	config->flags = engine->options.shadow ? SP_CONFIG_SHADOW : 0;
	config->agent = 0;

	return 0;
}

int engine_open(const struct engine_options *options,
		struct engine **ret_engine)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	int r;

	if (!engine)
		return -ENOMEM;
	*ret_engine = engine;
	engine->cgroup_fd = engine->epoll = engine->mountinfo = -1;
	r = copy_options(engine, options);
	if (r)
		return engine_fail(engine, r, "cannot start");
	place_bindings(engine);
	r = open_place(engine);
	if (r)
		return r;
	r = nl_open(&engine->nl);
	if (r)
		return engine_fail(engine, r, "cannot open netlink");
	r = open_programs(engine);
	if (!r)
		r = adopt_config(engine);
	if (r)
		return r;
	r = engine_watch(engine);

	return r ? engine_fail(engine, r, "cannot watch the host") : 0;
}

void engine_close(struct engine *engine)
{
	if (!engine)
		return;
	ring_buffer__free(engine->ring);
	if (engine->events)
		mnl_socket_close(engine->events);
	keep_close(engine->keep);
	members_close(engine->members);
	numbers_free(engine->class_numbers);
	numbers_free(engine->tunnel_numbers);
	attach_free(engine->attach);
	nl_close(engine->nl);
	netdev_clear(&engine->host);
	free(engine->on_link);
	for (int i = 0; i <= SP_MAX_TUNNELS; i++)
		free(engine->bindings[i].prefixes);
	if (engine->mountinfo >= 0)
		close(engine->mountinfo);
	if (engine->epoll >= 0)
		close(engine->epoll);
	if (engine->cgroup_fd >= 0)
		close(engine->cgroup_fd);
	free(engine->cgroup_mount);
	free(engine->classes);
	free((char *)engine->options.cgroup);
	free((char *)engine->options.bpffs);
	free((char *)engine->options.without);
	free(engine);
}

static int purge_routes(const struct engine_options *options, struct nl *nl)
{
	bool used[TABLE_SPAN + 1] = { false };
	struct binding_context context = { .nl = nl, .shadow = true };
	_cleanup_(host_seen_clear) struct host_seen seen = { 0 };
	int r, s;

	r = host_seen_read(&context, &seen);
	/* without bindings nobody wants any rule */
	if (!r)
		r = rules_sync(&context, options->table_base, NULL, 0, &seen);
	s = route_tables(nl, options->table_base, TABLE_SPAN, used);
	if (!r)
		r = s;
	for (uint32_t i = 0; !s && i < TABLE_SPAN; i++) {
		if (!used[i])
			continue;
		s = route_flush_table(nl, options->table_base + i);
		if (!r)
			r = s;
	}

	return r;
}

int engine_lock(const struct engine_options *options, int *ret_fd)
{
	return pins_lock(options->bpffs, ret_fd);
}

int engine_purge(const struct engine_options *options)
{
	struct nl *nl = NULL;
	int r, s;

	/* hooks first: without them the marks and rules mean nothing */
	r = attach_purge(options->bpffs);
	s = nl_open(&nl);
	if (!s)
		s = purge_routes(options, nl);
	nl_close(nl);

	return r ? r : s;
}
