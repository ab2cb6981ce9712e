/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: splitctl's answers, their keys, types and exit statuses. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/life.h"

#define NOBODY 65534

static const char status_keys[] = "state:s generation:i tunnels:a apps:a "
				  "drops:o";
static const char tunnel_keys[] = "uuid:s name:s interface:s state:s "
				  "included:i excluded:i";
static const char app_keys[] = "id:s tunnel:s selectors:a cgroups:i pids:a "
			       "drops:i";
static const char drop_keys[] = "leak:i stray:i reasons:o";
static const char explain_keys[] =
	"verdict:s reason:s reason_text:s app:s0 tunnel:s0 selector:s0 "
	"prefix:s0 source_file:s0 key_path:s0 interface:s0 source_address:s0 "
	"route:s0 near_miss:s0 proto:s";

static int text_is(struct life *life, const json_t *json, const char *key,
		   const char *want)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (want ? !text || strcmp(text, want) != 0 : !!text)
		return life_no(life, "%s is %s, not %s", key,
			       text ? text : "null", want ? want : "null");
	return 0;
}

static int status_app(struct life *life, const json_t *apps)
{
	const json_t *app = NULL, *item;
	size_t i;
	int r;

	json_array_foreach(apps, i, item)
		if (strcmp("com.example.listed",
			   json_string_value(json_object_get(item, "id"))) == 0)
			app = item;
	r = ctl_keys(life, app, app_keys);
	if (r >= 0 && json_integer_value(json_object_get(app, "cgroups")) != 1)
		r = life_no(life, "not 1 cgroup");
	return r;
}

/* With --prefixes the tunnel's own lists, too. */
static int answer_status(struct life *life)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	_cleanup_json_ json_t *json = NULL;
	const json_t *tunnel;
	int r = ctl_run(life, 0, &ctl, "status", "--json", "--prefixes", NULL);

	if (r >= 0)
		r = ctl_json(life, &ctl, &json);
	if (r >= 0)
		r = ctl_keys(life, json, status_keys);
	if (r >= 0)
		r = text_is(life, json, "state", "governing");
	tunnel = json_array_get(json_object_get(json, "tunnels"), 0);
	if (r >= 0)
		r = ctl_keys(life, tunnel, tunnel_keys);
	if (r >= 0)
		r = text_is(life, tunnel, "state", "up");
	if (r >= 0)
		r = text_is(life, tunnel, "interface", "tun0");
	if (r >= 0 &&
	    (json_integer_value(json_object_get(tunnel, "included")) != 3 ||
	     json_integer_value(json_object_get(tunnel, "excluded")) != 2))
		r = life_no(life, "not 3 included and 2 excluded");
	if (r >= 0)
		r = status_app(life, json_object_get(json, "apps"));
	return r < 0 ? r :
		       ctl_keys(life, json_object_get(json, "drops"),
				drop_keys);
}

/* A question to explain, and what its answer must say. */
struct question {
	const char *subject, *value, *target;
	const char *verdict, *reason, *prefix, *interface, *source;
};

static const struct question questions[] = {
	{ "--app", "com.example.listed", "1.1.1.1", "tunnel",
	  "destination_included", "1.1.1.1/32", "tun0", "10.20.0.2" },
	{ "--app", "com.example.listed", "1.1.1.1:443", "tunnel",
	  "destination_included", "1.1.1.1/32", "tun0", "10.20.0.2" },
	{ "--app", "com.example.listed", "::ffff:1.1.1.1", "tunnel",
	  "destination_included", "1.1.1.1/32", "tun0", "10.20.0.2" },
	{ "--app", "com.example.listed", "203.0.113.200", "direct",
	  "destination_excluded", "203.0.113.128/25", "up0", "10.10.0.2" },
	{ "--app", "com.example.listed", "9.9.9.9", "direct",
	  "destination_unlisted", NULL, "up0", "10.10.0.2" },
	{ "--app", "com.example.listed", "[2001:db8:1::10]:443", "tunnel",
	  "destination_included", "2001:db8:1::/48", "tun0", "fd20::2" },
	{ "--app", "com.example.listed", "2001:db8:9::9", "direct",
	  "destination_unlisted", NULL, "up0", "fd10::2" },
};

