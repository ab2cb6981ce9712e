/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Profiles: the VPN payloads that define tunnels. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/model/settings.h"
#include "policy/read/report.h"

#define APPLAYER     "com.apple.vpn.managed.applayer"
#define DEVICE	     "com.apple.vpn.managed"

#define PAYLOADS_MAX 256

/* At the value of a key of dict, or at dict when it is not there. */
static void complain_at(struct reading *reading, const char *code,
			const struct value *dict, const struct trail *up,
			const char *key, const char *shown, const char *message)
{
	const struct value *value = value_get(dict, key);
	const struct trail trail = { up, key, 0 };

	reading_complain(reading, code, value ? value : dict, &trail, shown,
			 "%s", message);
}

static void check_provider(struct reading *reading, const struct value *payload,
			   const struct trail *trail)
{
	const struct trail up = { trail, "VPN", 0 };
	const struct value *vpn = value_get(payload, "VPN");
	const char *type = value_get_string(payload, "VPNType");
	const char *provider = value_get_string(vpn, "ProviderType");

	if (type && strcmp(type, "VPN") != 0 &&
	    (strcmp(type, "L2TP") == 0 || strcmp(type, "IPSec") == 0 ||
	     strcmp(type, "IKEv2") == 0 || strcmp(type, "AlwaysOn") == 0 ||
	     strcmp(type, "TransparentProxy") == 0 ||
	     strcmp(type, "PPTP") == 0))
		complain_at(reading, "E330", payload, trail, "VPNType", type,
			    "not supported; splitd drives WireGuard or "
			    "existing interfaces");
	if (provider && strcmp(provider, "app-proxy") == 0)
		complain_at(reading, "E334", vpn, &up, "ProviderType", provider,
			    "app-proxy is not supported");
}

static void check_match_app(struct reading *reading,
			    const struct value *payload,
			    const struct trail *trail)
{
	const struct trail up = { trail, "VPN", 0 };
	const struct value *outer =
		value_get(payload, "OnDemandMatchAppEnabled");
	const struct value *vpn = value_get(payload, "VPN");
	const struct value *inner = value_get(vpn, "OnDemandMatchAppEnabled");

	if (!inner)
		return;
	if (!outer)
		complain_at(reading, "W420", vpn, &up,
			    "OnDemandMatchAppEnabled", NULL,
			    "misplaced key: expected one level up");
	else if (flag_get(outer, false) != flag_get(inner, false))
		complain_at(reading, "E335", payload, trail,
			    "OnDemandMatchAppEnabled", NULL,
			    "contradicts VPN.OnDemandMatchAppEnabled");
}

static void check_vendor(struct reading *reading, const struct value *payload,
			 const struct trail *trail)
{
	const struct trail up = { trail, "VendorConfig", 0 };
	const struct value *vendor = value_get(payload, "VendorConfig");

	if (value_get(vendor, "WgQuickConfig") &&
	    value_get(vendor, "IncludedRoutes"))
		complain_at(reading, "E465", vendor, &up, "IncludedRoutes",
			    NULL,
			    "stands beside WgQuickConfig; one of them must go");
}

/* IncludeAllNetworks = 1 says RoutingMode app-only. */
static void read_include_all(struct reading *reading,
			     const struct value *payload,
			     const struct trail *trail,
			     struct tunnel_entry *entry)
{
	const struct value *vpn = value_get(payload, "VPN");
	const struct value *all = value_get(vpn, "IncludeAllNetworks");
	const struct trail up = { trail, "VPN", 0 };
	const struct trail below = { &up, "IncludeAllNetworks", 0 };

	if (!flag_get(all, false))
		return;
	if (entry->routing_mode.at.path &&
	    entry->routing_mode.value != ROUTING_APP_ONLY)
		reading_complain(reading, "E325", all, &below, "1",
				 "contradicts %s at %u:%u",
				 entry->routing_mode.at.path,
				 entry->routing_mode.at.line,
				 entry->routing_mode.at.column);
	if (entry->routing_mode.at.path)
		return;
	entry->routing_mode.at = reading_spot(reading, all, &below);
	entry->routing_mode.value = ROUTING_APP_ONLY;
}

