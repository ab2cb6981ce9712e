/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From files to a policy in force, or to an account of why not.
 *
 * The order is what makes a failure harmless: read, parse and compile beside
 * the running policy; let the engine apply it (which undoes itself); only then
 * forget the old policy and store the new files as the last good ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/daemon/candidate.h"
#include "loader/daemon/check.h"
#include "loader/daemon/control.h"
#include "loader/daemon/daemon.h"
#include "loader/daemon/fiber.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/log.h"
#include "loader/daemon/moment.h"
#include "loader/daemon/notify.h"
#include "loader/daemon/plan.h"
#include "loader/daemon/queue.h"
#include "loader/daemon/reload.h"
#include "loader/daemon/removal.h"
#include "loader/daemon/store.h"
#include "loader/util/cleanup.h"
#include "loader/util/json.h"
#include "policy/plan/diff.h"

static const char too_narrow[] =
	"the mark's mask is too narrow for the tunnels";

/* Why this candidate is not to come into force; text that stays. */
static const char *why_not(const struct candidate *candidate, int r)
{
	if (r != -EBADMSG)
		return strerror(-r);
	if (candidate->blind)
		return "the host file is bad and never was good, so whose "
		       "signatures it demands is unknown and no file is "
		       "applied";
	return "the files cannot be in force together";
}

struct candidate_source reload_source(const struct daemon *daemon,
				      const struct installed_view *view)
{
	return (struct candidate_source){
		.policy_dir = daemon->options.policy,
		.host_path = daemon->options.host,
		.store = daemon->store,
		.answers = daemon->answers,
		.installed = view,
		.dir_was_there = daemon->had_dir,
		.host_was_there = daemon->had_host,
	};
}

/* Is there a mark for every tunnel? */
static bool fits(const struct daemon *daemon, const struct policy *policy)
{
	const struct engine_options *engine = &daemon->options.engine;

	return policy->n_tunnels <=
	       options_mark_room(engine->mark_value, engine->mark_mask);
}

/* The file that defines the app's tunnel; NULL: it has none. */
static const char *definer(const struct policy *policy, const struct app *app)
{
	if (app->tunnel == TUNNEL_NONE)
		return NULL;
	return policy->origins[policy->tunnels[app->tunnel].origin].file;
}

/*
 * Whoever defines an app's tunnel gets its traffic. So it is said aloud each
 * time that a link which waited for a tunnel has one now, and that another file
 * or another tunnel takes an app over.
 */
static void tell_bound(const struct policy *before, const struct policy *now)
{
	for (size_t i = 0; before && i < now->n_apps; i++) {
		const struct app *app = &now->apps[i];
		const struct app *old = policy_find_app(before, app->id);
		const char *to = definer(now, app);
		const char *from = old ? definer(before, old) : NULL;

		if (!old || !to || !old->linked_uuid)
			continue;
		if (!from)
			log_line(LOG_WARNING,
				 "app %s, whose link was pending, is bound "
				 "to tunnel %s by %s",
				 app->id, app->linked_uuid, to);
		else if (strcmp(from, to) ||
			 strcmp(old->linked_uuid, app->linked_uuid))
			log_line(LOG_WARNING,
				 "app %s goes over from tunnel %s of %s to "
				 "tunnel %s of %s",
				 app->id, old->linked_uuid, from,
				 app->linked_uuid, to);
	}
}

/* A clause for the log; *ret_error is text that lives as long as the daemon. */
static int apply(struct daemon *daemon, struct candidate *candidate,
		 const char **ret_error)
{
	int r;

	if (!fits(daemon, candidate->policy)) {
		*ret_error = too_narrow;
		return -ENOSPC;
	}
	r = engine_apply(daemon->engine, candidate->policy);
	if (r < 0) {
		*ret_error = engine_error(daemon->engine);
		return r;
	}

	tell_bound(daemon->policy, candidate->policy);
	policy_free(daemon->policy);
	daemon->policy = TAKE_PTR(candidate->policy);
	daemon->from = candidate->from;
	daemon->until = candidate->until;
	memcpy(daemon->digest, candidate->digest, sizeof(daemon->digest));
	removal_arm(daemon);
	daemon->had_dir = candidate->good.had_dir;
	daemon->had_host = candidate->good.had_host;
	r = store_write(daemon->store, &candidate->good);
	if (r < 0)
		log_line(LOG_WARNING,
			 "cannot store the last good files: %s; the policy is "
			 "in force, but would not survive a bad file",
			 strerror(-r));
	return 0;
}