static int answer_one(struct life *life, const struct question *q)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	_cleanup_json_ json_t *json = NULL;
	int r = ctl_run(life, 0, &ctl, "explain", "--json", q->subject,
			q->value, q->target, NULL);

	if (r >= 0 && ctl.status)
		r = life_no(life, "%s: explain exits %d: %s", q->target,
			    ctl.status, ctl.err);
	if (r >= 0)
		r = ctl_json(life, &ctl, &json);
	if (r >= 0)
		r = ctl_keys(life, json, explain_keys);
	if (r >= 0)
		r = text_is(life, json, "verdict", q->verdict);
	if (r >= 0)
		r = text_is(life, json, "reason", q->reason);
	if (r >= 0)
		r = text_is(life, json, "prefix", q->prefix);
	if (r >= 0)
		r = text_is(life, json, "interface", q->interface);
	return r < 0 ? r : text_is(life, json, "source_address", q->source);
}

/* A process of the listed app that lives until its pipe's end is closed. */
static pid_t sleeper_start(struct life *life, enum app app)
{
	pid_t pid = proc_fork(life->lab, life->lab->cgroup_fd[app], NS_CLIENT);

	if (pid == 0) {
		pause();
		_exit(0);
	}
	return pid;
}

static int answer_by_pid(struct life *life, enum app app)
{
	char pid_text[16];
	pid_t pid = sleeper_start(life, app);
	const struct question q = {
		.subject = "--pid",
		.value = pid_text,
		.target = "1.1.1.1",
		.verdict = app == APP_LISTED ? "tunnel" : "direct",
		.reason = app == APP_LISTED ? "destination_included" :
					      "app_unlisted",
		.prefix = app == APP_LISTED ? "1.1.1.1/32" : NULL,
		.interface = app == APP_LISTED ? "tun0" : "up0",
		.source = app == APP_LISTED ? "10.20.0.2" : "10.10.0.2",
	};
	int r;

	snprintf(pid_text, sizeof(pid_text), "%d", pid);
	r = answer_one(life, &q);
	kill(pid, SIGKILL);
	proc_wait(pid, 1000);
	return r;
}

static int answer_by_cgroup(struct life *life, enum app app)
{
	const struct lab *lab = life->lab;
	char path[LAB_PATH + 32];
	const struct question q = {
		.subject = "--cgroup",
		.value = path,
		.target = "1.1.1.1",
		.verdict = app == APP_LISTED ? "tunnel" : "direct",
		.reason = app == APP_LISTED ? "destination_included" :
					      "app_unlisted",
		.prefix = app == APP_LISTED ? "1.1.1.1/32" : NULL,
		.interface = app == APP_LISTED ? "tun0" : "up0",
		.source = app == APP_LISTED ? "10.20.0.2" : "10.10.0.2",
	};

	snprintf(path, sizeof(path), "%s/apps/%s",
		 lab->cgroup + strlen(lab->mount), app_name(app));
	return answer_one(life, &q);
}

static int answer_explain(struct life *life)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions) && r >= 0;
	     i++)
		r = answer_one(life, &questions[i]);
	for (enum app app = 0; app < N_APPS && r >= 0; app++) {
		r = answer_by_pid(life, app);
		if (r >= 0)
			r = answer_by_cgroup(life, app);
	}
	return r;
}

/* What explain says of a tunnel that is down, the kernel does. */
static int answer_block(struct life *life)
{
	static const struct question q = { "--app",	  "com.example.listed",
					   "1.1.1.1",	  "block",
					   "tunnel_down", "1.1.1.1/32",
					   NULL,	  NULL };
	int r = tunnel_set(life, false);

	if (r >= 0)
		r = ctl_state(life, "down", 1000);
	return r < 0 ? r : answer_one(life, &q);
}

