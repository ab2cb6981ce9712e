/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What splitctl's commands have in common. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/ctl/commands.h"
#include "loader/util/cleanup.h"
#include "loader/util/plain.h"

void complain(const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	plain_print(stderr, "splitctl: %s\n", text ? text : "out of memory");
}

/* The spec that "--name" or "--name=value" fits. */
static const struct option_spec *find(const struct option_spec *specs,
				      const char *arg, const char **ret_value)
{
	size_t len = strcspn(arg, "=");

	for (; specs->name; specs++) {
		if (strlen(specs->name) == len &&
		    !strncmp(specs->name, arg, len)) {
			*ret_value = arg[len] ? arg + len + 1 : NULL;
			return specs;
		}
	}
	return NULL;
}

/* One option at argv[at]; returns how many arguments it took. */
static int take(int argc, char **argv, int at, const struct option_spec *specs)
{
	const char *value = NULL;
	const struct option_spec *spec = find(specs, argv[at] + 2, &value);

	if (!spec || (spec->flag && value)) {
		complain("%s: unknown option '%s'", argv[0], argv[at]);
		return -EINVAL;
	}
	if (spec->flag) {
		*spec->flag = true;
		return 1;
	}
	if (value) {
		*spec->value = value;
		return 1;
	}
	if (at + 1 >= argc) {
		complain("%s: '%s' needs a value", argv[0], argv[at]);
		return -EINVAL;
	}
	*spec->value = argv[at + 1];
	return 2;
}

int parse_options(int argc, char **argv, const struct option_spec *specs)
{
	int n = 0, at = 1;

	while (at < argc && strcmp(argv[at], "--")) {
		int taken = 1;

		if (argv[at][0] == '-' && argv[at][1] == '-')
			taken = take(argc, argv, at, specs);
		else if (argv[at][0] == '-' && argv[at][1])
			taken = take(argc, argv, at,
				     &(struct option_spec){ 0 });
		else
			argv[++n] = argv[at];
		if (taken < 0) {
			usage(argv[0]);
			return taken;
		}
		at += taken;
	}
	for (at++; at < argc; at++)
		argv[++n] = argv[at];
	return n;
}

void print_json(json_t *json)
{
	if (json && json_dumpf(json, stdout, JSON_INDENT(2)) == 0)
		putchar('\n');
	json_decref(json);
}
