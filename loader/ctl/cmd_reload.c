/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitctl reload: all files again, or what that would change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/ctl/client.h"
#include "loader/ctl/commands.h"
#include "loader/ctl/finding.h"
#include "loader/util/plain.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void print_change(const json_t *change)
{
	const char *detail = text_of(change, "detail");

	plain_print(stdout, "%-8s%-10s%s%s%s\n", text_of(change, "kind"),
		    text_of(change, "what"), text_of(change, "name"),
		    *detail ? "  " : "", detail);
}

/* "flow    tcp 1.1.1.1:443 of com.example.app (curl, 12): tunnel -> direct" */
static void print_flow(const json_t *flow)
{
	const json_t *before = json_object_get(flow, "before");
	const json_t *after = json_object_get(flow, "after");
	const char *address = text_of(flow, "destination");
	bool is_ipv6 = strchr(address, ':');

	plain_print(stdout,
		    "flow    %s %s%s%s:%d of %s (%s, %d): %s %s -> %s %s\n",
		    text_of(flow, "proto"), is_ipv6 ? "[" : "", address,
		    is_ipv6 ? "]" : "",
		    (int)json_integer_value(json_object_get(flow, "port")),
		    text_of(flow, "app"), text_of(flow, "process"),
		    (int)json_integer_value(json_object_get(flow, "pid")),
		    text_of(before, "verdict"), text_of(before, "interface"),
		    text_of(after, "verdict"), text_of(after, "interface"));
}

/* All files good and, unless it was a question, in force? */
static bool succeeded(const json_t *outcome)
{
	json_t *finding;
	size_t i;

	if (json_is_string(json_object_get(outcome, "error")))
		return false;
	json_array_foreach(json_object_get(outcome, "errors"), i, finding) {
		if (!strcmp(text_of(finding, "severity"), "error"))
			return false;
	}
	return true;
}

static void print_outcome(const json_t *outcome, bool plan)
{
	json_t *changes = json_object_get(outcome, "changes"), *item;
	const char *error = text_of(outcome, "error");
	size_t i;

	findings_print_json(json_object_get(outcome, "errors"));
	json_array_foreach(changes, i, item)
		print_change(item);
	json_array_foreach(json_object_get(outcome, "flows"), i, item)
		print_flow(item);
	if (plan && json_is_null(json_object_get(outcome, "flows")))
		printf("this kernel does not tell which flows there are\n");
	if (*error)
		plain_print(stderr, "splitctl: %s, keeping previous policy\n",
			    error);
	else if (plan && json_array_size(changes) == 0)
		printf("nothing would change\n");
	else if (!plan)
		printf("%s, generation %lld\n",
		       succeeded(outcome) ?
			       "reloaded" :
			       "reloaded, bad files as they last were good",
		       (long long)json_integer_value(
			       json_object_get(outcome, "generation")));
}

int cmd_reload(int argc, char **argv)
{
	bool json = false, plan = false;
	const char *run = DEFAULT_RUN;
	const struct option_spec specs[] = {
		{ "json", NULL, &json },
		{ "plan", NULL, &plan },
		{ "run", &run, NULL },
		{ 0 },
	};
	json_t *outcome;
	int n = parse_options(argc, argv, specs), r;

	if (n < 0)
		return EXIT_USAGE;
	if (n > 0)
		return usage(argv[0]);
	r = client_ask(run, "reload", json_pack("{s:b}", "plan", plan),
		       &outcome);
	if (r != 0)
		return r;

	r = succeeded(outcome) ? EXIT_SUCCESS : EXIT_FAILED;
	if (json) {
		print_json(outcome);
	} else {
		print_outcome(outcome, plan);
		json_decref(outcome);
	}
	return r;
}