static int exits(struct life *life, int want, uid_t uid, const char *command,
		 const char *a, const char *b, const char *c)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	int r = ctl_run(life, uid, &ctl, command, a, b, c, NULL);

	if (r >= 0 && ctl.status != want)
		r = life_no(life, "%s %s %s %s exits %d, not %d: %.200s%.200s",
			    command, a ? a : "", b ? b : "", c ? c : "",
			    ctl.status, want, ctl.out, ctl.err);
	return r;
}

static int answer_exits(struct life *life)
{
	const char *app = "com.example.listed";
	int r = exits(life, 2, 0, "explain", "--app", app, "one.one.one.one");

	if (r >= 0)
		r = exits(life, 2, 0, "explain", "--app", app, "1.1.1.1:x");
	if (r >= 0)
		r = exits(life, 2, 0, "explain", "--proto=icmp",
			  "--app=com.example.listed", "1.1.1.1:4");
	if (r >= 0)
		r = exits(life, 0, 0, "explain", "--proto=icmp",
			  "--app=com.example.listed", "1.1.1.1");
	if (r >= 0)
		r = exits(life, 2, 0, "explain", "--app", "\xff", "1.1.1.1");
	if (r >= 0)
		r = exits(life, 2, 0, "explain", "1.1.1.1", NULL, NULL);
	if (r >= 0)
		r = exits(life, 2, 0, "status", "--nonsense", NULL, NULL);
	if (r >= 0)
		r = exits(life, 2, 0, "nonsense", NULL, NULL, NULL);
	if (r >= 0)
		r = exits(life, 1, 0, "explain", "--app", "com.example.none",
			  "1.1.1.1");
	/* Above pid_max: no such process. */
	if (r >= 0)
		r = exits(life, 1, 0, "explain", "--pid", "2147483646",
			  "1.1.1.1");
	return r;
}

/* Nobody in particular may neither read nor change; root may both. */
static int answer_rights(struct life *life)
{
	static const char *const commands[] = { "reload", "status" };
	int r = life_governed(life);

	for (size_t i = 0; i < 2 && r >= 0; i++) {
		_cleanup_ctl_ struct ctl ctl = { 0 };

		r = ctl_run(life, NOBODY, &ctl, commands[i], NULL);
		if (r >= 0 && ctl.status != 1 && ctl.status != 3)
			r = life_no(life, "%s by nobody exits %d", commands[i],
				    ctl.status);
	}
	return r < 0 ? r : life_governed(life);
}

static int answer_dead(struct life *life)
{
	static const char *const commands[] = { "status", "reload" };
	int r = daemon_stop(life->lab, SIGKILL);

	for (size_t i = 0; i < 2 && r >= 0; i++)
		r = exits(life, 3, 0, commands[i], NULL, NULL, NULL);
	if (r >= 0)
		r = exits(life, 3, 0, "explain", "--app", "com.example.listed",
			  "1.1.1.1");
	return r;
}

static int findings_check(struct life *life, const json_t *json)
{
	const json_t *error =
		json_array_get(json_object_get(json, "errors"), 0);
	int r = ctl_keys(life, json, "valid:b errors:a keys:a");

	if (r >= 0)
		r = ctl_keys(life, error,
			     "file:s line:i column:i code:s "
			     "severity:s path:s message:s value:s");
	if (r >= 0)
		r = text_is(life, error, "value", "1.1.1.1/33");
	if (r >= 0)
		r = text_is(life, error, "severity", "error");
	if (r >= 0 && json_is_true(json_object_get(json, "valid")))
		r = life_no(life, "valid with an error");
	return r;
}

