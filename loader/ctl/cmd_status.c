/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitctl status: what is in force at this moment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/ctl/client.h"
#include "loader/ctl/commands.h"
#include "loader/util/plain.h"

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* What somebody who looks at an unusual tunnel wants to know. */
static const char *tunnel_note(const json_t *tunnel)
{
	const char *state = text_of(tunnel, "state");

	if (!state)
		return "";
	if (!strcmp(state, "disabled"))
		return "disabled by splitctl: its apps go direct";
	switch (state[0] << 8 | state[1]) {
	case 'p' << 8 | 'e':
		return "no profile defines it: its apps go direct";
	case 'u' << 8 | 'n':
		return "no interface is named: its apps go direct";
	case 'd' << 8 | 'o':
		return "listed destinations get WhenDown";
	default:
		break;
	}
	if (!json_is_true(json_object_get(tunnel, "has_ipv6")))
		return "no IPv6 address: listed IPv6 is blocked";
	if (!json_is_true(json_object_get(tunnel, "has_ipv4")))
		return "no IPv4 address: listed IPv4 is blocked";
	return "";
}

static void print_prefixes(const json_t *tunnel, const char *key,
			   const char *label)
{
	json_t *array = json_object_get(tunnel, key), *item;
	size_t i;

	json_array_foreach(array, i, item)
		plain_print(stdout, "    %s %s\n", label,
			    json_string_value(item));
}

static void print_tunnels(const json_t *tunnels)
{
	static const char *const head[] = { "TUNNEL",	"STATE",    "INTERFACE",
					    "INCLUDED", "EXCLUDED", "NAME",
					    "" };
	struct plain_table *table = plain_table_new(7);
	json_t *tunnel;
	size_t i;

	if (!table)
		return;
	plain_table_add(table, head);
	json_array_foreach(tunnels, i, tunnel) {
		char included[24], excluded[24];
		const char *const cells[] = { text_of(tunnel, "uuid"),
					      text_of(tunnel, "state"),
					      text_of(tunnel, "interface"),
					      included,
					      excluded,
					      text_of(tunnel, "name"),
					      tunnel_note(tunnel) };

		snprintf(included, sizeof(included), "%lld",
			 number_of(tunnel, "included"));
		snprintf(excluded, sizeof(excluded), "%lld",
			 number_of(tunnel, "excluded"));
		plain_table_add(table, cells);
	}
	plain_table_print(table, stdout, "  ");
	plain_table_free(table);

	json_array_foreach(tunnels, i, tunnel) {
		if (!json_object_get(tunnel, "included_prefixes"))
			continue;
		plain_print(stdout, "  %s\n", text_of(tunnel, "uuid"));
		print_prefixes(tunnel, "included_prefixes", "included");
		print_prefixes(tunnel, "excluded_prefixes", "excluded");
	}
}

static void print_apps(const json_t *apps)
{
	static const char *const head[] = { "APP", "TUNNEL", "PROCESSES",
					    "CGROUPS", "DROPS" };
	struct plain_table *table = plain_table_new(5);
	json_t *app, *selector;
	size_t i, k;

	if (!table)
		return;
	plain_table_add(table, head);
	json_array_foreach(apps, i, app) {
		char pids[24], cgroups[24], drops[24];
		const char *const cells[] = { text_of(app, "id"),
					      text_of(app, "tunnel"), pids,
					      cgroups, drops };

		snprintf(pids, sizeof(pids), "%zu",
			 json_array_size(json_object_get(app, "pids")));
		snprintf(cgroups, sizeof(cgroups), "%lld",
			 number_of(app, "cgroups"));
		snprintf(drops, sizeof(drops), "%lld", number_of(app, "drops"));
		plain_table_add(table, cells);
		json_array_foreach(json_object_get(app, "selectors"), k,
				   selector) {
			const char *const more[] = {
				"", json_string_value(selector), "", "", ""
			};

			plain_table_add(table, more);
		}
	}
	plain_table_print(table, stdout, "  ");
	plain_table_free(table);
}

static void print_drops(const json_t *drops)
{
	const char *reason;
	json_t *count;

	printf("refused or dropped: %lld would have leaked, %lld strayed\n",
	       number_of(drops, "leak"), number_of(drops, "stray"));
	json_object_foreach(json_object_get(drops, "reasons"), reason, count)
		plain_print(stdout, "  %-24s %lld\n", reason,
			    (long long)json_integer_value(count));
}

/* What the last reload had to say, in one line. */
static void print_errors(const json_t *findings)
{
	size_t i, n_errors = 0;
	json_t *finding;

	json_array_foreach(findings, i, finding)
		n_errors += !strcmp(text_of(finding, "severity"), "error");
	if (n_errors)
		printf("the last reload found %zu errors; "
		       "`splitctl reload --plan' shows them\n",
		       n_errors);
}

static void print_status(const json_t *status)
{
	const char *degraded = text_of(status, "degraded");
	json_t *tunnels = json_object_get(status, "tunnels");
	json_t *apps = json_object_get(status, "apps");

	plain_print(stdout, "%s, generation %lld%s\n", text_of(status, "state"),
		    number_of(status, "generation"),
		    json_is_true(json_object_get(status, "shadow")) ?
			    ", shadow: nothing is steered or dropped" :
			    "");
	if (degraded)
		plain_print(stdout, "missing: %s\n", degraded);
	print_errors(json_object_get(status, "errors"));
	if (json_array_size(tunnels))
		print_tunnels(tunnels);
	if (json_array_size(apps))
		print_apps(apps);
	print_drops(json_object_get(status, "drops"));
}

int cmd_status(int argc, char **argv)
{
	bool json = false, prefixes = false;
	const char *run = DEFAULT_RUN;
	const struct option_spec specs[] = {
		{ "json", NULL, &json },
		{ "prefixes", NULL, &prefixes },
		{ "run", &run, NULL },
		{ 0 },
	};
	json_t *status;
	int n = parse_options(argc, argv, specs), r;

	if (n < 0)
		return EXIT_USAGE;
	if (n > 0)
		return usage(argv[0]);
	r = client_ask(run, "status", json_pack("{s:b}", "prefixes", prefixes),
		       &status);
	if (r != 0)
		return r;

	if (json) {
		print_json(status);
	} else {
		print_status(status);
		json_decref(status);
	}
	return EXIT_SUCCESS;
}