static void read_applayer(struct reading *reading, const struct value *payload,
			  const struct trail *trail)
{
	const struct value *uuid = value_get(payload, "VPNUUID");
	const struct value *vendor = value_get(payload, "VendorConfig");
	const char *name = value_get_string(payload, "UserDefinedName");
	const struct trail at = { trail, "VPNUUID", 0 };
	const struct trail up = { trail, "VendorConfig", 0 };
	struct document *document = reading->document;
	struct tunnel_entry *entry = &document->tunnels[document->n_tunnels];

	keys_check(reading, payload, trail, &keys_payload_applayer);
	if (!uuid && value_get(value_get(payload, "AppLayerVPN"), "VPNUUID"))
		complain_at(reading, "E320", payload, trail, "AppLayerVPN",
			    NULL, "keys of AppLayerVPN belong one level up");
	check_provider(reading, payload, trail);
	check_match_app(reading, payload, trail);
	check_vendor(reading, payload, trail);
	if (!uuid || uuid->type != VALUE_STRING ||
	    !identifier_valid(uuid->string))
		return;

	entry->uuid = reading_copy(reading, uuid->string);
	entry->at = reading_spot(reading, uuid, &at);
	entry->from_profile = true;
	entry->name = name ? reading_copy(reading, name) : "";
	if (vendor && vendor->type == VALUE_DICT)
		settings_read(reading, vendor, &up, entry);
	read_include_all(reading, payload, trail, entry);
	document->n_tunnels++;
}

static void read_payload(struct reading *reading, const struct value *payload,
			 const struct trail *trail)
{
	const char *type = value_get_string(payload, "PayloadType");

	payload_version_check(reading, payload, trail);
	if (type && strcmp(type, APPLAYER) == 0) {
		read_applayer(reading, payload, trail);
		return;
	}
	if (type && strcmp(type, DEVICE) == 0) {
		keys_check(reading, payload, trail, &keys_payload_device);
		complain_at(
			reading, "W461", payload, trail, "PayloadType", type,
			"payload ignored: device-wide VPN is not applicable");
		return;
	}
	keys_check(reading, payload, trail, &keys_payload_other);
	if (type)
		complain_at(reading, "W461", payload, trail, "PayloadType",
			    type, "payload ignored: its type is not read");
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

	value_foreach(payload, content)
	{
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
			complain_at(reading, code, payload, &trail, key, text,
				    message);
		}
		index++;
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

	value_foreach(payload, value)
	{
		const struct trail below = { trail, NULL, index++ };

		if (payload->type == VALUE_DICT)
			read_payload(reading, payload, &below);
	}
	check_unique(reading, value, trail, "PayloadIdentifier", "E313");
	check_unique(reading, value, trail, "PayloadUUID", "W406");
}

static void complain_twice(struct reading *reading,
			   const struct tunnel_entry *entry,
			   const struct tunnel_entry *first)
{
	const struct place place = { reading->document->file, entry->at.line,
				     entry->at.column, entry->at.path };

	if (report_add(reading->report, "E321", &place, entry->uuid,
		       "already defined by %s at %u:%u", first->at.path,
		       first->at.line, first->at.column) < 0)
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

void profile_read(struct reading *reading, const struct value *root)
{
	const char *scope = value_get_string(root, "PayloadScope");

	payload_version_check(reading, root, NULL);
	keys_check(reading, root, NULL, &keys_profile);
	check_tunnels(reading);

	if (flag_get(value_get(root, "IsEncrypted"), false))
		complain_at(
			reading, "E206", root, NULL, "IsEncrypted", NULL,
			"encrypted profile; splitd holds no device identity");
	if (scope && strcmp(scope, "User") == 0)
		complain_at(reading, "W462", root, NULL, "PayloadScope", scope,
			    "rules hold for all users of this host");
	if (!flag_get(value_get(root, "PayloadEnabled"), true)) {
		complain_at(reading, "W405", root, NULL, "PayloadEnabled", NULL,
			    "profile is left out");
		reading->document->n_tunnels = 0;
	}
}
