/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitctl list, remove, enable, disable: what is installed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/ctl/client.h"
#include "loader/ctl/commands.h"
#include "loader/ctl/finding.h"
#include "loader/util/plain.h"

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* ---- list ---------------------------------------------------------------- */

static void format_time(const json_t *seconds, char *buf, size_t size)
{
	time_t time = (time_t)json_integer_value(seconds);
	struct tm parts;

	if (!json_is_integer(seconds) || !gmtime_r(&time, &parts))
		snprintf(buf, size, "-");
	else
		strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static int add_item(struct plain_table *table, const json_t *item)
{
	const char *identifier = text_of(item, "identifier");
	char installed[32], removal[32];
	const char *const cells[] = {
		identifier ? identifier : text_of(item, "request"),
		text_of(item, "name"),
		installed,
		removal,
		json_array_size(json_object_get(item, "signers")) ? "signed" :
								    "unsigned",
		text_of(item, "file")
	};

	format_time(json_object_get(item, "installed_at"), installed,
		    sizeof(installed));
	format_time(json_object_get(item, "remove_at"), removal,
		    sizeof(removal));
	return plain_table_add(table, cells);
}

static void print_list(const json_t *list)
{
	static const char *const head[] = { "IDENTIFIER", "NAME", "INSTALLED",
					    "UNTIL",	  "",	  "FROM" };
	json_t *items = json_object_get(list, "items"), *item;
	struct plain_table *table = plain_table_new(6);
	size_t i;

	if (!table)
		return;
	plain_table_add(table, head);
	json_array_foreach(items, i, item)
		add_item(table, item);
	if (json_array_size(items))
		plain_table_print(table, stdout, "");
	else
		printf("nothing is installed\n");
	plain_table_free(table);
	json_array_foreach(json_object_get(list, "disabled"), i, item)
		plain_print(stdout, "disabled tunnel: %s\n",
			    json_string_value(item));
}

int cmd_list(int argc, char **argv)
{
	const char *run = DEFAULT_RUN;
	bool json = false;
	const struct option_spec specs[] = {
		{ "json", NULL, &json },
		{ "run", &run, NULL },
		{ 0 },
	};
	json_t *list;
	int n = parse_options(argc, argv, specs), r;

	if (n < 0)
		return EXIT_USAGE;
	if (n > 0)
		return usage(argv[0]);
	r = client_ask(run, "list", json_object(), &list);
	if (r != 0)
		return r;
	if (json) {
		print_json(list);
	} else {
		print_list(list);
		json_decref(list);
	}
	return EXIT_SUCCESS;
}

/* ---- changes by name ----------------------------------------------------- */

/* A command with one argument, which the daemon knows by this key. */
static int change(int argc, char **argv, const char *key, const char *done)
{
	const char *run = DEFAULT_RUN;
	bool json = false, ok;
	const struct option_spec specs[] = {
		{ "json", NULL, &json },
		{ "run", &run, NULL },
		{ 0 },
	};
	json_t *outcome;
	int n = parse_options(argc, argv, specs), r;

	if (n < 0)
		return EXIT_USAGE;
	if (n != 1)
		return usage(argv[0]);
	r = client_ask(run, argv[0], json_pack("{s:s}", key, argv[1]),
		       &outcome);
	if (r != 0)
		return r;

	ok = json_is_true(json_object_get(outcome, "done"));
	if (json) {
		print_json(outcome);
		return ok ? EXIT_SUCCESS : EXIT_FAILED;
	}
	findings_print_json(json_object_get(outcome, "errors"));
	if (ok)
		plain_print(stdout, "%s %s\n", done, argv[1]);
	else
		complain("%s: %s, keeping previous policy", argv[0],
			 text_of(outcome, "error"));
	json_decref(outcome);
	return ok ? EXIT_SUCCESS : EXIT_FAILED;
}

int cmd_remove(int argc, char **argv)
{
	return change(argc, argv, "identifier", "removed");
}

int cmd_enable(int argc, char **argv)
{
	return change(argc, argv, "uuid", "enabled");
}

int cmd_disable(int argc, char **argv)
{
	return change(argc, argv, "uuid", "disabled");
}
