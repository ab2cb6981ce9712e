/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that look at or change what is installed.
 *
 * Every change takes the same way: a view of the store is changed in memory,
 * the policy that would follow is made of it, and only when that is good does
 * the view go to disk and the policy into the kernel (reload_change()).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/daemon/check.h"
#include "loader/daemon/control.h"
#include "loader/daemon/daemon.h"
#include "loader/daemon/install.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/log.h"
#include "loader/daemon/mdm_result.h"
#include "loader/daemon/moment.h"
#include "loader/daemon/reload.h"
#include "loader/daemon/sandbox.h"
#include "loader/util/base64.h"
#include "loader/util/cleanup.h"
#include "loader/util/json.h"
#include "policy/model/document.h"
#include "policy/plan/policy.h"

DEFINE_CLEANUP(struct document *, document_free);

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* ---- list ---------------------------------------------------------------- */

json_t *list_json(struct daemon *daemon)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };

	if (installed_view(daemon->installed, &view) < 0)
		return NULL;
	return json_pack("{s:O, s:O}", "items", installed_items(&view),
			 "disabled", json_object_get(view.index, "disabled"));
}

/* ---- changes ------------------------------------------------------------- */

/* What became of a change; r as of reload_change(). */
static json_t *outcome(const struct daemon *daemon, const struct report *report,
		       int r, const char *error)
{
	return json_pack("{s:b, s:s?, s:o, s:I}", "done", r == 0, "error",
			 r == 0 ? NULL : error, "errors", findings_json(report),
			 "generation",
			 (json_int_t)engine_generation(daemon->engine));
}

/* Why there is nothing to remove. */
static json_t *not_installed(const struct daemon *daemon,
			     const char *identifier)
{
	const struct candidate_source source = reload_source(daemon, NULL);
	_cleanup_free_ char *file = NULL;

	if (candidate_find(&source, identifier, &file) == 0)
		return control_error("'%s' was not installed, it lies in the "
				     "policy directory: %s",
				     identifier, file);
	return control_error("'%s' is not installed", identifier);
}

json_t *remove_answer(struct daemon *daemon, const json_t *request)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	const char *identifier = text_of(request, "identifier"), *error;
	int r;

	if (!identifier)
		return control_error("no identifier");
	if (installed_view(daemon->installed, &view) < 0)
		return NULL;
	if (installed_drop(&view, identifier) < 0)
		return not_installed(daemon, identifier);
	r = reload_change(daemon, &view, &error);
	if (r == 0)
		log_line(LOG_INFO, "removed %s", identifier);
	return control_result(outcome(daemon, &daemon->report, r, error));
}

static json_t *switch_answer(struct daemon *daemon, const json_t *request,
			     bool on)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	const char *uuid = text_of(request, "uuid"), *error;
	int r;

	if (!uuid)
		return control_error("no uuid");
	if (installed_view(daemon->installed, &view) < 0)
		return NULL;
	if (!policy_find_tunnel(daemon->policy, uuid) &&
	    !(on && installed_is_disabled(&view, uuid)))
		return control_error("unknown tunnel '%s'", uuid);
	if (installed_disable(&view, uuid, !on) < 0)
		return NULL;
	r = reload_change(daemon, &view, &error);
	if (r == 0)
		log_line(LOG_INFO, "%s tunnel %s", on ? "enabled" : "disabled",
			 uuid);
	return control_result(outcome(daemon, &daemon->report, r, error));
}

json_t *enable_answer(struct daemon *daemon, const json_t *request)
{
	return switch_answer(daemon, request, true);
}

json_t *disable_answer(struct daemon *daemon, const json_t *request)
{
	return switch_answer(daemon, request, false);
}

/* ---- install ------------------------------------------------------------- */

struct upload {
	const char *file;
	void *bytes;
	size_t len;
};

