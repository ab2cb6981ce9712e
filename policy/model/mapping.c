/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The payload that maps apps to tunnels, as macOS has it. */

/*
 * Several conditions of one mapping hold together there. Here its Path is an
 * exe: selector; what it says of code signatures cannot be checked, so the
 * app is known less surely than on macOS, and the administrator is told.
 */
#include <stdio.h>
#include <string.h>

#include "policy/model/selector.h"
#include "policy/model/settings.h"
#include "policy/read/arena.h"

static void read_path(struct reading *reading, const struct value *item,
		      const struct trail *up, const char *id)
{
	const struct value *path = value_get(item, "Path");
	const struct trail trail = { up, "Path", 0 };
	struct document *document = reading->document;
	struct app_entry *app = &document->apps[document->n_apps];
	char text[EXE_PATH_MAX + 8];
	struct selector_parse parse;

	if (!path || path->type != VALUE_STRING)
		return;
	snprintf(text, sizeof(text), "exe:%.*s", EXE_PATH_MAX + 1,
		 path->string);
	if (selector_parse(text, &parse) < 0) {
		reading_complain(reading, parse.code, path, &trail,
				 path->string, "%s", parse.problem);
		return;
	}
	app->id = reading_copy(reading, id);
	app->at = reading_spot(reading, path, &trail);
	app->selectors = reading_array(reading, 1, sizeof(*app->selectors));
	if (reading->error)
		return;
	app->selectors[0] = (struct selector_entry){
		.kind = parse.kind,
		.text = reading_copy(reading, text),
		.path = reading_copy(reading, text + strlen("exe:")),
		.line = path->line,
		.column = path->column,
	};
	app->n_selectors = 1;
	document->n_apps++;
}

static void check_identity(struct reading *reading, const struct value *item,
			   const struct trail *trail)
{
	bool has_requirement = value_get(item, "DesignatedRequirement");

	if (!has_requirement || !value_get(item, "SigningIdentifier"))
		reading_complain(reading, "W451", item, trail, NULL,
				 "mapping lacks %s, which Apple requires",
				 has_requirement ? "SigningIdentifier" :
						   "DesignatedRequirement");
	if (has_requirement && !value_get(item, "Path"))
		reading_complain_at(reading, "W450", item, trail,
				    "DesignatedRequirement", NULL,
				    "cannot be checked here: the app is known "
				    "less surely than on macOS");
}

static void read_mapping(struct reading *reading, const struct value *item,
			 const struct trail *trail)
{
	const struct value *uuid = value_get(item, "VPNUUID");
	const char *id = value_get_string(item, "Identifier");
	const struct trail below = { trail, "VPNUUID", 0 };
	struct document *document = reading->document;
	struct link_entry *link = &document->links[document->n_links];

	check_identity(reading, item, trail);
	if (!id || !identifier_valid(id) || !uuid ||
	    uuid->type != VALUE_STRING || !identifier_valid(uuid->string))
		return;

	link->source = LINK_MAPPING;
	link->id = reading_copy(reading, id);
	link->uuid = reading_copy(reading, uuid->string);
	link->at = reading_spot(reading, uuid, &below);
	document->n_links++;
	read_path(reading, item, trail, id);
}

/*
 * Room for one more array of links and apps behind those there are, and for as
 * many again: many payloads must not cost a copy of all each.
 */
static bool grow(struct reading *reading, size_t n)
{
	struct document *document = reading->document;
	size_t room = 2 * (document->n_links + n);
	struct link_entry *links;
	struct app_entry *apps;

	if (document->n_links + n <= reading->links_room)
		return true;
	links = reading_array(reading, room, sizeof(*links));
	apps = reading_array(reading, room, sizeof(*apps));
	if (!links || !apps)
		return false;
	if (document->n_links)
		memcpy(links, document->links,
		       document->n_links * sizeof(*links));
	if (document->n_apps)
		memcpy(apps, document->apps, document->n_apps * sizeof(*apps));
	document->links = links;
	document->apps = apps;
	reading->links_room = room;
	return true;
}

void mapping_read(struct reading *reading, const struct value *value,
		  const struct trail *trail)
{
	const struct key_rule *rule =
		&keys_payload_mapping.rules[keys_payload_mapping.n - 1];
	size_t index = 0;

	keys_check_items(reading, value, trail, rule->inner);
	if (value->type != VALUE_ARRAY || !grow(reading, value->n))
		return;
	value_foreach(item, value) {
		const struct trail below = { trail, NULL, index++ };

		if (item->type == VALUE_DICT)
			read_mapping(reading, item, &below);
	}
}
