/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One input file, understood: a profile, an MDM command or a host file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model/settings.h"
#include "policy/read/arena.h"
#include "policy/read/cleanup.h"
#include "policy/read/envelope.h"
#include "policy/read/report.h"
#include "policy/read/xml.h"

POLICY_CLEANUP(struct arena, arena_free)
POLICY_CLEANUP(struct document, document_free)

/* A root with one of these is a host file, and nothing else. */
/* Any of them: a host file may do no more than ask for signatures. */
static const char *const host_roots[] = {
	"Apps",	     "Tunnels", "Links", "AllowedSigners", "RequireSignature",
	"AllowSHA1", NULL
};

const char *treatment_name(enum treatment treatment)
{
	static const char *const names[] = {
		[TREATMENT_ENFORCED] = "enforced",
		[TREATMENT_MAPPED] = "mapped",
		[TREATMENT_NOT_APPLICABLE] = "not_applicable",
		[TREATMENT_METADATA] = "metadata",
		[TREATMENT_REFUSED] = "refused",
		[TREATMENT_NOT_YET] = "not_yet",
	};

	return names[treatment];
}

struct document *document_new(void)
{
	struct document *document _cleanup_(policy_document_free_p) =
		calloc(1, sizeof(*document));

	if (!document)
		return NULL;
	document->arena = arena_new();
	if (!document->arena)
		return NULL;
	return TAKE_PTR(document);
}

void document_free(struct document *document)
{
	if (!document)
		return;
	arena_free(document->arena);
	free(document);
}

enum document_kind document_kind(const struct document *document)
{
	return document->kind;
}

const char *document_file(const struct document *document)
{
	return document->file;
}

const struct key_note *document_keys(const struct document *document,
				     size_t *ret_n)
{
	*ret_n = document->n_keys;
	return document->keys;
}

const struct document_identity *
document_identity(const struct document *document)
{
	return &document->identity;
}

size_t document_links(const struct document *document)
{
	return document->n_links;
}

struct document_link document_link(const struct document *document,
				   size_t index)
{
	return (struct document_link){ document->links[index].id,
				       document->links[index].uuid };
}

void document_drop_link(struct document *document, size_t index)
{
	struct link_entry *links = document->links;

	document->n_links--;
	for (size_t i = index; i < document->n_links; i++)
		links[i] = links[i + 1];
}

const struct signature_policy *document_demands(const struct document *document)
{
	return &document->demands;
}

static int warn_past(const struct document *document, struct report *report,
		     const char *code, const struct spot *at,
		     const char *message)
{
	const struct place place = { document->file, at->line, at->column,
				     at->path };

	return report_add(report, code, &place, NULL, "%s", message);
}

int document_check_dates(const struct document *document, int64_t now,
			 struct report *report)
{
	const struct document_identity *identity = &document->identity;
	int r = 0;

	if (identity->has_removal_date && identity->removal_date <= now)
		r = warn_past(document, report, "W370", &document->removal_at,
			      "in the past: the profile is not in force");
	if (r == 0 && identity->has_expiration && identity->expiration < now)
		r = warn_past(document, report, "W403",
			      &document->expiration_at,
			      "in the past; the profile stays in force");
	return r;
}

int document_refuse(const struct document *document, struct report *report,
		    const char *code, const char *message)
{
	const struct document_identity *identity = &document->identity;
	const struct spot *at = &document->named_at;
	const struct place place = { document->file, at->line, at->column,
				     at->path ? at->path : "(root)" };

	return report_add(report, code, &place,
			  identity->removes ? identity->removes :
					      identity->identifier,
			  "%s", message);
}

static bool is_host(const struct value *root)
{
	for (size_t i = 0; host_roots[i]; i++)
		if (value_get(root, host_roots[i]))
			return true;
	return false;
}

/* What is neither of the three kinds, told as well as its root keys allow. */
static void refuse_root(struct reading *reading, const struct value *root)
{
	static const struct trail trail = { NULL, "PayloadType", 0 };
	const struct value *value = value_get(root, "PayloadType");
	const char *type = value_get_string(root, "PayloadType");

	if (!type)
		reading_complain(
			reading, "E301", root, NULL, NULL,
			"neither a profile (PayloadType), an MDM command "
			"(Command) nor a host file (Apps, Tunnels)");
	else if (strncmp(type, "com.apple.", 10) == 0)
		reading_complain(
			reading, "E304", value, &trail, type,
			"bare payload; wrap it in a Configuration profile");
	else
		reading_complain(reading, "E303", value, &trail, type,
				 "expected Configuration");
}

