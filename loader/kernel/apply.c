// SPDX-License-Identifier: GPL-2.0-or-later
/* A new policy, step by step; a failed step is undone in reverse. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "loader/kernel/agenda.h"
#include "loader/kernel/engine_private.h"
#include "loader/kernel/maps.h"
#include "loader/util/cleanup.h"

/*
 * Every difference is found before the first is written (agenda.c): how long
 * the kernel has neither the old policy nor the new one does not depend on how
 * much stays the same.
 *
 * Tunnels come before the apps that use them, and go after them. Within a
 * tunnel, prefixes change in place in both tables (policy/plan/diff.h), so a
 * flow whose verdict stays the same never sees a change. A number is given to
 * a name before anything carries it and taken back after nothing does.
 *
 * Undoing is applying the old policy: every step compares and is idempotent,
 * so it does not matter how far the new one came.
 */

static int apply_tunnel(struct engine *engine, const struct tunnel *tunnel,
			struct binding_change *change)
{
	struct binding_context context = engine_binding_context(engine);
	uint32_t slot = numbers_find(engine->tunnel_numbers, tunnel->uuid);
	struct binding *binding = &engine->bindings[slot];
	int r;

	if (binding->tunnel && binding->tunnel->interface &&
	    (!tunnel->interface ||
	     strcmp(binding->tunnel->interface, tunnel->interface)))
		binding->routed = false;
	binding->tunnel = tunnel;
	r = binding_make(&context, binding, change);

	return r ? engine_fail(engine, r, "cannot write prefixes") : 0;
}

static int apply_tunnels(struct engine *engine, const struct policy *policy,
			 struct agenda *agenda)
{
	int r = 0;

	for (size_t i = 0; !r && i < policy->n_tunnels; i++)
		r = apply_tunnel(engine, &policy->tunnels[i],
				 &agenda->tunnels[i]);
	if (r)
		return r;
	r = map_delta_make(&agenda->sets, &engine->wrote);

	return r ? engine_fail(engine, r, "cannot write prefix sets") : 0;
}

static int apply_apps(struct engine *engine, const struct agenda *agenda)
{
	int r = map_delta_make(&agenda->classes, &engine->wrote);

	return r ? engine_fail(engine, r, "cannot write classes") : 0;
}

/*
 * Classes of apps that the policy does not know (any more): closed first, then
 * cleared out of the memory of processes and of sockets, in one walk each, then
 * free again.
 */
static int retire_apps(struct engine *engine, const struct agenda *agenda)
{
	static const struct sp_class none = { .flags = SP_CLASS_RETIRED };
	int r = 0;

	if (!agenda->n_retired)
		return 0;
	engine->wrote = true;
	for (uint32_t class = 1; !r && class < SP_MAX_CLASSES; class ++)
		if (agenda->retired[class])
			r = map_put(attach_map(engine->attach, MAP_CLASS),
				    &class, &none);
	if (!r)
		r = tasks_forget_classes(engine->attach, agenda->retired);
	if (!r)
		r = tasks_forget_sockets(engine->attach);
	for (uint32_t class = 1; !r && class < SP_MAX_CLASSES; class ++)
		if (agenda->retired[class])
			r = numbers_take_back(engine->class_numbers, class);

	return r ? engine_fail(engine, r, "cannot retire apps") : 0;
}

static int retire_tunnel(struct engine *engine, uint32_t slot)
{
	struct binding_context context = engine_binding_context(engine);
	static const struct sp_set none;
	int r;

	engine->wrote = true;
	r = map_put(attach_map(engine->attach, MAP_SET), &slot, &none);
	if (!r)
		r = binding_remove(&context, &engine->bindings[slot]);
	if (!r)
		r = numbers_take_back(engine->tunnel_numbers, slot);

	return r ? engine_fail(engine, r, "cannot retire a tunnel") : 0;
}

