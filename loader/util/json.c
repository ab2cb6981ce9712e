/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON of texts that need not be UTF-8, such as file names. */
#include "loader/util/cleanup.h"
#include "loader/util/json.h"
#include "loader/util/plain.h"

json_t *json_text(const char *text)
{
	_cleanup_free_ char *escaped = NULL;
	json_t *json;

	if (!text)
		return json_null();
	json = json_string(text);
	if (json)
		return json;
	escaped = plain_escape(text);
	return json_string(escaped ? escaped : "");
}
