/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command's result in the shape that MDM servers read.
 *
 * Keys and their types are those of Apple's public schema (mdm/commands): a
 * Status, an ErrorChain when it is not "Acknowledged", and for Settings one
 * result an item. Apple numbers its errors by domain; this domain's number is
 * the digits of splitd's own error code. Where no file is at fault the number
 * is errno's, in the domain that Apple has for it. No error is number 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/daemon/daemon.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/mdm_result.h"
#include "loader/util/cleanup.h"
#include "policy/model/document.h"
#include "policy/plan/policy.h"

#define DOMAIN	      "splitd"
#define SYSTEM_DOMAIN "NSPOSIXErrorDomain"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static json_t *error_json(const char *domain, long number, const char *text)
{
	return json_pack("{s:I, s:s, s:s, s:s}", "ErrorCode",
			 (json_int_t)number, "ErrorDomain", domain,
			 "LocalizedDescription", text, "USEnglishDescription",
			 text);
}

static long number_of(const json_t *finding)
{
	return strtol(text_of(finding, "code") + 1, NULL, 10);
}

static json_t *finding_json(const json_t *finding)
{
	const char *value = text_of(finding, "value");
	const char *path = text_of(finding, "path");
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "%s%s%s%s%s%s", path, *path ? ": " : "",
		     text_of(finding, "message"), *value ? ": '" : "", value,
		     *value ? "'" : "") < 0)
		text = NULL;
	return error_json(DOMAIN, number_of(finding), text ? text : "");
}

static bool is_error(const json_t *finding)
{
	return !strcmp(text_of(finding, "severity"), "error");
}

/*
 * The outermost first, as Apple has it: what came of the command, under the
 * number of its first cause. Without a finding the system is the cause.
 */
static json_t *chain_json(const json_t *outcome, int r)
{
	json_t *chain = json_array(), *findings, *finding;
	const char *text = text_of(outcome, "error");
	size_t i;

	findings = json_object_get(outcome, "errors");
	json_array_foreach(findings, i, finding) {
		if (!is_error(finding))
			continue;
		if (json_array_size(chain) == 0)
			json_array_append_new(
				chain,
				error_json(DOMAIN, number_of(finding), text));
		json_array_append_new(chain, finding_json(finding));
	}
	if (json_array_size(chain) == 0)
		json_array_append_new(chain,
				      error_json(SYSTEM_DOMAIN, -r, text));
	return chain;
}

/* One result for each app whose attributes were set. */
static json_t *settings_json(const struct document *document, bool done,
			     const json_t *outcome, int r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < document_links(document); i++) {
		struct document_link link = document_link(document, i);
		json_t *item = json_pack("{s:s, s:s, s:s}", "Item",
					 "ApplicationAttributes", "Identifier",
					 link.id, "Status",
					 done ? "Acknowledged" : "Error");

		if (!done)
			json_object_set_new(item, "ErrorChain",
					    chain_json(outcome, r));
		json_array_append_new(array, item);
	}
	return array;
}

static json_t *profiles_json(const struct daemon *daemon)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	json_t *array = json_array();
	const json_t *item;
	size_t i;

	if (installed_view(daemon->installed, &view) < 0)
		return array;
	json_array_foreach(installed_items(&view), i, item) {
		const char *identifier = text_of(item, "identifier");
		bool stays = json_is_true(
			json_object_get(item, "removal_disallowed"));

		if (*identifier)
			json_array_append_new(
				array,
				json_pack("{s:s, s:s, s:b}",
					  "PayloadIdentifier", identifier,
					  "PayloadDisplayName",
					  text_of(item, "name"),
					  "PayloadRemovalDisallowed", stays));
	}
	return array;
}

static bool is_asked(const struct document_identity *query, const char *id)
{
	for (size_t i = 0; i < query->n_asked; i++)
		if (!strcmp(query->asked[i], id))
			return true;
	return false;
}

static json_t *attributes_json(const struct daemon *daemon,
			       const struct document_identity *query)
{
	json_t *array = json_array();

	for (size_t i = 0; i < daemon->policy->n_apps; i++) {
		const struct app *app = &daemon->policy->apps[i];

		if (app->linked_uuid && is_asked(query, app->id))
			json_array_append_new(
				array, json_pack("{s:s, s:{s:s}}", "Identifier",
						 app->id, "Attributes",
						 "VPNUUID", app->linked_uuid));
	}
	return array;
}

/* What the command asked for beyond being obeyed. */
static void add_answer(const struct daemon *daemon,
		       const struct document *document, bool done,
		       const json_t *outcome, int r, json_t *result)
{
	const struct document_identity *identity = document_identity(document);
	const char *request = identity->request;

	if (!request)
		return;
	json_object_set_new(result, "RequestType", json_string(request));
	if (!strcmp(request, "Settings"))
		json_object_set_new(result, "Settings",
				    settings_json(document, done, outcome, r));
	if (!strcmp(request, "ProfileList"))
		json_object_set_new(result, "ProfileList",
				    profiles_json(daemon));
	if (!strcmp(request, "ManagedApplicationAttributes"))
		json_object_set_new(result, "ApplicationAttributes",
				    attributes_json(daemon, identity));
}

json_t *mdm_result(struct daemon *daemon, const struct document *document,
		   const json_t *outcome, int r)
{
	bool done = json_is_true(json_object_get(outcome, "done"));
	json_t *result =
		json_pack("{s:s}", "Status", done ? "Acknowledged" : "Error");
	const char *command = document ? document_identity(document)->command :
					 NULL;

	if (command)
		json_object_set_new(result, "CommandUUID",
				    json_string(command));
	if (document)
		add_answer(daemon, document, done, outcome, r, result);
	if (!done)
		json_object_set_new(result, "ErrorChain",
				    chain_json(outcome, r));
	return result;
}
