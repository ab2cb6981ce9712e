// SPDX-License-Identifier: GPL-2.0-or-later
/* A new policy, step by step; a failed step is undone in reverse. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "loader/kernel/engine_private.h"
#include "loader/kernel/maps.h"
#include "loader/util/cleanup.h"

/*
 * Tunnels come before the apps that use them, and go after them. Within a
 * tunnel, prefixes change in place in both tables (policy/plan/diff.h), so a
 * flow whose verdict stays the same never sees a change. A number is given to
 * a name before anything carries it and taken back after nothing does.
 *
 * Undoing is applying the old policy: every step compares and is idempotent,
 * so it does not matter how far the new one came.
 */

static int give_slot(struct engine *engine, const struct tunnel *tunnel,
		     uint32_t *ret_slot)
{
	const struct route_place *place;
	int r;

	r = numbers_give(engine->tunnel_numbers, tunnel->uuid, ret_slot);
	if (r)
		return engine_fail(engine, r, "no number for another tunnel");
	place = &engine->bindings[*ret_slot].place;
	if (place->mark & ~place->mark_mask || !place->mark ||
	    place->mark < engine->bindings[1].place.mark)
		return engine_fail(engine, -ERANGE,
				   "the mark's mask is too narrow for the "
				   "tunnels");

	return 0;
}

static int apply_tunnel(struct engine *engine, const struct tunnel *tunnel)
{
	struct binding_context context = engine_binding_context(engine);
	struct sp_set set = { 0 };
	struct binding *binding;
	uint32_t slot;
	int r;

	r = give_slot(engine, tunnel, &slot);
	if (r)
		return r;
	binding = &engine->bindings[slot];
	if (binding->tunnel && binding->tunnel->interface &&
	    (!tunnel->interface ||
	     strcmp(binding->tunnel->interface, tunnel->interface)))
		binding->routed = false;
	binding->tunnel = tunnel;
	r = binding_prefixes(&context, binding, tunnel);
	set.tunnel = slot;
	if (!r)
		r = map_put(attach_map(engine->attach, MAP_SET), &slot, &set);

	return r ? engine_fail(engine, r, "cannot write prefixes") : 0;
}

static int apply_app(struct engine *engine, const struct policy *policy,
		     size_t i)
{
	const struct app *app = &policy->apps[i];
	struct sp_class entry = { 0 };
	int r;

	r = numbers_give(engine->class_numbers, app->id, &engine->classes[i]);
	if (r)
		return engine_fail(engine, r, "no number for another app");
	/* unbound: listed, but with nowhere to go */
	if (app->tunnel != TUNNEL_NONE &&
	    policy->tunnels[app->tunnel].interface)
		entry.set = numbers_find(engine->tunnel_numbers,
					 policy->tunnels[app->tunnel].uuid);
	r = map_put(attach_map(engine->attach, MAP_CLASS), &engine->classes[i],
		    &entry);

	return r ? engine_fail(engine, r, "cannot write classes") : 0;
}

/* Classes of apps that the policy does not know (any more). */
static int retire_apps(struct engine *engine, const struct policy *policy)
{
	static const struct sp_class none;
	int r = 0;

	for (uint32_t class = 1; class < SP_MAX_CLASSES; class ++) {
		const char *id = numbers_name(engine->class_numbers, class);

		if (!id || policy_find_app(policy, id))
			continue;
		r = map_put(attach_map(engine->attach, MAP_CLASS), &class,
			    &none);
		if (!r)
			r = tasks_forget_class(engine->attach, class);
		if (!r)
			r = numbers_take_back(engine->class_numbers, class);
		if (r)
			return engine_fail(engine, r, "cannot retire an app");
	}

	return 0;
}

static int retire_tunnels(struct engine *engine, const struct policy *policy)
{
	struct binding_context context = engine_binding_context(engine);
	static const struct sp_set none;
	int r;

	for (uint32_t slot = 1; slot <= SP_MAX_TUNNELS; slot++) {
		const char *uuid = numbers_name(engine->tunnel_numbers, slot);

		if (!uuid || policy_find_tunnel(policy, uuid))
			continue;
		r = map_put(attach_map(engine->attach, MAP_SET), &slot, &none);
		if (!r)
			r = binding_remove(&context, &engine->bindings[slot]);
		if (!r)
			r = numbers_take_back(engine->tunnel_numbers, slot);
		if (r)
			return engine_fail(engine, r, "cannot retire a tunnel");
	}

	return 0;
}