/* Rules and addresses of those that went are there, and go with them. */
static int retire_tunnels(struct engine *engine, const struct policy *policy)
{
	_cleanup_(host_seen_clear) struct host_seen seen = { 0 };
	bool any = false, moved, changed;
	int r = 0;

	for (uint32_t slot = 1; !r && slot <= SP_MAX_TUNNELS; slot++) {
		const char *uuid = numbers_name(engine->tunnel_numbers, slot);

		if (!uuid || policy_find_tunnel(policy, uuid))
			continue;
		any = true;
		r = retire_tunnel(engine, slot);
	}
	if (r || !any)
		return r;
	r = engine_host_find(engine, &seen, &moved);

	return r ? r : engine_host_make(engine, &seen, moved, &changed);
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

static int apply_members(struct engine *engine, const struct agenda *agenda,
			 bool *ret_changed)
{
	int r = members_make(&agenda->members, ret_changed);

	return r ? engine_fail(engine, r, "cannot write selectors") : 0;
}

static int look_again(struct engine *engine, const struct policy *policy,
		      bool *ret_changed)
{
	bool changed;
	int r = members_sync(engine->members, policy, engine->classes,
			     &changed);

	*ret_changed |= changed;

	return r ? engine_fail(engine, r, "cannot resolve selectors") : 0;
}

/*
 * Nothing but writes, as far as interfaces and routes are where they were, up
 * to what an app or a tunnel leaves behind. Verdicts are told to be others
 * before that: it may take long.
 */
static int make(struct engine *engine, const struct policy *to,
		struct agenda *agenda, bool *ret_members_changed)
{
	bool changed; /* what is held is looked at when all is in force */
	int r;

	r = apply_tunnels(engine, to, agenda);
	if (!r)
		r = engine_host_make(engine, &agenda->host, false, &changed);
	if (!r)
		r = apply_apps(engine, agenda);
	if (!r)
		r = apply_members(engine, agenda, ret_members_changed);
	if (!r)
		r = engine_outdate(engine);
	if (!r)
		r = retire_apps(engine, agenda);
	if (!r)
		r = retire_tunnels(engine, to);
	if (!r && members_change_is_blind(&agenda->members))
		r = look_again(engine, to, ret_members_changed);

	return r;
}

static int move(struct engine *engine, const struct policy *from,
		const struct policy *to)
{
	_cleanup_(agenda_clear) struct agenda agenda = { 0 };
	uint32_t *classes = calloc(to->n_apps + 1, sizeof(*classes));
	bool changed = false;
	int r, s;

	if (!classes)
		return engine_fail(engine, -ENOMEM, "cannot apply");
	/* whatever fails below: known apps have their class, others none */
	for (size_t i = 0; i < to->n_apps; i++)
		classes[i] =
			numbers_find(engine->class_numbers, to->apps[i].id);
	free(engine->classes);
	engine->classes = classes;
	engine->policy = to;

	r = agenda_find(engine, to, &agenda);
	if (!r)
		r = make(engine, to, &agenda, &changed);
	if (!r && !from)
		r = drop_stale_interfaces(engine);
	engine->whole |= !r;
	engine->wrote |= changed || !from;
	if (!r && (changed || !from))
		engine->config.epoch++;
	s = engine_outdate(engine);
	if (r || s)
		return r ? r : s;
	/* each policy counts, though verdicts may be the same and stay */
	engine->config.generation++;

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
int engine_attach_doors(struct engine *engine)
{
	struct binding_context context = engine_binding_context(engine);

	for (uint32_t slot = 1; slot <= SP_MAX_TUNNELS; slot++) {
		struct binding *binding = &engine->bindings[slot];
		unsigned int ifindex = binding->place.ifindex;
		int r;

		if (!ifindex)
			continue;
		if (!engine_has_doors(engine)) {
			attach_door_remove(engine->attach, ifindex);
			continue;
		}
		r = binding_door(&context, binding);
		if (r)
			return engine_fail(engine, r, "cannot attach a door");
		engine_tell_door(engine, binding);
	}

	return 0;
}

/*
 * Before the first policy there is nothing to govern, and hooks that let
 * everything by cost all the same: a twentieth of each packet by the guard
 * alone (bench/FINDINGS.md). They stay when the last policy goes: the guard
 * still has to refuse what began under it.
 */
static bool has_nothing_to_govern(const struct engine *engine)
{
	return !engine->attached && !engine->policy->n_apps &&
	       !engine->policy->n_tunnels && attach_is_bare(engine->attach);
}

/* The governed cgroup may have been made again while nothing was on it. */
static int find_scope(struct engine *engine)
{
	int r;

	if (engine_scope_holds(engine))
		return 0;
	r = engine_open_scope(engine);
	if (r)
		return r;
	engine->config.scope = engine->scope;

	return engine_write_config(engine);
}

/* Looks at the governed cgroup and the hooks on it; `loose` if any is off. */
static int find_loose(struct engine *engine)
{
	const char *lost;
	int r;

	if (!engine_scope_holds(engine)) {
		r = engine_open_scope(engine);
		if (r)
			return r;
		engine->loose = true;
		engine_log(engine, LOG_WARNING,
			   "%s was made again, attaching anew",
			   engine->options.cgroup);
	}
	lost = engine->loose ? NULL :
			       keep_lost_hook(engine->attach, engine->scope);
	if (lost) {
		engine->loose = true;
		engine_log(engine, LOG_WARNING,
			   "hook %s was taken off, attaching anew", lost);
	}

	return 0;
}

/* What was made while no hook looked belongs to nobody: look now. */
static int settle_gap(struct engine *engine)
{
	int r;

	engine->config.scope = engine->scope;
	engine->config.epoch++;
	r = engine_write_config(engine);

	return r ? r : engine_settle_anew(engine);
}

/*
 * Attaches what is not attached: with the first app or tunnel everything, later
 * the hooks of a governed cgroup that was removed and made again, with another
 * id, and those that somebody took off. What fails is `loose`, and tried again.
 */
int engine_reattach(struct engine *engine)
{
	bool again = engine->attached;
	int r;

	if (has_nothing_to_govern(engine))
		return 0;
	r = again ? find_loose(engine) : find_scope(engine);
	if (r || (again && !engine->loose))
		return r;
	if (again)
		attach_let_go(engine->attach);

	r = engine_attach_doors(engine);
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
	engine->loose = false;
	r = attach_drop_old(engine->attach);
	if (r)
		return engine_fail(engine, r, "cannot drop old maps");
	r = introduce_agent(engine);

	return r || !again ? r : settle_gap(engine);
}

/* Nothing may point into the policy that failed: its owner frees it. */
static void go_back(struct engine *engine, const struct policy *failed,
		    const struct policy *before)
{
	char error[sizeof(engine->error)];

	memcpy(error, engine->error, sizeof(error));
	if (move(engine, failed, before))
		engine_log(engine, LOG_ERR,
			   "cannot go back to the previous policy: %s, what is "
			   "half-way is dropped by the guard",
			   engine->error);
	for (uint32_t slot = 1; slot <= SP_MAX_TUNNELS; slot++) {
		struct binding *binding = &engine->bindings[slot];
		const char *uuid = numbers_name(engine->tunnel_numbers, slot);

		if (!binding->tunnel)
			continue;
		binding->tunnel = uuid ? policy_find_tunnel(before, uuid) :
					 NULL;
		binding->routed = false;
	}
	if (engine->attached && engine_settle(engine))
		engine_log(engine, LOG_WARNING,
			   "%s, the guard drops what is wrong", engine->error);
	memcpy(engine->error, error, sizeof(error));
}

/*
 * The first policy failed. What an earlier daemon left, of this version or of
 * another, goes on; only where there was none is everything taken back.
 */
static void give_up(struct engine *engine)
{
	engine->policy = NULL;
	for (uint32_t slot = 1; slot <= SP_MAX_TUNNELS; slot++)
		engine->bindings[slot].tunnel = NULL;
	if (attach_is_first(engine->attach))
		(void)engine_purge(&engine->options);
}

int engine_apply(struct engine *engine, const struct policy *policy)
{
	const struct policy *before = engine->policy;
	bool was_attached = engine->attached;
	int r;

	r = move(engine, before, policy);
	if (!r)
		r = engine_reattach(engine);
	if (!r && !before)
		r = engine_repair(engine, true); /* and begins to watch */
	if (!r) {
		/* it is in force: what is held follows, or is dropped */
		r = engine_settle(engine);
		if (r)
			engine_log(engine, LOG_WARNING,
				   "%s, the guard drops "
				   "what is wrong",
				   engine->error);
		return 0;
	}

	if (before)
		go_back(engine, policy, before);
	else
		give_up(engine);
	if (before && !was_attached) {
		attach_take_off(engine->attach);
		engine->attached = false;
	}

	return r;
}
