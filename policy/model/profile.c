/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Profiles: the VPN payloads that define tunnels. */

/*
 * The root and its payloads go through their tables of keys; payload.c and
 * mapping.c read what acts. What holds between payloads (identifiers that are
 * unique, certificates that are there) is checked when all have been seen.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "policy/model/settings.h"
#include "policy/read/position.h"
#include "policy/read/report.h"

#define APPLAYER     "com.apple.vpn.managed.applayer"
#define DEVICE	     "com.apple.vpn.managed"
#define MAPPING	     "com.apple.vpn.managed.appmapping"

#define PAYLOADS_MAX 256
#define DURATION_MAX 1e10 /* three centuries */
#define DEVICE_MAC   5	  /* TargetDeviceType: a computer */
#define DEVICE_MAX   6

static void read_neighbour(struct reading *reading, const struct value *payload,
			   const struct trail *trail, const char *type)
{
	const struct neighbour_rule *rule = neighbour_rules;
	char message[128];

	while (rule->type && (!type || strcmp(rule->type, type) != 0))
		rule++;
	keys_check(reading, payload, trail,
		   rule->type ? &keys_payload_accounts : &keys_payload_other);
	if (!type)
		return;
	snprintf(message, sizeof(message), "payload ignored: %s",
		 rule->type ? rule->note : "its type is not read");
	reading_complain_at(reading, "W461", payload, trail, "PayloadType",
			    type, message);
}

static void read_payload(struct reading *reading, const struct value *payload,
			 const struct trail *trail)
{
	const char *type = value_get_string(payload, "PayloadType");

	payload_version_check(reading, payload, trail);
	if (type && strcmp(type, APPLAYER) == 0)
		payload_read_applayer(reading, payload, trail);
	else if (type && strcmp(type, DEVICE) == 0)
		payload_read_device(reading, payload, trail);
	else if (type && strcmp(type, MAPPING) == 0)
		keys_check(reading, payload, trail, &keys_payload_mapping);
	else
		read_neighbour(reading, payload, trail, type);
}

/* The index of the first payload that says the same of key; or before's. */
static size_t first_with(const struct value *content,
			 const struct value *before, const char *key,
			 const char *text)
{
	const struct value *other = content->first;
	size_t index = 0;

	for (; other != before; other = other->next, index++) {
		const char *same = value_get_string(other, key);

		if (same && strcmp(text, same) == 0)
			break;
	}
	return index;
}

/* Within one profile; quadratic, but there are at most 256 payloads. */
static void check_unique(struct reading *reading, const struct value *content,
			 const struct trail *up, const char *key,
			 const char *code)
{
	size_t index = 0;

	value_foreach(payload, content) {
		const struct trail trail = { up, NULL, index };
		const char *text = value_get_string(payload, key);
		char message[64];
		size_t first;

		first = text && text[0] ?
				first_with(content, payload, key, text) :
				index;
		if (first != index) {
			snprintf(message, sizeof(message),
				 "same as in PayloadContent[%zu]", first);
			reading_complain_at(reading, code, payload, &trail, key,
					    text, message);
		}
		index++;
	}
}

static void check_certificates(struct reading *reading,
			       const struct value *content,
			       const struct trail *up)
{
	size_t index = 0;

	value_foreach(payload, content) {
		const struct trail trail = { up, NULL, index++ };
		const char *type = value_get_string(payload, "PayloadType");

		if (type &&
		    (strcmp(type, APPLAYER) == 0 || strcmp(type, DEVICE) == 0))
			payload_certificates(reading, payload, &trail, content);
	}
}

void profile_read_content(struct reading *reading, const struct value *value,
			  const struct trail *trail)
{
	struct document *document = reading->document;
	size_t index = 0;

	if (value->type != VALUE_ARRAY)
		return;
	if (value->n > PAYLOADS_MAX) {
		reading_complain(reading, "E116", value, trail, NULL,
				 "more than %d payloads", PAYLOADS_MAX);
		return;
	}
	if (!value->n)
		reading_complain(reading, "W310", value, trail, NULL,
				 "holds no payload");
	document->tunnels =
		reading_array(reading, value->n, sizeof(*document->tunnels));
	if (!document->tunnels)
		return;

	value_foreach(payload, value) {
		const struct trail below = { trail, NULL, index++ };

		if (payload->type == VALUE_DICT)
			read_payload(reading, payload, &below);
	}
	check_unique(reading, value, trail, "PayloadIdentifier", "E313");
	check_unique(reading, value, trail, "PayloadUUID", "W406");
	check_certificates(reading, value, trail);
}

static void complain_twice(struct reading *reading,
			   const struct tunnel_entry *entry,
			   const struct tunnel_entry *first)
{
	const struct place place = { reading->document->file, entry->at.line,
				     entry->at.column, entry->at.path };
	char position[POSITION_MAX];

	position_format(first->at.line, first->at.column, position,
			sizeof(position));
	if (report_add(reading->report, "E321", &place, entry->uuid,
		       "already defined by %s at %s", first->at.path,
		       position) < 0)
		reading->error = -ENOMEM;
}

