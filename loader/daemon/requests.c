/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What clients of the control socket may ask, and the answers. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loader/daemon/check.h"
#include "loader/daemon/control.h"
#include "loader/daemon/daemon.h"
#include "loader/daemon/explanation.h"
#include "loader/daemon/install.h"
#include "loader/daemon/queue.h"
#include "loader/daemon/reload.h"
#include "loader/daemon/requests.h"
#include "loader/daemon/status.h"
#include "loader/daemon/watch.h"
#include "loader/util/cleanup.h"

/* The answer is about now: what has happened on the host comes first. */
static json_t *answer_status(struct daemon *daemon, const json_t *request)
{
	const json_t *prefixes = json_object_get(request, "prefixes");
	json_t *status;

	(void)engine_dispatch(daemon->engine);
	status = status_json(daemon->engine, daemon->policy,
			     json_is_true(prefixes));
	/* What the kernel lacks weighs more and is said first. */
	if (daemon->policy && watch_is_blind(daemon->watch) &&
	    !json_is_string(json_object_get(status, "degraded"))) {
		json_object_set_new(status, "state", json_string("degraded"));
		json_object_set_new(status, "degraded", json_string("watch"));
	}
	json_object_set_new(status, "errors", findings_json(&daemon->report));
	json_object_set_new(status, "shadow",
			    json_boolean(daemon->options.engine.shadow));
	return control_result(status);
}

/* ---- explain ----------------------------------------------------------- */

struct subject {
	const struct app *app;
	const struct selector *selector;
};

/* Whom the request asks about; NULL, or the error to answer with. */
static json_t *find_subject(struct daemon *daemon, const json_t *request,
			    struct subject *ret)
{
	const char *id = json_string_value(json_object_get(request, "app"));
	const char *path =
		json_string_value(json_object_get(request, "cgroup"));
	json_int_t pid = json_integer_value(json_object_get(request, "pid"));
	int r;

	if (id) {
		ret->app = policy_find_app(daemon->policy, id);
		return ret->app ? NULL : control_error("unknown app '%s'", id);
	}
	if (path) {
		r = engine_app_of_cgroup(daemon->engine, path, &ret->app,
					 &ret->selector);
		return r == 0 ? NULL :
				control_error("cgroup '%s': %s", path,
					      strerror(-r));
	}
	if (pid <= 0 || pid > INT32_MAX)
		return control_error("no app, pid or cgroup named");
	r = engine_app_of_pid(daemon->engine, (pid_t)pid, &ret->app,
			      &ret->selector);
	return r == 0 ? NULL :
			control_error("process %d: %s", (int)pid, strerror(-r));
}

static const struct tunnel *tunnel_of(const struct policy *policy,
				      const struct app *app)
{
	if (!app || app->tunnel >= policy->n_tunnels)
		return NULL;
	return &policy->tunnels[app->tunnel];
}

struct way_text {
	char source[INET6_ADDRSTRLEN];
	char interface[IF_NAMESIZE];
	char route[160];
};

/* Asks the kernel's tables; false when nothing would be sent. */
static bool find_way(struct daemon *daemon, const struct explanation *e,
		     const struct in6_addr *dst, struct way_text *ret)
{
	const struct tunnel *tunnel = e->verdict == SP_TUNNEL ? e->tunnel :
								NULL;
	struct route_answer answer = { 0 };
	char text[INET6_ADDRSTRLEN];

	if (e->verdict == SP_BLOCK ||
	    engine_route(daemon->engine, tunnel, dst, &answer) < 0)
		return false;
	if (address_format(&answer.source, ret->source, sizeof(ret->source)) <
		    0 ||
	    address_format(dst, text, sizeof(text)) < 0)
		return false;

	snprintf(ret->interface, sizeof(ret->interface), "%s",
		 answer.interface);
	snprintf(ret->route, sizeof(ret->route), "%s dev %s src %s table %u",
		 text, answer.interface, ret->source, answer.table);
	return true;
}

