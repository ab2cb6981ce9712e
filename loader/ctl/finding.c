/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings that came over the control socket, as lines. */
#include <stdio.h>
#include <string.h>

#include "loader/ctl/finding.h"
#include "loader/util/plain.h"
#include "policy/read/position.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static uint32_t number_of(const json_t *object, const char *key)
{
	return (uint32_t)json_integer_value(json_object_get(object, key));
}

static void format_place(const json_t *finding, char *buf, size_t size)
{
	bool object = json_is_integer(json_object_get(finding, "object"));
	uint32_t line = number_of(finding, object ? "object" : "line");

	if (object)
		line |= POSITION_OBJECT;
	if (line && json_is_true(json_object_get(finding, "inner")))
		line |= POSITION_INNER;
	position_format(line, number_of(finding, object ? "offset" : "column"),
			buf, size);
}

static void print_finding(const json_t *finding)
{
	bool error = !strcmp(text_of(finding, "severity"), "error");
	const char *value = text_of(finding, "value");
	const char *path = text_of(finding, "path");
	char place[POSITION_MAX];

	format_place(finding, place, sizeof(place));
	plain_print(stderr, "%s%s%s%s: %s%s%s%s%s%s [%s]\n",
		    error ? "" : "warning: ", text_of(finding, "file"),
		    *place ? ":" : "", place, path, *path ? ": " : "",
		    text_of(finding, "message"), *value ? ": '" : "", value,
		    *value ? "'" : "", text_of(finding, "code"));
}

void findings_print_json(const json_t *findings)
{
	json_t *finding;
	size_t i;

	json_array_foreach(findings, i, finding)
		print_finding(finding);
}