/* Two payloads of one profile may not define one tunnel. */
static void check_tunnels(struct reading *reading)
{
	const struct document *document = reading->document;

	for (size_t i = 1; i < document->n_tunnels; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(document->tunnels[i].uuid,
				   document->tunnels[j].uuid) == 0) {
				complain_twice(reading, &document->tunnels[i],
					       &document->tunnels[j]);
				break;
			}
}

static bool read_date(struct reading *reading, const struct value *root,
		      const char *key, int64_t *ret_date, struct spot *ret_at)
{
	const struct value *value = value_get(root, key);
	const struct trail trail = { NULL, key, 0 };

	if (!value || value->type != VALUE_DATE)
		return false;
	*ret_date = value->date;
	*ret_at = reading_spot(reading, value, &trail);
	return true;
}

/* Rounded up: better a second too long than not at all. */
static bool read_duration(struct reading *reading, const struct value *root,
			  int64_t *ret_duration)
{
	const struct value *value = value_get(root, "DurationUntilRemoval");
	double seconds;

	if (!value ||
	    (value->type != VALUE_INTEGER && value->type != VALUE_REAL))
		return false;
	seconds = value->type == VALUE_REAL ? value->real :
					      (double)value->integer;
	if (!(seconds >= 0 && seconds <= DURATION_MAX)) {
		reading_complain_at(reading, "E341", root, NULL,
				    "DurationUntilRemoval", NULL,
				    "not in 0..10000000000 seconds");
		return false;
	}
	*ret_duration = (int64_t)ceil(seconds);
	return true;
}

static void read_identity(struct reading *reading, const struct value *root)
{
	struct document *document = reading->document;
	struct document_identity *identity = &document->identity;
	const char *identifier = value_get_string(root, "PayloadIdentifier");
	const char *name = value_get_string(root, "PayloadDisplayName");
	const struct trail named = { NULL, "PayloadIdentifier", 0 };

	if (identifier) {
		identity->identifier = reading_copy(reading, identifier);
		document->named_at = reading_spot(
			reading, value_get(root, "PayloadIdentifier"), &named);
	}
	if (name)
		identity->name = reading_copy(reading, name);
	identity->removal_disallowed =
		flag_get(value_get(root, "PayloadRemovalDisallowed"), false);
	identity->has_removal_date = read_date(reading, root, "RemovalDate",
					       &identity->removal_date,
					       &document->removal_at);
	identity->has_expiration =
		read_date(reading, root, "PayloadExpirationDate",
			  &identity->expiration, &document->expiration_at);
	identity->has_duration =
		read_duration(reading, root, &identity->duration);
}

static const char *identifier_problem(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return "has a control character";
	if (n > IDENTIFIER_MAX)
		return "longer than 255 bytes";
	return strspn(text, "/") == n ? "names nothing" : NULL;
}

/* The store finds the profile by it. */
static void check_identifier(struct reading *reading, const struct value *root)
{
	const char *text = value_get_string(root, "PayloadIdentifier");
	const char *problem = text && *text ? identifier_problem(text) : NULL;

	if (problem)
		reading_complain_at(reading, "E315", root, NULL,
				    "PayloadIdentifier", text, problem);
}

static void check_switches(struct reading *reading, const struct value *root)
{
	const char *scope = value_get_string(root, "PayloadScope");
	int64_t device = integer_get(value_get(root, "TargetDeviceType"), 0);

	if (flag_get(value_get(root, "IsEncrypted"), false))
		reading_complain_at(
			reading, "E206", root, NULL, "IsEncrypted", NULL,
			"encrypted profile; splitd holds no device identity");
	if (scope && strcmp(scope, "User") == 0)
		reading_complain_at(reading, "W462", root, NULL, "PayloadScope",
				    scope,
				    "rules hold for all users of this host");
	if (device > 0 && device <= DEVICE_MAX && device != DEVICE_MAC)
		reading_complain_at(reading, "W404", root, NULL,
				    "TargetDeviceType", NULL,
				    "meant for another kind of device; read "
				    "nevertheless");
}

void profile_read(struct reading *reading, const struct value *root)
{
	struct document *document = reading->document;

	payload_version_check(reading, root, NULL);
	keys_check(reading, root, NULL, &keys_profile);
	check_identifier(reading, root);
	check_tunnels(reading);
	read_identity(reading, root);
	check_switches(reading, root);
	if (flag_get(value_get(root, "PayloadEnabled"), true))
		return;
	reading_complain_at(reading, "W405", root, NULL, "PayloadEnabled", NULL,
			    "profile is left out");
	document->n_tunnels = document->n_apps = document->n_links = 0;
}