/* An error to answer with, or NULL. */
static json_t *unpack(const json_t *request, struct upload *ret)
{
	const char *content = text_of(request, "content");
	const char *file = text_of(request, "file");
	int r;

	if (!content || !file || !*file)
		return control_error("no file");
	r = base64_decode(content, &ret->bytes, &ret->len);
	if (r < 0)
		return control_error("the content is not base64");
	if (ret->len > INPUT_MAX_PROFILE)
		return control_error("%s: file is %zu bytes, the limit is %zu",
				     file, ret->len, INPUT_MAX_PROFILE);
	ret->file = file;
	return NULL;
}

const char *install_refuse(int r, const struct document *document,
			   struct report *report)
{
	static const struct {
		int error;
		const char *code, *message;
	} reasons[] = {
		{ -EKEYREJECTED, "E212",
		  "the profile in its place was signed by somebody else; "
		  "remove that first" },
		{ -ENOENT, "E363",
		  "no installed profile has this identifier; what lies in the "
		  "policy directory is removed there" },
		{ -EINVAL, "E303",
		  "a host file is not installed, it has a place of its own" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		if (reasons[i].error != r)
			continue;
		if (document_refuse(document, report, reasons[i].code,
				    reasons[i].message) < 0)
			return strerror(ENOMEM);
		return "the store cannot do what the file asks";
	}
	return strerror(-r);
}

static int put(struct daemon *daemon, const struct upload *upload,
	       const struct document *document, struct report *report,
	       const char **ret_error)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	int r = installed_view(daemon->installed, &view);
	struct moment now;

	/* The second to come, so that nothing ends before its time. */
	moment_now(&now);
	now.wall++;
	now.uptime++;
	if (r == 0 && document_kind(document) == DOCUMENT_HOST)
		r = -EINVAL;
	if (r == 0)
		r = installed_put(&view, document, upload->file, upload->bytes,
				  upload->len, &now);
	if (r < 0) {
		*ret_error = install_refuse(r, document, report);
		return r;
	}
	r = reload_change(daemon, &view, ret_error);
	if (r == 0)
		log_line(LOG_INFO, "installed %s", upload->file);
	return r;
}

/* The item as it now is; null for a command that leaves none. */
static json_t *item_json(const struct daemon *daemon,
			 const struct document *document)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	const char *identifier = document_identity(document)->identifier;
	json_t *item = NULL;

	if (identifier && installed_view(daemon->installed, &view) == 0)
		item = json_deep_copy(installed_find(&view, identifier));
	return item ? item : json_null();
}

static json_t *install(struct daemon *daemon, const struct upload *upload)
{
	_cleanup_(document_free_p) struct document *document = NULL;
	const struct candidate_source source = reload_source(daemon, NULL);
	struct report report = { 0 };
	const char *error = "the file is not valid";
	bool between = false;
	json_t *result;
	int r;

	r = candidate_parse(&source, upload->file, upload->bytes, upload->len,
			    &report, &document);
	if (r == 0) {
		r = put(daemon, upload, document, &report, &error);
		between = r == -EBADMSG;
	}
	/* Its sender still wants to know which command it was. */
	if (r == -EBADMSG && !document)
		(void)sandbox_identify(upload->file, upload->bytes, upload->len,
				       &document);
	/* What goes wrong between files is in the daemon's report. */
	result = outcome(daemon, between ? &daemon->report : &report, r, error);
	json_object_set_new(result, "file", json_text(upload->file));
	json_object_set_new(result, "item",
			    r == 0 ? item_json(daemon, document) : json_null());
	json_object_set_new(result, "command",
			    json_boolean(document && document_kind(document) ==
							     DOCUMENT_COMMAND));
	json_object_set_new(result, "mdm_result",
			    mdm_result(daemon, document, result, r));
	report_clear(&report);
	return result;
}

json_t *install_answer(struct daemon *daemon, const json_t *request)
{
	struct upload upload = { 0 };
	json_t *error = unpack(request, &upload), *result = NULL;

	if (!error)
		result = install(daemon, &upload);
	free(upload.bytes);
	return error ? error : control_result(result);
}