static void tell(const struct daemon *daemon, const struct candidate *candidate)
{
	const struct policy *policy = daemon->policy;

	log_line(LOG_INFO,
		 "governing: %zu files, %zu tunnels, %zu apps, generation %llu",
		 candidate->good.n, policy->n_tunnels, policy->n_apps,
		 (unsigned long long)engine_generation(daemon->engine));
	if (daemon->report.n_errors)
		log_line(LOG_WARNING,
			 "%zu errors: %zu bad files are in force as they last "
			 "were good, other bad files not at all",
			 daemon->report.n_errors, candidate->n_kept);
}

/* The store first: it is undone more easily than the kernel. */
static int commit_and_apply(struct daemon *daemon, struct candidate *candidate,
			    struct installed_view *change,
			    const char **ret_error)
{
	int r = 0;

	if (change)
		r = installed_commit(daemon->installed, change);
	if (r < 0) {
		*ret_error = "the store cannot be written";
		return r;
	}
	r = apply(daemon, candidate, ret_error);
	if (r < 0 && change && installed_commit(daemon->installed, change) < 0)
		log_line(LOG_ERR, "cannot take the store back to what it was");
	if (change)
		installed_sweep(daemon->installed);
	return r;
}

/* Takes the candidate into force; 0 only if every file was good. */
static int finish(struct daemon *daemon, struct candidate *candidate,
		  struct installed_view *change, int r, const char **ret_error)
{
	/* A file may count as bad only because we are to end. */
	if (fiber_is_cancelled())
		r = -ECANCELED;
	*ret_error = why_not(candidate, r);
	daemon->complete = false;
	if (r == 0)
		r = commit_and_apply(daemon, candidate, change, ret_error);
	daemon->complete = r == 0 && daemon->report.n_errors == 0;
	log_report(&daemon->report);
	if (r == 0)
		tell(daemon, candidate);
	return r;
}

/* The store's versions instead of files that are not to be in force. */
static int restore(struct daemon *daemon, const struct installed_view *view,
		   const char *why)
{
	const struct candidate_source source = reload_source(daemon, view);
	struct report report = { 0 };
	int r;

	candidate_clear(&daemon->first);
	r = candidate_restore(&daemon->first, &source, &report);
	/* That they are not good is told already, of the files as they are. */
	if (r < 0 && r != -EBADMSG)
		log_report(&report);
	report_clear(&report);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	log_line(LOG_WARNING, "%s; starting with the last good versions", why);
	return 0;
}

int reload_prepare(struct daemon *daemon)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	struct candidate_source source;
	struct candidate *first = &daemon->first;
	const char *error;
	int r;

	r = installed_view(daemon->installed, &view);
	source = reload_source(daemon, &view);
	if (r == 0)
		r = candidate_read(first, &source, &daemon->report);
	log_report(&daemon->report);
	error = why_not(first, r);
	if (r == -EBADMSG)
		r = restore(daemon, &view, error);
	if (r < 0 && r != -EBADMSG)
		error = strerror(-r);

	/* Rather not start than govern nothing and call that READY. */
	if (r == 0 && first->good.n == 0 && daemon->report.n_errors) {
		error = "no file is good";
		r = -ENODATA;
	}
	if (r == 0 && !fits(daemon, first->policy)) {
		error = too_narrow;
		r = -ENOSPC;
	}
	if (r < 0)
		log_line(LOG_ERR, "cannot start: %s", error);
	return r;
}

int reload_first(struct daemon *daemon)
{
	const char *error;
	int r = apply(daemon, &daemon->first, &error);

	if (r < 0)
		log_line(LOG_ERR, "cannot start: %s: %s", error, strerror(-r));
	else
		tell(daemon, &daemon->first);
	candidate_clear(&daemon->first);
	return r;
}

static int reload_into(struct daemon *daemon, struct candidate *candidate,
		       struct installed_view *view, bool change,
		       const char **ret_error)
{
	const struct candidate_source source = reload_source(daemon, view);
	struct report report = { 0 };
	int r = candidate_read(candidate, &source, &report);

	/* Only now: while files are being read, others look at the old one. */
	report_clear(&daemon->report);
	daemon->report = report;
	r = finish(daemon, candidate, change ? view : NULL, r, ret_error);
	if (r < 0)
		log_line(LOG_ERR, "%s failed: %s, keeping previous policy",
			 change ? "change of the store" : "reload", *ret_error);
	notify_manager(r < 0 || daemon->report.n_errors ?
			       "STATUS=governing; the last reload had errors" :
			       "STATUS=governing");
	return r;
}