static void read_root(struct reading *reading, const struct value *root,
		      size_t len)
{
	const char *type = value_get_string(root, "PayloadType");
	struct document *document = reading->document;

	if (root->type != VALUE_DICT) {
		reading_complain(reading, "E300", root, NULL, NULL,
				 "root is %s, expected dict",
				 value_type_name(root->type));
	} else if (is_host(root)) {
		document->kind = DOCUMENT_HOST;
		host_read(reading, root);
	} else if (len > budget_profile.bytes) {
		reading_complain(reading, "E100", root, NULL, NULL,
				 "file is %zu bytes, limit is %zu", len,
				 budget_profile.bytes);
	} else if (type && strcmp(type, "Configuration") == 0) {
		document->kind = DOCUMENT_PROFILE;
		profile_read(reading, root);
	} else if (value_get(root, "Command") ||
		   value_get(root, "RequestType")) {
		document->kind = DOCUMENT_COMMAND;
		command_read(reading, root);
	} else {
		refuse_root(reading, root);
	}
}

int document_parse_signed(const char *file, const void *bytes, size_t len,
			  const struct signature_policy *policy,
			  struct report *report, struct document **ret_document)
{
	struct document *document _cleanup_(policy_document_free_p) =
		document_new();
	struct arena *arena _cleanup_(policy_arena_free_p) = arena_new();
	struct reading reading = { .document = document,
				   .report = report,
				   .signatures = policy };
	struct reader reader = { file, 0, host_roots, report, NULL };
	size_t errors = report->n_errors;
	struct value *root;
	int r;

	if (!document || !arena)
		return -ENOMEM;
	document->file = arena_strdup(document->arena, file);
	if (!document->file)
		return -ENOMEM;

	reader.arena = arena;
	r = envelope_read(&reader, bytes, len, policy, &document->signature,
			  &root);
	if (r < 0)
		return r;
	read_root(&reading, root, len);
	if (reading.error)
		return reading.error;
	if (report->n_errors != errors)
		return -EBADMSG;

	*ret_document = TAKE_PTR(document);
	return 0;
}

static int identify(struct document *document, const struct value *root)
{
	const struct value *command = value_get(root, "Command");
	struct document_identity *identity = &document->identity;
	const char *request =
		value_get_string(command ? command : root, "RequestType");
	const char *uuid = value_get_string(root, "CommandUUID");

	if (!command && !request)
		return -EBADMSG;
	document->kind = DOCUMENT_COMMAND;
	if (uuid)
		identity->command = arena_strdup(document->arena, uuid);
	if (request)
		identity->request = arena_strdup(document->arena, request);
	return (uuid && !identity->command) || (request && !identity->request) ?
		       -ENOMEM :
		       0;
}

int document_identify(const char *file, const void *bytes, size_t len,
		      struct document **ret_document)
{
	static const struct signature_policy anybody = { .allow_sha1 = true };
	struct document *document _cleanup_(policy_document_free_p) =
		document_new();
	struct arena *arena _cleanup_(policy_arena_free_p) = arena_new();
	struct report ignored _cleanup_(report_clear) = { 0 };
	struct reader reader = { file, 0, host_roots, &ignored, arena };
	struct value *root;
	int r;

	if (!document || !arena)
		return -ENOMEM;
	document->file = arena_strdup(document->arena, file);
	if (!document->file)
		return -ENOMEM;
	r = envelope_read(&reader, bytes, len, &anybody, &document->signature,
			  &root);
	if (r == 0)
		r = identify(document, root);
	if (r < 0)
		return r;
	*ret_document = TAKE_PTR(document);
	return 0;
}

int document_parse(const char *file, const void *bytes, size_t len,
		   struct report *report, struct document **ret_document)
{
	static const struct signature_policy anybody;

	return document_parse_signed(file, bytes, len, &anybody, report,
				     ret_document);
}

const struct signature *document_signature(const struct document *document)
{
	return &document->signature;
}
