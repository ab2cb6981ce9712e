/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitctl explain: where a flow goes, and why. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/ctl/client.h"
#include "loader/ctl/commands.h"
#include "loader/ctl/offline.h"
#include "loader/ctl/target.h"
#include "loader/daemon/explanation.h"
#include "loader/util/plain.h"

struct question {
	const char *app, *cgroup, *pid_text, *proto;
	const char *run;
	struct offline from;
	pid_t pid;
	struct target target;
	bool json;
};

/* ---- offline ----------------------------------------------------------- */

static int find_app(const struct policy *policy, const struct question *q,
		    const struct app **ret_app,
		    const struct selector **ret_selector)
{
	*ret_app = NULL;
	*ret_selector = NULL;
	if (q->app) {
		*ret_app = policy_find_app(policy, q->app);
		if (!*ret_app)
			complain("unknown app '%s'", q->app);
		return *ret_app ? 0 : -ENOENT;
	}
	if (q->cgroup) {
		offline_cgroup(policy, q->cgroup, ret_app, ret_selector);
		return 0;
	}
	if (offline_pid(policy, q->pid, ret_app, ret_selector) < 0) {
		complain("process %d: no such process", (int)q->pid);
		return -ESRCH;
	}
	return 0;
}

static int explain_offline(const struct question *q, json_t **ret_result)
{
	struct explain_query query = {
		.dst = q->target.addr,
		.tunnel = { .up = true, .has_ipv4 = true, .has_ipv6 = true },
	};
	const struct selector *selector;
	struct policy *policy = NULL;
	struct explanation why;
	int r;

	r = offline_policy(&q->from, &policy);
	if (r < 0 && r != -EBADMSG)
		complain("explain: %s", strerror(-r));
	if (r == 0)
		r = find_app(policy, q, &query.app, &selector);
	if (r == 0) {
		policy_explain(policy, &query, &why);
		*ret_result =
			explanation_json(policy, &query, &why, selector, NULL);
	}
	policy_free(policy);
	return r < 0 ? EXIT_FAILED : 0;
}

/* ---- online ------------------------------------------------------------ */

static int explain_online(const struct question *q, json_t **ret_result)
{
	char address[INET6_ADDRSTRLEN];
	json_t *request;

	if (address_format(&q->target.addr, address, sizeof(address)) < 0)
		return EXIT_FAILED;
	request = json_pack("{s:s, s:s*, s:s*, s:o*}", "address", address,
			    "app", q->app, "cgroup", q->cgroup, "pid",
			    q->pid_text ? json_integer(q->pid) : NULL);
	return client_ask(q->run, "explain", request, ret_result);
}

/* What was asked; the verdict is the same for every protocol and port. */
static void add_flow(const struct question *q, json_t *result)
{
	json_object_set_new(result, "proto", json_string(q->proto));
	json_object_set_new(result, "port",
			    q->target.port ? json_integer(q->target.port) :
					     json_null());
	json_object_set_new(result, "depends_on_proto", json_false());
}

/* ---- text -------------------------------------------------------------- */

static void print_explanation(const json_t *result)
{
	static const struct {
		const char *key, *label;
	} rows[] = {
		{ "app", "app" },
		{ "selector", "selector" },
		{ "tunnel", "tunnel" },
		{ "prefix", "prefix" },
		{ "source_file", "file" },
		{ "key_path", "key" },
		{ "interface", "interface" },
		{ "source_address", "source" },
		{ "route", "route" },
		{ "near_miss", "near miss" },
	};
	const char *verdict =
		json_string_value(json_object_get(result, "verdict"));
	const char *text =
		json_string_value(json_object_get(result, "reason_text"));
	const char *reason =
		json_string_value(json_object_get(result, "reason"));

	plain_print(stdout, "%s: %s (%s)\n", verdict ? verdict : "",
		    text ? text : "", reason ? reason : "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *value =
			json_string_value(json_object_get(result, rows[i].key));

		if (value)
			plain_print(stdout, "  %-10s %s\n", rows[i].label,
				    value);
	}
}

/* ---- command line ------------------------------------------------------ */

static int parse_pid(struct question *q)
{
	char *end;
	long pid;

	if (!q->pid_text)
		return 0;
	errno = 0;
	pid = strtol(q->pid_text, &end, 10);
	if (errno || *end || end == q->pid_text || pid <= 0 || pid > INT_MAX) {
		complain("explain: '%s' is not a process id", q->pid_text);
		return -EINVAL;
	}
	q->pid = (pid_t)pid;
	return 0;
}

/* What the table of options cannot say. */
static int check_question(struct question *q, const char *target)
{
	int subjects = !!q->app + !!q->cgroup + !!q->pid_text;

	if (subjects != 1) {
		complain("explain: name one of --app, --pid and --cgroup");
		return -EINVAL;
	}
	if (strcmp(q->proto, "tcp") && strcmp(q->proto, "udp") &&
	    strcmp(q->proto, "icmp")) {
		complain("explain: '%s' is not tcp, udp or icmp", q->proto);
		return -EINVAL;
	}
	if (target_parse(target, &q->target) < 0) {
		complain("explain: '%s' is not ADDR or ADDR:PORT; an IPv6 port "
			 "is written [ADDR]:PORT, and names are not looked up",
			 target);
		return -EINVAL;
	}
	if (!strcmp(q->proto, "icmp") && q->target.port) {
		complain("explain: icmp has no port");
		return -EINVAL;
	}
	if (q->cgroup && *q->cgroup != '/') {
		complain("explain: '%s' is not an absolute path below the "
			 "cgroup2 mount",
			 q->cgroup);
		return -EINVAL;
	}
	return parse_pid(q);
}

static bool is_offline(const struct offline *from)
{
	return from->policy_dir || from->host_path || from->state;
}

int cmd_explain(int argc, char **argv)
{
	struct question q = { .run = DEFAULT_RUN, .proto = "tcp" };
	const struct option_spec specs[] = {
		{ "json", NULL, &q.json },
		{ "run", &q.run, NULL },
		{ "app", &q.app, NULL },
		{ "pid", &q.pid_text, NULL },
		{ "cgroup", &q.cgroup, NULL },
		{ "proto", &q.proto, NULL },
		{ "policy", &q.from.policy_dir, NULL },
		{ "host", &q.from.host_path, NULL },
		{ "state", &q.from.state, NULL },
		{ 0 },
	};
	json_t *result = NULL;
	int n = parse_options(argc, argv, specs), r;

	if (n < 0)
		return EXIT_USAGE;
	if (n != 1)
		return usage(argv[0]);
	if (check_question(&q, argv[1]) < 0)
		return EXIT_USAGE;

	r = is_offline(&q.from) ? explain_offline(&q, &result) :
				  explain_online(&q, &result);
	if (r != 0)
		return r;
	add_flow(&q, result);
	if (q.json) {
		print_json(result);
	} else {
		print_explanation(result);
		json_decref(result);
	}
	return EXIT_SUCCESS;
}
