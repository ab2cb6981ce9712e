/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All tables of keys by name, for the manual and for those who ask. */
#include <stdio.h>

#include "policy/model/key_list.h"
#include "policy/model/wgconf.h"

#define PATH_SIZE 512
#define DEPTH_MAX 8

static const struct {
	const char *title;
	const struct key_table *table;
} tables[] = {
	{ "Profile", &keys_profile },
	{ "Payload com.apple.vpn.managed.applayer", &keys_payload_applayer },
	{ "Payload com.apple.vpn.managed.appmapping", &keys_payload_mapping },
	{ "Host file", &keys_host },
	{ "Command", &keys_command },
	{ "Settings item ApplicationAttributes", &keys_item_attributes },
	{ "Settings item ApplicationConfiguration", &keys_item_configuration },
	{ "Other Settings items", &keys_item_other },
};

static int walk_table(const struct key_list_sink *sink,
		      const struct key_table *table, const char *prefix,
		      unsigned int depth)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct key_rule *rule = &table->rules[i];
		char path[PATH_SIZE], below[PATH_SIZE + 4];
		const struct listed_key key = { path, rule };
		int r;

		snprintf(path, sizeof(path), "%s%s", prefix, rule->name);
		r = sink->key(sink->ctx, &key);
		if (r < 0)
			return r;
		if (!rule->inner || depth == DEPTH_MAX)
			continue;
		snprintf(below, sizeof(below), "%s%s.", path,
			 rule->type == KEY_DICTS ? "[]" : "");
		r = walk_table(sink, rule->inner, below, depth + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static int walk_titled(const struct key_list_sink *sink, const char *title,
		       const struct key_table *table)
{
	int r = sink->table(sink->ctx, title);

	return r < 0 ? r : walk_table(sink, table, "", 0);
}

/* The lines of wg-quick text, told as keys. */
static int walk_wg(const struct key_list_sink *sink)
{
	int r = sink->table(sink->ctx, "VendorConfig.WgQuickConfig");

	for (const struct wg_rule *rule = wg_rules; r >= 0 && rule->name;
	     rule++) {
		char path[64];
		const struct key_rule told = { .name = rule->name,
					       .type = KEY_STRING,
					       .treatment = rule->treatment,
					       .note = rule->note };
		const struct listed_key key = { path, &told };

		snprintf(path, sizeof(path), "[%s] %s",
			 rule->section == WG_PEER ? "Peer" : "Interface",
			 rule->name);
		r = sink->key(sink->ctx, &key);
	}
	return r;
}

static int walk_requests(const struct key_list_sink *sink)
{
	int r = 0;

	for (const struct request_rule *rule = request_rules;
	     r >= 0 && rule->name; rule++) {
		char title[64];

		snprintf(title, sizeof(title), "Command %s", rule->name);
		r = walk_titled(sink, title, rule->table);
	}
	return r;
}

int key_list_walk(const struct key_list_sink *sink)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(tables) / sizeof(tables[0]);
	     i++)
		r = walk_titled(sink, tables[i].title, tables[i].table);
	if (r >= 0)
		r = walk_wg(sink);
	return r < 0 ? r : walk_requests(sink);
}
