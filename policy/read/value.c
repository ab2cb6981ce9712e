/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The value tree of a property list: what was written, and where. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/read/value.h"

const char *value_type_name(enum value_type type)
{
	static const char *const names[] = {
		[VALUE_DICT] = "dict",	   [VALUE_ARRAY] = "array",
		[VALUE_STRING] = "string", [VALUE_INTEGER] = "integer",
		[VALUE_REAL] = "real",	   [VALUE_BOOL] = "boolean",
		[VALUE_DATE] = "date",	   [VALUE_DATA] = "data",
	};

	return names[type];
}

const struct value *value_get(const struct value *dict, const char *key)
{
	if (!dict || dict->type != VALUE_DICT)
		return NULL;
	value_foreach(child, dict)
		if (strcmp(child->key, key) == 0)
			return child;
	return NULL;
}

const char *value_get_string(const struct value *dict, const char *key)
{
	const struct value *value = value_get(dict, key);

	return value && value->type == VALUE_STRING ? value->string : NULL;
}

void value_show(const struct value *value, char *buf, size_t size)
{
	switch (value->type) {
	case VALUE_STRING:
		snprintf(buf, size, "%s", value->string);
		break;
	case VALUE_INTEGER:
		snprintf(buf, size, "%" PRId64, value->integer);
		break;
	case VALUE_REAL:
		snprintf(buf, size, "%g", value->real);
		break;
	case VALUE_BOOL:
		snprintf(buf, size, "%s", value->boolean ? "true" : "false");
		break;
	default:
		snprintf(buf, size, "%s", "");
	}
}