static json_t *answer_explain(struct daemon *daemon, const json_t *request)
{
	const char *address =
		json_string_value(json_object_get(request, "address"));
	struct tunnel_status status = { 0 };
	struct explain_query query = { 0 };
	const struct tunnel *tunnel;
	struct subject subject = { 0 };
	struct explanation why;
	struct way_text text;
	struct way way = { text.interface, text.source, text.route };
	json_t *error;
	bool known;

	if (!address || address_parse(address, &query.dst) < 0)
		return control_error("not an address");
	error = find_subject(daemon, request, &subject);
	if (error)
		return error;

	query.app = subject.app;
	query.dst_is_host = engine_is_host_address(daemon->engine, &query.dst);
	tunnel = tunnel_of(daemon->policy, subject.app);
	if (tunnel)
		engine_tunnel(daemon->engine, tunnel, &status);
	query.tunnel = status.facts;
	policy_explain(daemon->policy, &query, &why);
	known = find_way(daemon, &why, &query.dst, &text);
	return control_result(explanation_json(daemon->policy, &query, &why,
					       subject.selector,
					       known ? &way : NULL));
}

/* ---- the store --------------------------------------------------------- */

static json_t *answer_list(struct daemon *daemon, const json_t *request)
{
	(void)request;
	return control_result(list_json(daemon));
}

/* ---- who may ask what -------------------------------------------------- */

static const struct request {
	const char *command;
	/* A look at what is there: whoever may connect may have it at once. */
	json_t *(*look)(struct daemon *daemon, const json_t *request);
	/* For root and the daemon's own user, and for the queue. */
	queue_fn change;
	bool alike; /* one for all who ask for it */
} requests[] = {
	{ .command = "status", .look = answer_status },
	{ .command = "explain", .look = answer_explain },
	{ .command = "list", .look = answer_list },
	{ .command = "reload", .change = reload_answer, .alike = true },
	{ .command = "plan", .change = reload_plan_answer, .alike = true },
	{ .command = "install", .change = install_answer },
	{ .command = "remove", .change = remove_answer },
	{ .command = "enable", .change = enable_answer },
	{ .command = "disable", .change = disable_answer },
};

static const struct request *find_request(const json_t *request,
					  const char *command)
{
	/* As clients put it. */
	if (!strcmp(command, "reload") &&
	    json_is_true(json_object_get(request, "plan")))
		command = "plan";
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		if (!strcmp(requests[i].command, command))
			return &requests[i];
	}
	return NULL;
}

static int begin(struct daemon *daemon, const struct request *what,
		 const json_t *request, uint64_t ticket, json_t **ret_answer)
{
	int r = what->alike ?
			queue_join(daemon->queue, what->change, ticket) :
			queue_add(daemon->queue, what->change, request, ticket);

	if (r == 0)
		return -EINPROGRESS;
	*ret_answer = r == -EBUSY ?
			      control_error("too many requests are waiting") :
			      control_error("%s", strerror(-r));
	return 0;
}

int request_answer(void *ctx, const struct ucred *peer, const json_t *request,
		   uint64_t ticket, json_t **ret_answer)
{
	const char *command =
		json_string_value(json_object_get(request, "command"));
	bool may_change = peer->uid == 0 || peer->uid == geteuid();
	const struct request *what;

	*ret_answer = NULL;
	if (!command) {
		*ret_answer = control_error("no command");
		return 0;
	}
	what = find_request(request, command);
	if (what && what->change && may_change)
		return begin(ctx, what, request, ticket, ret_answer);

	if (!what)
		*ret_answer = control_error("unknown command '%s'", command);
	else if (what->change)
		*ret_answer = control_error("'%s' is for root: it changes "
					    "what every user's apps do",
					    command);
	else
		*ret_answer = what->look(ctx, request);
	return 0;
}