/* Entries and doors that an earlier daemon left for a tunnel since re-made. */
static int drop_stale_interfaces(struct engine *engine)
{
	int map = attach_map(engine->attach, MAP_IFINDEX), r;
	_cleanup_free_ uint32_t *keys = NULL;
	uint32_t slot;
	size_t n;

	r = map_keys(map, sizeof(*keys), (void **)&keys, &n);
	for (size_t i = 0; !r && i < n; i++) {
		if (map_get(map, &keys[i], &slot) ||
		    (slot <= SP_MAX_TUNNELS &&
		     engine->bindings[slot].place.ifindex == keys[i]))
			continue;
		attach_door_remove(engine->attach, keys[i]);
		r = map_del(map, &keys[i]);
	}

	return r ? engine_fail(engine, r, "cannot clean up interfaces") : 0;
}

/* At start-up nobody knows what the map holds; now it has no set but ours. */
static void know_the_rest(struct engine *engine)
{
	for (uint32_t slot = 1; slot <= SP_MAX_TUNNELS; slot++)
		if (!engine->bindings[slot].tunnel)
			engine->bindings[slot].known = true;
}

static int move(struct engine *engine, const struct policy *from,
		const struct policy *to)
{
	uint32_t *classes = calloc(to->n_apps + 1, sizeof(*classes));
	bool changed = false, moved;
	int r;

	if (!classes)
		return engine_fail(engine, -ENOMEM, "cannot apply");
	free(engine->classes);
	engine->classes = classes;
	engine->policy = to;

	r = engine_read_host(engine, &moved);
	for (size_t i = 0; !r && i < to->n_tunnels; i++)
		r = apply_tunnel(engine, &to->tunnels[i]);
	if (!r)
		r = engine_host_changed(engine);
	for (size_t i = 0; !r && i < to->n_apps; i++)
		r = apply_app(engine, to, i);
	if (!r)
		r = members_sync(engine->members, to, classes, &changed);
	if (!r)
		r = retire_apps(engine, to);
	if (!r)
		r = retire_tunnels(engine, to);
	if (!r)
		r = engine_host_changed(engine);
	if (!r && !from)
		r = drop_stale_interfaces(engine);
	if (r)
		return r;
	if (!from)
		know_the_rest(engine);
	engine->config.generation++;
	if (changed || !from)
		engine->config.epoch++;

	return engine_write_config(engine);
}

/* The daemon as the kernel knows it, so that connect hooks let it act. */
static int introduce_agent(struct engine *engine)
{
	struct sp_task_record *records;
	uint32_t pid = (uint32_t)getpid();
	struct sp_task self;
	size_t n;
	int r;

	/* a pass of the iterator leaves an entry of every process */
	r = tasks_list(engine->attach, &records, &n);
	if (r)
		return engine_fail(engine, r, "cannot list processes");
	free(records);
	r = map_get(attach_map(engine->attach, MAP_TASK), &pid, &self);
	if (r)
		return engine_fail(engine, r, "cannot find this process");
	engine->config.agent = pid;
	engine->config.agent_start = self.start_time;

	return engine_write_config(engine);
}

/*
 * Not before: on maps that do not know every app yet, a door would drop what
 * the one it replaces lets by.
 */
static int attach_doors(struct engine *engine)
{
	for (uint32_t slot = 1; slot <= SP_MAX_TUNNELS; slot++) {
		unsigned int ifindex = engine->bindings[slot].place.ifindex;
		int r;

		if (!ifindex)
			continue;
		if (!engine_has_doors(engine)) {
			attach_door_remove(engine->attach, ifindex);
			continue;
		}
		r = attach_door(engine->attach, ifindex);
		if (r)
			return engine_fail(engine, r, "cannot attach a door");
	}

	return 0;
}

static int attach_all(struct engine *engine)
{
	int r;

	r = attach_doors(engine);
	if (r)
		return r;
	r = attach_hooks(engine->attach, engine->cgroup_fd, engine->scope,
			 engine->options.without);
	if (r) {
		snprintf(engine->error, sizeof(engine->error), "%s",
			 attach_error(engine->attach));
		return r;
	}
	engine->attached = true;
	r = attach_drop_old(engine->attach);
	if (r)
		return engine_fail(engine, r, "cannot drop old maps");

	return introduce_agent(engine);
}

int engine_apply(struct engine *engine, const struct policy *policy)
{
	const struct policy *before = engine->policy;
	char error[sizeof(engine->error)];
	int r;

	r = move(engine, before, policy);
	if (!r && !engine->attached)
		r = attach_all(engine);
	if (!r)
		return engine_settle(engine);

	if (!before) {
		engine->policy = NULL;
		return r;
	}
	memcpy(error, engine->error, sizeof(error));
	if (move(engine, policy, before))
		engine_log(engine, LOG_ERR,
			   "cannot go back to the previous policy: %s, what is "
			   "half-way is dropped by the guard",
			   engine->error);
	memcpy(engine->error, error, sizeof(error));

	return r;
}
