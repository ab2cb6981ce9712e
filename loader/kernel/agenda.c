// SPDX-License-Identifier: GPL-2.0-or-later
/* What a new policy changes in the kernel, found before it is written. */
#include <errno.h>
#include <stdlib.h>

#include "loader/kernel/agenda.h"
#include "loader/util/cleanup.h"

/* ---- apps -------------------------------------------------------------- */

static int number_apps(struct engine *engine, const struct policy *policy)
{
	int r = 0;

	for (size_t i = 0; !r && i < policy->n_apps; i++)
		r = numbers_give(engine->class_numbers, policy->apps[i].id,
				 &engine->classes[i]);

	return r ? engine_fail(engine, r, "no number for another app") : 0;
}

static int find_members(struct engine *engine, const struct policy *policy,
			struct agenda *agenda)
{
	int r = members_find(engine->members, policy, engine->classes,
			     &agenda->members);

	return r ? engine_fail(engine, r, "cannot resolve selectors") : 0;
}

struct class_entry {
	uint32_t class;
	struct sp_class value;
};

static int find_classes(struct engine *engine, const struct policy *policy,
			struct agenda *agenda)
{
	_cleanup_free_ struct class_entry *entries =
		calloc(policy->n_apps + 1, sizeof(*entries));
	const struct map_entries classes = {
		.entries = entries,
		.n = policy->n_apps,
		.stride = sizeof(*entries),
		.key_size = sizeof(entries->class),
		.value_offset = offsetof(struct class_entry, value),
		.value_size = sizeof(entries->value),
	};
	int r = entries ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < policy->n_apps; i++) {
		const struct app *app = &policy->apps[i];

		entries[i].class = engine->classes[i];
		/* unbound: listed, but with nowhere to go */
		if (app->tunnel != TUNNEL_NONE &&
		    policy->tunnels[app->tunnel].interface)
			entries[i].value.set =
				numbers_find(engine->tunnel_numbers,
					     policy->tunnels[app->tunnel].uuid);
	}
	if (!r)
		r = map_delta_find(attach_map(engine->attach, MAP_CLASS),
				   &classes, NULL, 0, &agenda->classes);

	return r ? engine_fail(engine, r, "cannot read classes") : 0;
}

static int find_retired(struct engine *engine, const struct policy *policy,
			struct agenda *agenda)
{
	agenda->retired = calloc(SP_MAX_CLASSES, sizeof(*agenda->retired));
	if (!agenda->retired)
		return engine_fail(engine, -ENOMEM, "cannot retire apps");
	for (uint32_t class = 1; class < SP_MAX_CLASSES; class ++) {
		const char *id = numbers_name(engine->class_numbers, class);

		agenda->retired[class] = id && !policy_find_app(policy, id);
		agenda->n_retired += agenda->retired[class];
	}

	return 0;
}

/* ---- tunnels ----------------------------------------------------------- */

static int number_tunnels(struct engine *engine, const struct policy *policy)
{
	uint32_t slot;
	int r = 0;

	/* as many as marks fit into the mask */
	for (size_t i = 0; !r && i < policy->n_tunnels; i++)
		r = numbers_give(engine->tunnel_numbers,
				 policy->tunnels[i].uuid, &slot);

	return r ? engine_fail(engine, r, "no mark for another tunnel") : 0;
}

static int find_prefixes(struct engine *engine, const struct policy *policy,
			 struct agenda *agenda)
{
	struct binding_context context = engine_binding_context(engine);
	int r;

	/* at start-up nobody knows what an earlier daemon left in the map */
	r = binding_learn(&context, engine->bindings + 1, SP_MAX_TUNNELS);
	if (r)
		return engine_fail(engine, r, "cannot list prefixes");
	agenda->tunnels =
		calloc(policy->n_tunnels + 1, sizeof(*agenda->tunnels));
	if (!agenda->tunnels)
		return engine_fail(engine, -ENOMEM, "cannot apply");
	agenda->n_tunnels = policy->n_tunnels;
	for (size_t i = 0; !r && i < policy->n_tunnels; i++) {
		const struct tunnel *tunnel = &policy->tunnels[i];
		uint32_t slot =
			numbers_find(engine->tunnel_numbers, tunnel->uuid);

		r = binding_plan(&context, &engine->bindings[slot], tunnel,
				 &agenda->tunnels[i]);
	}

	return r ? engine_fail(engine, r, "cannot compare prefixes") : 0;
}

struct set_entry {
	uint32_t slot;
	struct sp_set value;
};

static int find_sets(struct engine *engine, const struct policy *policy,
		     struct agenda *agenda)
{
	struct set_entry entries[SP_MAX_TUNNELS] = { 0 };
	const struct map_entries sets = {
		.entries = entries,
		.n = policy->n_tunnels,
		.stride = sizeof(*entries),
		.key_size = sizeof(entries->slot),
		.value_offset = offsetof(struct set_entry, value),
		.value_size = sizeof(entries->value),
	};
	int r;

	/* each has a number: there are no more than numbers */
	for (size_t i = 0; i < policy->n_tunnels; i++) {
		entries[i].slot = numbers_find(engine->tunnel_numbers,
					       policy->tunnels[i].uuid);
		entries[i].value.tunnel = entries[i].slot;
	}
	r = map_delta_find(attach_map(engine->attach, MAP_SET), &sets, NULL, 0,
			   &agenda->sets);

	return r ? engine_fail(engine, r, "cannot read prefix sets") : 0;
}

/*
 * The host comes as late as can be, for it is what changes most; only prefixes
 * are planned behind it, as they hang on the networks it is on.
 */
int agenda_find(struct engine *engine, const struct policy *policy,
		struct agenda *ret_agenda)
{
	struct agenda agenda = { 0 };
	bool moved;
	int r;

	r = number_tunnels(engine, policy);
	if (!r)
		r = number_apps(engine, policy);
	if (!r)
		r = find_members(engine, policy, &agenda);
	if (!r)
		r = find_classes(engine, policy, &agenda);
	if (!r)
		r = find_retired(engine, policy, &agenda);
	if (!r)
		r = find_sets(engine, policy, &agenda);
	if (!r)
		r = engine_host_find(engine, &agenda.host, &moved);
	if (!r)
		r = find_prefixes(engine, policy, &agenda);
	if (r) {
		agenda_clear(&agenda);
		return r;
	}
	*ret_agenda = agenda;

	return 0;
}

void agenda_clear(struct agenda *agenda)
{
	for (size_t i = 0; i < agenda->n_tunnels; i++)
		binding_change_clear(&agenda->tunnels[i]);
	free(agenda->tunnels);
	map_delta_clear(&agenda->sets);
	map_delta_clear(&agenda->classes);
	members_change_clear(&agenda->members);
	host_seen_clear(&agenda->host);
	free(agenda->retired);
	*agenda = (struct agenda){ 0 };
}