/* With what is installed as it is. */
static int reload_plain(struct daemon *daemon, struct candidate *candidate,
			const char **ret_error)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };

	*ret_error = strerror(ENOMEM);
	if (installed_view(daemon->installed, &view) < 0)
		return -ENOMEM;
	return reload_into(daemon, candidate, &view, false, ret_error);
}

int reload_change(struct daemon *daemon, struct installed_view *view,
		  const char **ret_error)
{
	_cleanup_(candidate_clear) struct candidate candidate = { 0 };

	return reload_into(daemon, &candidate, view, true, ret_error);
}

static void begin(struct daemon *daemon, queue_fn fn)
{
	int r = queue_join(daemon->queue, fn, 0);

	if (r < 0)
		log_line(LOG_ERR, "cannot begin to reload: %s", strerror(-r));
}

void reload(struct daemon *daemon)
{
	begin(daemon, reload_answer);
}

/*
 * Files were touched. Who writes one and says `splitctl reload` has had his
 * change applied before it is noticed that there is one.
 */
static json_t *reload_news(struct daemon *daemon, const json_t *request)
{
	const struct candidate_source source = reload_source(daemon, NULL);
	struct moment now;

	moment_now(&now);
	if (daemon->complete && now.wall >= daemon->from &&
	    now.wall < daemon->until && candidate_same(&source, daemon->digest))
		return json_null();
	return reload_answer(daemon, request);
}

void reload_if_news(struct daemon *daemon)
{
	begin(daemon, reload_news);
}

/* ---- answers ----------------------------------------------------------- */

static json_t *change_json(const struct change *change,
			   const struct policy *old, const struct policy *new)
{
	static const char *const kinds[] = { [CHANGE_ADD] = "add",
					     [CHANGE_REMOVE] = "remove",
					     [CHANGE_MODIFY] = "modify" };
	static const char *const what[] = { [CHANGE_TUNNEL] = "tunnel",
					    [CHANGE_PREFIX] = "prefix",
					    [CHANGE_APP] = "app",
					    [CHANGE_SELECTOR] = "selector" };
	const struct policy *owner = change->kind == CHANGE_REMOVE ? old : new;
	const struct origin *origin = NULL;

	if (owner && change->origin < owner->n_origins)
		origin = &owner->origins[change->origin];
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s?}", "kind",
			 kinds[change->kind], "what", what[change->what],
			 "name", change->name, "detail", change->detail,
			 "source_file", json_text(origin ? origin->file : NULL),
			 "key_path", origin ? origin->key_path : NULL);
}

static json_t *changes_json(const struct policy *old, const struct policy *new)
{
	_cleanup_free_ struct change *changes = NULL;
	json_t *array = json_array();
	size_t n = 0;

	if (!new || policy_diff(old, new, &changes, &n) < 0)
		return array;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array,
				      change_json(&changes[i], old, new));
	return array;
}

static json_t *outcome(const struct daemon *daemon, bool applied,
		       const char *error, const struct report *report,
		       json_t *changes)
{
	return json_pack("{s:b, s:I, s:s?, s:o, s:o}", "applied", applied,
			 "generation",
			 (json_int_t)engine_generation(daemon->engine), "error",
			 error, "errors", findings_json(report), "changes",
			 changes);
}

json_t *reload_plan_answer(struct daemon *daemon, const json_t *request)
{
	_cleanup_(candidate_clear) struct candidate candidate = { 0 };
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	_cleanup_(report_clear) struct report report = { 0 };
	struct candidate_source source;
	const char *error = NULL;
	json_t *plan;
	int r;

	(void)request;
	r = installed_view(daemon->installed, &view);
	source = reload_source(daemon, &view);
	if (r == 0)
		r = candidate_read(&candidate, &source, &report);
	if (r < 0)
		error = why_not(&candidate, r);
	else if (!fits(daemon, candidate.policy))
		error = too_narrow;
	plan = outcome(daemon, false, error, &report,
		       changes_json(daemon->policy, candidate.policy));
	json_object_set_new(plan, "flows",
			    plan_flows(daemon, candidate.policy));
	return control_result(plan);
}

json_t *reload_answer(struct daemon *daemon, const json_t *request)
{
	_cleanup_(candidate_clear) struct candidate candidate = { 0 };
	const char *error = NULL;
	int r = reload_plain(daemon, &candidate, &error);

	(void)request;
	return control_result(outcome(daemon, r == 0, r < 0 ? error : NULL,
				      &daemon->report, json_array()));
}
