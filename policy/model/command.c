/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MDM commands: which app is linked to which tunnel, and profiles in transit.
 */
#include <string.h>

#include "policy/model/settings.h"

#define NAMES_MAX 96 /* request types, for suggestions */

/* No Attributes, or none of VPNUUID: the link is taken off (Apple). */
static void read_link(struct reading *reading, const struct value *item,
		      const struct trail *trail)
{
	const struct value *attributes = value_get(item, "Attributes");
	const struct value *uuid = value_get(attributes, "VPNUUID");
	const char *id = value_get_string(item, "Identifier");
	const struct trail up = { trail, "Attributes", 0 };
	const struct trail below = { &up, "VPNUUID", 0 };
	struct document *document = reading->document;
	struct link_entry *link = &document->links[document->n_links];

	if (!id || !identifier_valid(id) ||
	    (uuid &&
	     (uuid->type != VALUE_STRING || !identifier_valid(uuid->string))))
		return;

	link->source = LINK_COMMAND;
	link->id = reading_copy(reading, id);
	link->uuid = uuid ? reading_copy(reading, uuid->string) : NULL;
	link->at = uuid	      ? reading_spot(reading, uuid, &below) :
		   attributes ? reading_spot(reading, attributes, &up) :
				reading_spot(reading, item, trail);
	document->n_links++;
}

static void check_item_name(struct reading *reading, const struct value *item,
			    const struct trail *trail, const char *kind)
{
	const struct value *value = value_get(item, "Item");
	const struct trail below = { trail, "Item", 0 };
	const char *meant;

	for (size_t i = 0; item_names[i]; i++)
		if (strcmp(item_names[i], kind) == 0)
			return;

	meant = suggest(kind, item_names);
	reading_complain(reading, "W361", value, &below, kind,
			 "unknown item, not read%s%s%s",
			 meant ? "; did you mean " : "", meant ? meant : "",
			 meant ? "?" : "");
}

static void read_item(struct reading *reading, const struct value *item,
		      const struct trail *trail)
{
	const char *kind = value_get_string(item, "Item");

	if (kind && strcmp(kind, "ApplicationAttributes") == 0) {
		keys_check(reading, item, trail, &keys_item_attributes);
		read_link(reading, item, trail);
		return;
	}
	if (kind && strcmp(kind, "ApplicationConfiguration") == 0) {
		keys_check(reading, item, trail, &keys_item_configuration);
		return;
	}
	keys_check(reading, item, trail, &keys_item_other);
	if (kind)
		check_item_name(reading, item, trail, kind);
}

/* Each item by its own table; a wrong type is reported already. */
void command_read_settings(struct reading *reading, const struct value *value,
			   const struct trail *trail)
{
	struct document *document = reading->document;
	size_t index = 0;

	if (value->type != VALUE_ARRAY)
		return;
	document->links =
		reading_array(reading, value->n, sizeof(*document->links));
	if (!document->links)
		return;

	value_foreach(item, value) {
		const struct trail below = { trail, NULL, index++ };

		if (item->type == VALUE_DICT)
			read_item(reading, item, &below);
	}
}

/* InstallApplication speaks of the link only when it has Attributes. */
static void read_install(struct reading *reading, const struct value *value,
			 const struct trail *trail)
{
	reading_complain_at(reading, "N364", value, trail, "RequestType",
			    "InstallApplication",
			    "nothing is installed, only the app's link is "
			    "read");
	if (!value_get(value, "Attributes"))
		return;
	if (!value_get(value, "Identifier")) {
		reading_complain_at(reading, "E362", value, trail, "Attributes",
				    NULL,
				    "of an app without Identifier, which "
				    "cannot be told here");
		return;
	}
	reading->document->links =
		reading_array(reading, 1, sizeof(struct link_entry));
	if (reading->document->links)
		read_link(reading, value, trail);
}

static void read_remove(struct reading *reading, const struct value *value,
			const struct trail *trail)
{
	struct document *document = reading->document;

	document->links = reading_array(reading, 1, sizeof(struct link_entry));
	if (document->links)
		read_link(reading, value, trail);
}

static void read_remove_profile(struct reading *reading,
				const struct value *value,
				const struct trail *up)
{
	const char *identifier = value_get_string(value, "Identifier");
	const struct trail trail = { up, "Identifier", 0 };

	if (!identifier)
		return;
	reading->document->identity.removes = reading_copy(reading, identifier);
	reading->document->named_at =
		reading_spot(reading, value_get(value, "Identifier"), &trail);
}

static void read_query(struct reading *reading, const struct value *value)
{
	struct document_identity *identity = &reading->document->identity;
	const struct value *list = value_get(value, "Identifiers");

	if (!list || list->type != VALUE_ARRAY)
		return;
	identity->asked =
		reading_array(reading, list->n, sizeof(*identity->asked));
	if (!identity->asked)
		return;
	value_foreach(item, list)
		if (item->type == VALUE_STRING)
			identity->asked[identity->n_asked++] =
				reading_copy(reading, item->string);
}

static void complain_unknown(struct reading *reading,
			     const struct value *command,
			     const struct trail *up, const char *type)
{
	const struct trail trail = { up, "RequestType", 0 };
	const char *names[NAMES_MAX + 1] = { NULL };
	const char *meant;

	for (size_t i = 0; request_rules[i].name && i < NAMES_MAX; i++)
		names[i] = request_rules[i].name;
	meant = suggest(type, names);
	reading_complain(reading, "E360", value_get(command, "RequestType"),
			 &trail, type, "command is not supported%s%s%s",
			 meant ? "; did you mean " : "", meant ? meant : "",
			 meant ? "?" : "");
}

static void read_request(struct reading *reading, const struct value *value,
			 const struct trail *trail,
			 const struct request_rule *request)
{
	const char *type = request->name;

	reading->document->identity.request = type;
	keys_check(reading, value, trail, request->table);
	if (strcmp(type, "InstallApplication") == 0)
		read_install(reading, value, trail);
	else if (strcmp(type, "RemoveApplication") == 0)
		read_remove(reading, value, trail);
	else if (strcmp(type, "InstallProfile") == 0)
		command_read_profile(reading, value_get(value, "Payload"),
				     trail);
	else if (strcmp(type, "RemoveProfile") == 0)
		read_remove_profile(reading, value, trail);
	else if (strcmp(type, "ManagedApplicationAttributes") == 0)
		read_query(reading, value);
	if (request->treatment != TREATMENT_ENFORCED)
		reading_complain_at(reading, "W360", value, trail,
				    "RequestType", type,
				    "this build does not act on this command");
}

void command_read_request(struct reading *reading, const struct value *value,
			  const struct trail *trail)
{
	const char *type = value_get_string(value, "RequestType");
	const struct request_rule *request = request_rules;

	if (value->type != VALUE_DICT)
		return;
	while (type && request->name && strcmp(request->name, type) != 0)
		request++;
	if (request->name)
		read_request(reading, value, trail, request);
	else
		complain_unknown(reading, value, trail, type);
}

void command_read(struct reading *reading, const struct value *root)
{
	struct document *document = reading->document;
	const char *uuid = value_get_string(root, "CommandUUID");

	if (uuid)
		document->identity.command = reading_copy(reading, uuid);
	/* some servers store the command without its envelope */
	if (value_get(root, "Command"))
		keys_check(reading, root, NULL, &keys_command);
	else
		command_read_request(reading, root, NULL);
}