static int check_ask(struct life *life, uid_t uid, const char *file, int status,
		     json_t **ret_json)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	int r = ctl_run(life, uid, &ctl, "check", "--json", file, NULL);

	if (r >= 0 && ctl.status != status)
		r = life_no(life, "check exits %d, not %d: %.300s%.300s",
			    ctl.status, status, ctl.out, ctl.err);
	return r < 0 ? r : ctl_json(life, &ctl, ret_json);
}

static int answer_to_check(struct life *life)
{
	_cleanup_json_ json_t *good = NULL, *bad = NULL, *missing = NULL;
	char file[LAB_PATH + 32], gone[LAB_PATH + 32];
	int r;

	snprintf(file, sizeof(file), "%s/policy/vpn.mobileconfig",
		 life->lab->dir);
	snprintf(gone, sizeof(gone), "%s/policy/gone.plist", life->lab->dir);
	r = check_ask(life, NOBODY, file, 0, &good);
	if (r >= 0 && !json_is_true(json_object_get(good, "valid")))
		r = life_no(life, "the lab's profile is not valid");
	if (r >= 0)
		r = ctl_keys(life,
			     json_array_get(json_object_get(good, "keys"), 0),
			     "path:s treatment:s note:s0");
	if (r >= 0)
		r = file_edit(life, "policy/vpn.mobileconfig", "1.1.1.1/32",
			      "1.1.1.1/33");
	if (r >= 0)
		r = check_ask(life, NOBODY, file, 1, &bad);
	if (r >= 0)
		r = findings_check(life, bad);
	if (r >= 0)
		r = check_ask(life, NOBODY, gone, 1, &missing);
	return r < 0 ? r :
		       text_is(life,
			       json_array_get(
				       json_object_get(missing, "errors"), 0),
			       "file", gone);
}

static int plan_ask(struct life *life, json_t **ret_json)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	int r = ctl_run(life, 0, &ctl, "reload", "--plan", "--json", NULL);

	if (r >= 0 && ctl.status)
		r = life_no(life, "plan exits %d: %.300s", ctl.status, ctl.err);
	return r < 0 ? r : ctl_json(life, &ctl, ret_json);
}

static int plan_check(struct life *life, const json_t *json, const char *kind)
{
	const json_t *change =
		json_array_get(json_object_get(json, "changes"), 0);
	int r = ctl_keys(life, json,
			 "applied:b generation:i error:s0 errors:a "
			 "changes:a");

	if (r >= 0 && json_is_true(json_object_get(json, "applied")))
		r = life_no(life, "a plan was applied");
	if (r >= 0)
		r = ctl_keys(life, change, "kind:s what:s name:s");
	if (r >= 0)
		r = text_is(life, change, "kind", kind);
	return r < 0 ? r : text_is(life, change, "what", "prefix");
}

/*
 * The plan says what a reload would do, and does it not. The daemon sees the
 * change itself 200 ms later: whoever is slower than that asks again.
 */
static int answer_plan(struct life *life)
{
	static const char included[] = "<string>1.1.1.1/32</string>";
	int r = 0;

	for (unsigned i = 0; i < 5 && r >= 0; i++) {
		_cleanup_json_ json_t *json = NULL;

		r = file_edit(life, "policy/vpn.mobileconfig", included,
			      i % 2 ? included : "");
		if (r >= 0)
			r = plan_ask(life, &json);
		if (r >= 0 && json_array_size(json_object_get(json, "changes")))
			return plan_check(life, json, i % 2 ? "add" : "remove");
	}
	return life_no(life, "no plan has a change in it");
}

const struct life_test life_answer_tests[] = {
	{ "answer-status", answer_status, 0 },
	{ "answer-explain", answer_explain, 0 },
	{ "answer-explain-block", answer_block, 0 },
	{ "answer-exit-status", answer_exits, 0 },
	{ "answer-rights", answer_rights, 0 },
	{ "answer-without-daemon", answer_dead, 0 },
	{ "answer-check", answer_to_check, 0 },
	{ "answer-plan", answer_plan, 0 },
	{ 0 }
};
