/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host file: what an MDM server cannot know. */
#include <errno.h>
#include <string.h>

#include "policy/model/selector.h"
#include "policy/model/settings.h"
#include "policy/read/arena.h"

static bool read_selector(struct reading *reading, const struct value *item,
			  const struct trail *trail, uint32_t index,
			  struct selector_entry *ret)
{
	struct selector_parse parse;

	if (selector_parse(item->string, &parse) < 0) {
		reading_complain(reading, parse.code, item, trail, item->string,
				 "%s", parse.problem);
		return false;
	}
	ret->kind = parse.kind;
	ret->path = arena_strndup(reading->document->arena, parse.path,
				  parse.path_len);
	ret->text = reading_copy(reading, item->string);
	ret->line = item->line;
	ret->column = item->column;
	ret->index = index;
	if (!ret->path)
		reading->error = -ENOMEM;
	return !reading->error;
}

static void read_app(struct reading *reading, const struct value *value,
		     const struct trail *trail, struct app_entry *app)
{
	uint32_t index = 0;

	app->id = reading_copy(reading, value->key);
	app->at = reading_spot(reading, value, trail);
	app->selectors = reading_array(
		reading, value->type == VALUE_ARRAY ? value->n : 1,
		sizeof(*app->selectors));
	if (!app->selectors)
		return;

	if (value->type == VALUE_STRING)
		app->n_selectors =
			read_selector(reading, value, trail, 0, app->selectors);
	if (value->type != VALUE_ARRAY)
		return;
	value_foreach(item, value) {
		const struct trail below = { trail, NULL, index };

		if (item->type == VALUE_STRING &&
		    read_selector(reading, item, &below, index,
				  &app->selectors[app->n_selectors]))
			app->n_selectors++;
		index++;
	}
}

static bool check_name(struct reading *reading, const struct value *value,
		       const struct trail *trail, const char *what)
{
	if (identifier_valid(value->key))
		return true;
	reading_complain_key(reading, "E315", value, trail, value->key,
			     "%s must be 1 to %d characters of printable ASCII "
			     "without blanks",
			     what, IDENTIFIER_MAX);
	return false;
}

static void read_apps(struct reading *reading, const struct value *dict)
{
	const struct trail up = { NULL, "Apps", 0 };
	struct document *document = reading->document;

	if (!dict || dict->type != VALUE_DICT)
		return;
	document->apps =
		reading_array(reading, dict->n, sizeof(*document->apps));
	if (!document->apps)
		return;
	value_foreach(child, dict) {
		const struct trail trail = { &up, child->key, 0 };

		if (check_name(reading, child, &trail, "bundle identifier"))
			read_app(reading, child, &trail,
				 &document->apps[document->n_apps++]);
	}
}

static void read_tunnels(struct reading *reading, const struct value *dict)
{
	const struct trail up = { NULL, "Tunnels", 0 };
	struct document *document = reading->document;

	if (!dict || dict->type != VALUE_DICT)
		return;
	document->tunnels =
		reading_array(reading, dict->n, sizeof(*document->tunnels));
	if (!document->tunnels)
		return;
	value_foreach(child, dict) {
		const struct trail trail = { &up, child->key, 0 };
		struct tunnel_entry *entry;

		if (!check_name(reading, child, &trail, "VPNUUID") ||
		    child->type != VALUE_DICT)
			continue;
		entry = &document->tunnels[document->n_tunnels++];
		entry->uuid = reading_copy(reading, child->key);
		entry->name = "";
		entry->at = reading_spot(reading, child, &trail);
		settings_read(reading, child, &trail, entry);
	}
}

static void read_links(struct reading *reading, const struct value *dict)
{
	const struct trail up = { NULL, "Links", 0 };
	struct document *document = reading->document;

	if (!dict || dict->type != VALUE_DICT)
		return;
	document->links =
		reading_array(reading, dict->n, sizeof(*document->links));
	if (!document->links)
		return;
	value_foreach(child, dict) {
		const struct trail trail = { &up, child->key, 0 };
		struct link_entry *link = &document->links[document->n_links];

		if (!check_name(reading, child, &trail, "bundle identifier") ||
		    child->type != VALUE_STRING ||
		    !identifier_valid(child->string))
			continue;
		link->source = LINK_HOST;
		link->id = reading_copy(reading, child->key);
		link->uuid = reading_copy(reading, child->string);
		link->at = reading_spot(reading, child, &trail);
		document->n_links++;
	}
}

static bool read_pin(struct reading *reading, const struct value *item,
		     const struct trail *trail, struct pin *ret_pin)
{
	if (item->type != VALUE_STRING)
		return false;
	if (pin_parse(item->string, ret_pin) == 0)
		return true;
	reading_complain(reading, "E494", item, trail, item->string,
			 "not \"sha256:\" and 64 hexadecimal digits");
	return false;
}

void signers_read(struct reading *reading, const struct value *value,
		  const struct trail *trail)
{
	struct signature_policy *demands = &reading->document->demands;
	bool many = value->type == VALUE_ARRAY;
	struct pin *pins =
		reading_array(reading, many ? value->n : 1, sizeof(*pins));
	size_t index = 0;

	if (!pins)
		return;
	demands->pins = pins;
	if (!many) {
		demands->n_pins = read_pin(reading, value, trail, pins);
		return;
	}
	value_foreach(item, value) {
		const struct trail below = { trail, NULL, index++ };

		demands->n_pins +=
			read_pin(reading, item, &below, &pins[demands->n_pins]);
	}
}

static void read_demands(struct reading *reading, const struct value *root)
{
	struct signature_policy *demands = &reading->document->demands;

	demands->required =
		flag_get(value_get(root, "RequireSignature"), false);
	demands->allow_sha1 = flag_get(value_get(root, "AllowSHA1"), false);
	if (demands->required && !demands->n_pins)
		reading_complain_at(reading, "E495", root, NULL,
				    "RequireSignature", NULL,
				    "needs AllowedSigners: without them "
				    "anybody's signature would do");
}

void host_read(struct reading *reading, const struct value *root)
{
	keys_check(reading, root, NULL, &keys_host);
	read_apps(reading, value_get(root, "Apps"));
	read_tunnels(reading, value_get(root, "Tunnels"));
	read_links(reading, value_get(root, "Links"));
	read_demands(reading, root);
}
