/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tunnel's settings: routes, interface and modes. */
#include <string.h>

#include "policy/model/prefix.h"
#include "policy/model/settings.h"

static bool read_route(struct reading *reading, const struct value *item,
		       const struct trail *trail, uint32_t index,
		       struct route *ret_route)
{
	const char *problem;
	bool had_host_bits;

	if (prefix_parse(item->string, &ret_route->addr, &ret_route->len,
			 &had_host_bits, &problem) < 0) {
		reading_complain(reading, "E474", item, trail, item->string,
				 "%s", problem);
		return false;
	}
	if (had_host_bits)
		reading_complain(reading, "W475", item, trail, item->string,
				 "bits behind the prefix length are ignored");
	ret_route->line = item->line;
	ret_route->column = item->column;
	ret_route->index = index;
	return true;
}

static void read_routes(struct reading *reading, const struct value *dict,
			const struct trail *up, const char *key,
			struct route_list *list)
{
	const struct value *value = value_get(dict, key);
	const struct trail trail = { up, key, 0 };
	uint32_t index = 0;

	if (!value ||
	    (value->type != VALUE_ARRAY && value->type != VALUE_STRING))
		return;
	list->at = reading_spot(reading, value, &trail);
	list->routes = reading_array(reading,
				     value->type == VALUE_ARRAY ? value->n : 1,
				     sizeof(*list->routes));
	if (!list->routes)
		return;

	if (value->type == VALUE_STRING) {
		list->n = read_route(reading, value, &trail, 0, list->routes);
		return;
	}
	value_foreach(item, value) {
		const struct trail below = { &trail, NULL, index };

		if (item->type == VALUE_STRING &&
		    read_route(reading, item, &below, index,
			       &list->routes[list->n]))
			list->n++;
		index++;
	}
}

static void read_interface(struct reading *reading, const struct value *dict,
			   const struct trail *up, struct tunnel_entry *entry)
{
	const struct value *value = value_get(dict, "Interface");
	const struct trail trail = { up, "Interface", 0 };

	if (!value || value->type != VALUE_STRING)
		return;
	if (!interface_valid(value->string)) {
		reading_complain(reading, "E493", value, &trail, value->string,
				 "not an interface name of 1 to %d characters",
				 INTERFACE_MAX);
		return;
	}
	entry->interface = reading_copy(reading, value->string);
	entry->interface_at = reading_spot(reading, value, &trail);
}

static void read_enum(struct reading *reading, const struct value *dict,
		      const struct trail *up, const char *key,
		      const char *const *values, struct enum_fact *fact)
{
	const struct value *value = value_get(dict, key);
	const struct trail trail = { up, key, 0 };

	if (!value || value->type != VALUE_STRING)
		return;
	for (unsigned int i = 0; values[i]; i++) {
		if (strcmp(values[i], value->string) != 0)
			continue;
		fact->at = reading_spot(reading, value, &trail);
		fact->value = i;
	}
}

_Static_assert(WHEN_DOWN_BLOCK == 0 && WHEN_DOWN_DIRECT == 1 &&
		       ROUTING_APP_AND_DESTINATION == 0 &&
		       ROUTING_APP_ONLY == 1 && INBOUND_ALLOW == 0 &&
		       INBOUND_DENY == 1,
	       "the lists of keys_host.c are in the enums' order");

void settings_read(struct reading *reading, const struct value *dict,
		   const struct trail *trail, struct tunnel_entry *entry)
{
	read_interface(reading, dict, trail, entry);
	read_routes(reading, dict, trail, "IncludedRoutes", &entry->included);
	read_routes(reading, dict, trail, "ExcludedRoutes", &entry->excluded);
	read_enum(reading, dict, trail, "WhenDown", when_down_values,
		  &entry->when_down);
	read_enum(reading, dict, trail, "RoutingMode", routing_mode_values,
		  &entry->routing_mode);
	read_enum(reading, dict, trail, "Inbound", inbound_values,
		  &entry->inbound);
}

void payload_version_check(struct reading *reading, const struct value *dict,
			   const struct trail *trail)
{
	const struct value *value = value_get(dict, "PayloadVersion");
	const struct trail below = { trail, "PayloadVersion", 0 };
	char shown[128];

	if (!value || (value->type == VALUE_INTEGER && value->integer == 1))
		return;

	value_show(value, shown, sizeof(shown));
	if ((value->type == VALUE_STRING && strcmp(value->string, "1") == 0) ||
	    (value->type == VALUE_REAL && value->real == 1.0))
		reading_complain(reading, "W401", value, &below, shown,
				 "%s taken as integer",
				 value_type_name(value->type));
	else
		reading_complain(reading, "E311", value, &below, shown,
				 "must be integer 1, found %s",
				 value_type_name(value->type));
}
