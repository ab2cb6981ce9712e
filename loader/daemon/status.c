/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in force at this moment, as the contract's status JSON. */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "loader/daemon/status.h"
#include "loader/kernel/engine.h"
#include "loader/util/cleanup.h"
#include "policy/plan/policy.h"

/* The counters and processes of this moment, read once for all apps. */
struct snapshot {
	struct drop_count *drops;
	size_t n_drops;
	struct classed_task *tasks;
	size_t n_tasks;
};

static void snapshot_clear(struct snapshot *snapshot)
{
	free(snapshot->drops);
	free(snapshot->tasks);
}

/* What a drop of this reason would have been: 'l'eak, 's'tray, 'n'othing. */
static char reason_kind(uint32_t reason)
{
	static const struct {
		uint32_t number;
		char kind;
	} kinds[] = {
#define KIND(name, number, token, kind) { number, kind },
		SP_REASONS(KIND)
#undef KIND
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (kinds[i].number == reason)
			return kinds[i].kind;
	}
	return 'n';
}

static const char *tunnel_state(const struct tunnel *tunnel,
				const struct tunnel_status *status)
{
	if (tunnel->disabled)
		return "disabled";
	if (!tunnel->has_profile)
		return "pending";
	if (!tunnel->interface)
		return "unbound";
	return status->facts.up ? "up" : "down";
}

static json_t *prefixes_json(const struct tunnel *tunnel, bool excluded)
{
	json_t *array = json_array();

	for (size_t i = 0; i < tunnel->n_prefixes; i++) {
		const struct prefix *prefix = &tunnel->prefixes[i];
		char text[64];

		if (prefix->built_in || prefix->excluded != excluded)
			continue;
		if (prefix_format(prefix, text, sizeof(text)) >= 0)
			json_array_append_new(array, json_string(text));
	}
	return array;
}

static json_t *tunnel_json(struct engine *engine, const struct tunnel *tunnel,
			   bool prefixes)
{
	struct tunnel_status status = { 0 };
	json_t *json;

	engine_tunnel(engine, tunnel, &status);
	json = json_pack("{s:s, s:s, s:s?, s:s, s:I, s:I, s:b, s:b}", "uuid",
			 tunnel->uuid, "name", tunnel->name, "interface",
			 tunnel->interface, "state",
			 tunnel_state(tunnel, &status), "included",
			 (json_int_t)tunnel->n_included, "excluded",
			 (json_int_t)tunnel->n_excluded, "has_ipv4",
			 status.facts.has_ipv4, "has_ipv6",
			 status.facts.has_ipv6);
	if (json && prefixes) {
		json_object_set_new(json, "included_prefixes",
				    prefixes_json(tunnel, false));
		json_object_set_new(json, "excluded_prefixes",
				    prefixes_json(tunnel, true));
	}
	return json;
}

/* A tunnel of which nothing is known but that an app is linked to it. */
static void add_pending(json_t *tunnels, const struct policy *policy, size_t at)
{
	const char *uuid = policy->apps[at].linked_uuid;

	if (!uuid || policy_find_tunnel(policy, uuid))
		return;
	for (size_t i = 0; i < at; i++) {
		const char *other = policy->apps[i].linked_uuid;

		if (other && !strcmp(other, uuid))
			return;
	}
	json_array_append_new(
		tunnels, json_pack("{s:s, s:n, s:n, s:s, s:i, s:i, s:b, s:b}",
				   "uuid", uuid, "name", "interface", "state",
				   "pending", "included", 0, "excluded", 0,
				   "has_ipv4", 0, "has_ipv6", 0));
}

static json_t *tunnels_json(struct engine *engine, const struct policy *policy,
			    bool prefixes)
{
	json_t *array = json_array();

	for (size_t i = 0; i < policy->n_tunnels; i++)
		json_array_append_new(array,
				      tunnel_json(engine, &policy->tunnels[i],
						  prefixes));
	for (size_t i = 0; i < policy->n_apps; i++)
		add_pending(array, policy, i);
	return array;
}

static json_t *app_json(struct engine *engine, const struct app *app,
			const struct snapshot *snapshot)
{
	json_t *selectors = json_array(), *pids = json_array();
	uint32_t class = engine_class(engine, app);
	uint64_t drops = 0;

	for (size_t i = 0; i < app->n_selectors; i++)
		json_array_append_new(selectors,
				      json_string(app->selectors[i].text));
	for (size_t i = 0; class && i < snapshot->n_tasks; i++) {
		if (snapshot->tasks[i].class == class)
			json_array_append_new(
				pids, json_integer(snapshot->tasks[i].pid));
	}
	for (size_t i = 0; class && i < snapshot->n_drops; i++) {
		if (snapshot->drops[i].class == class)
			drops += snapshot->drops[i].count;
	}

	return json_pack("{s:s, s:s?, s:o, s:I, s:o, s:I}", "id", app->id,
			 "tunnel", app->linked_uuid, "selectors", selectors,
			 "cgroups", (json_int_t)engine_app_cgroups(engine, app),
			 "pids", pids, "drops", (json_int_t)drops);
}

static json_t *drops_json(const struct snapshot *snapshot)
{
	json_int_t leak = 0, stray = 0;
	json_t *reasons = json_object();

	for (size_t i = 0; i < snapshot->n_drops; i++) {
		const struct drop_count *drop = &snapshot->drops[i];
		const char *name = reason_name(drop->reason);
		json_int_t count = (json_int_t)drop->count, before;

		leak += reason_kind(drop->reason) == 'l' ? count : 0;
		stray += reason_kind(drop->reason) == 's' ? count : 0;
		before = json_integer_value(json_object_get(reasons, name));
		json_object_set_new(reasons, name,
				    json_integer(before + count));
	}
	return json_pack("{s:I, s:I, s:o}", "leak", leak, "stray", stray,
			 "reasons", reasons);
}

json_t *status_json(struct engine *engine, const struct policy *policy,
		    bool prefixes)
{
	_cleanup_(snapshot_clear) struct snapshot snapshot = { 0 };
	const char *degraded = engine_degraded(engine);
	json_t *apps = json_array(), *tunnels;

	/* Without memory or map: counted as nothing rather than no answer. */
	if (engine_drops(engine, &snapshot.drops, &snapshot.n_drops) < 0)
		snapshot.n_drops = 0;
	if (engine_tasks(engine, &snapshot.tasks, &snapshot.n_tasks) < 0)
		snapshot.n_tasks = 0;

	tunnels = policy ? tunnels_json(engine, policy, prefixes) :
			   json_array();
	for (size_t i = 0; policy && i < policy->n_apps; i++)
		json_array_append_new(apps, app_json(engine, &policy->apps[i],
						     &snapshot));

	return json_pack("{s:s, s:I, s:s?, s:o, s:o, s:o}", "state",
			 !policy  ? "starting" :
			 degraded ? "degraded" :
				    "governing",
			 "generation", (json_int_t)engine_generation(engine),
			 "degraded", degraded, "tunnels", tunnels, "apps", apps,
			 "drops", drops_json(&snapshot));
}
