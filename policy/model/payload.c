/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VPN payloads: what their keys say together, and the tunnel they define. */

/*
 * keys_check() has looked at every key alone. Here is what needs two of them:
 * what VPNType asks for, flags that contradict each other, a text that stands
 * beside the list it would replace. Then the facts of the tunnel are gathered,
 * whatever was wrong before: the report decides whether they count.
 */
#include <stdio.h>
#include <string.h>

#include "policy/model/domain.h"
#include "policy/model/settings.h"
#include "policy/model/wgconf.h"
#include "policy/read/position.h"

#define OUR_SUBTYPES "org.splitd."

/* Where a payload of each type keeps its settings. */
static const char *const type_dicts[] = {
	"VPN", "IPSec", "IKEv2", "AlwaysOn", "TransparentProxy", "PPP", NULL,
};

#define N_OURS 7 /* of the first rows of keys_tunnel */

static bool is(const char *text, const char *what)
{
	return text && strcmp(text, what) == 0;
}

/* What VPNType needs beside it. */
static void check_needs(struct reading *reading, const struct value *payload,
			const struct trail *trail)
{
	const char *type = value_get_string(payload, "VPNType");
	const struct value *subtype = value_get(payload, "VPNSubType");

	if ((is(type, "VPN") || is(type, "TransparentProxy")) &&
	    (!subtype || (subtype->type == VALUE_STRING && !subtype->n)))
		reading_complain_at(
			reading, "E331", payload, trail, "VPNSubType", NULL,
			subtype ? "must not be empty" : "missing required key");
	if (is(type, "VPN") && !value_get(payload, "VPN"))
		reading_complain_at(reading, "E332", payload, trail, "VPN",
				    NULL, "missing required key");
	if (!value_get(payload, "UserDefinedName"))
		reading_complain_at(reading, "W413", payload, trail,
				    "UserDefinedName", NULL,
				    "missing, though Apple requires it");
}

static void check_match_app(struct reading *reading,
			    const struct value *payload,
			    const struct trail *trail, const char *type)
{
	static const char key[] = "OnDemandMatchAppEnabled";
	const struct value *dict = value_get(payload, type);
	const struct value *outer = value_get(payload, key);
	const struct value *inner = value_get(dict, key);
	const struct trail up = { trail, type, 0 };
	char message[64];

	if (!inner)
		return;
	if (!outer)
		reading_complain_at(reading, "W420", dict, &up, key, NULL,
				    "misplaced key: expected one level up");
	if (!outer || flag_get(outer, false) == flag_get(inner, false))
		return;
	snprintf(message, sizeof(message), "contradicts %s.%s", type, key);
	reading_complain_at(reading, "E335", payload, trail, key, NULL,
			    message);
}

/* Keys of one of the types' dictionaries that say nothing alone. */
static void check_pairs(struct reading *reading, const struct value *dict,
			const struct trail *trail)
{
	const struct value *rules = value_get(dict, "OnDemandRules");
	bool idle = flag_get(value_get(dict, "DisconnectOnIdle"), false);
	bool enabled = flag_get(value_get(dict, "OnDemandEnabled"), false);

	if (value_get(dict, "DisconnectOnIdleTimer") && !idle)
		reading_complain_at(reading, "W341", dict, trail,
				    "DisconnectOnIdleTimer", NULL,
				    "ignored: DisconnectOnIdle is not 1");
	if (rules && rules->type == VALUE_ARRAY && rules->n && !enabled)
		reading_complain_at(reading, "N433", dict, trail,
				    "OnDemandRules", NULL,
				    "ignored: OnDemandEnabled is not 1");
}

static void check_payload(struct reading *reading, const struct value *payload,
			  const struct trail *trail)
{
	const struct value *vpn = value_get(payload, "VPN");
	const struct trail up = { trail, "VPN", 0 };

	check_needs(reading, payload, trail);
	if (is(value_get_string(vpn, "ProviderType"), "app-proxy"))
		reading_complain_at(reading, "E334", vpn, &up, "ProviderType",
				    "app-proxy", "app-proxy is not supported");
	for (size_t i = 0; type_dicts[i]; i++) {
		const struct value *dict = value_get(payload, type_dicts[i]);
		const struct trail below = { trail, type_dicts[i], 0 };

		if (!dict || dict->type != VALUE_DICT)
			continue;
		check_match_app(reading, payload, trail, type_dicts[i]);
		check_pairs(reading, dict, &below);
	}
}

static bool has_payload(const struct value *content, const char *uuid)
{
	value_foreach(payload, content)
		if (is(value_get_string(payload, "PayloadUUID"), uuid))
			return true;
	return false;
}

void payload_certificates(struct reading *reading, const struct value *payload,
			  const struct trail *trail,
			  const struct value *content)
{
	static const char key[] = "PayloadCertificateUUID";

	for (size_t i = 0; type_dicts[i]; i++) {
		const struct value *dict = value_get(payload, type_dicts[i]);
		const struct trail up = { trail, type_dicts[i], 0 };
		const char *uuid = value_get_string(dict, key);

		if (uuid && !has_payload(content, uuid))
			reading_complain_at(reading, "W422", dict, &up, key,
					    uuid,
					    "no payload of this profile has "
					    "this PayloadUUID");
	}
}

static bool is_known(const char *key)
{
	for (size_t i = 0; i < keys_tunnel.n; i++)
		if (strcmp(keys_tunnel.rules[i].name, key) == 0)
			return true;
	return false;
}

/* The vendor's keys are none of our business, ours with a typo are. */
static void check_spelling(struct reading *reading, const struct value *payload,
			   const struct value *vendor, const struct trail *up)
{
	const char *subtype = value_get_string(payload, "VPNSubType");
	bool all_ours = subtype && strncmp(subtype, OUR_SUBTYPES,
					   strlen(OUR_SUBTYPES)) == 0;
	const char *names[N_OURS + 1] = { NULL };
	bool some_ours = false;

	for (size_t i = 0; i < N_OURS; i++) {
		names[i] = keys_tunnel.rules[i].name;
		some_ours |= value_get(vendor, names[i]) != NULL;
	}
	if (!all_ours && !some_ours)
		return;
	value_foreach(child, vendor) {
		const struct trail trail = { up, child->key, 0 };
		const char *meant = suggest(child->key, names);

		if (is_known(child->key) || (!meant && !all_ours))
			continue;
		reading_complain_key(reading, "W410", child, &trail, NULL,
				     "unknown key%s%s%s",
				     meant ? ", did you mean " : "",
				     meant ? meant : "", meant ? "?" : "");
	}
}

static void read_wg_text(struct reading *reading, const struct value *payload,
			 const struct value *vendor, const struct trail *up,
			 struct tunnel_entry *entry)
{
	const struct value *text = value_get(vendor, "WgQuickConfig");
	const struct value *vpn = value_get(payload, "VPN");
	const char *remote = value_get_string(vpn, "RemoteAddress");
	const struct trail trail = { up, "WgQuickConfig", 0 };
	const struct trail vpn_trail = { up->up, "VPN", 0 };

	if (!text || text->type != VALUE_STRING)
		return;
	if (value_get(vendor, "IncludedRoutes")) {
		reading_complain_at(reading, "E465", vendor, up,
				    "IncludedRoutes", NULL,
				    "stands beside WgQuickConfig; one of them "
				    "must go");
		return;
	}
	if (remote && !strchr(remote, ':'))
		remote = NULL;
	if (wgconf_read(reading, text, &trail, remote, entry))
		reading_complain_at(reading, "W421", vpn, &vpn_trail,
				    "RemoteAddress", remote,
				    "is none of the endpoints of "
				    "VendorConfig.WgQuickConfig");
}

/* IncludeAllNetworks = 1 says RoutingMode app-only. */
static void read_include_all(struct reading *reading, const struct value *dict,
			     const struct trail *up, struct tunnel_entry *entry)
{
	const struct value *all = value_get(dict, "IncludeAllNetworks");
	const struct trail below = { up, "IncludeAllNetworks", 0 };
	struct enum_fact *mode = &entry->routing_mode;
	char first[128];

	if (!flag_get(all, false))
		return;
	if (mode->at.path && mode->value != ROUTING_APP_ONLY) {
		position_format(mode->at.line, mode->at.column, first,
				sizeof(first));
		reading_complain(reading, "E325", all, &below, "1",
				 "contradicts %s at %s", mode->at.path, first);
	}
	if (mode->at.path)
		return;
	mode->at = reading_spot(reading, all, &below);
	mode->value = ROUTING_APP_ONLY;
}

/* Of the dictionary that VPNType names; app-proxies have no such keys. */
static void read_routing(struct reading *reading, const struct value *payload,
			 const struct trail *trail, struct tunnel_entry *entry)
{
	const struct value *type = value_get(payload, "VPNType");
	const char *name = is(value_get_string(payload, "VPNType"), "IKEv2") ?
				   "IKEv2" :
				   "VPN";
	const struct value *dict = value_get(payload, name);
	const struct trail type_trail = { trail, "VPNType", 0 };
	const struct trail up = { trail, name, 0 };

	if (type && type->type == VALUE_STRING && !is(type->string, "VPN")) {
		entry->foreign_type = reading_copy(reading, type->string);
		entry->foreign_at = reading_spot(reading, type, &type_trail);
	}
	read_include_all(reading, dict, &up, entry);
	entry->enforce_routes =
		flag_get(value_get(dict, "EnforceRoutes"), false);
	entry->exclude_local =
		flag_get(value_get(dict, "ExcludeLocalNetworks"), false);
}

static void take_domain(struct reading *reading, const struct value *item,
			struct tunnel_entry *entry)
{
	char name[DOMAIN_MAX + 1];
	const char *problem;

	if (item->type == VALUE_STRING && item->n &&
	    domain_parse(item->string, name, &problem) == 0)
		entry->excluded_domains[entry->n_excluded_domains++] =
			reading_copy(reading, name);
}

static void read_excluded_domains(struct reading *reading,
				  const struct value *payload,
				  struct tunnel_entry *entry)
{
	const struct value *value = value_get(payload, "ExcludedDomains");
	bool many = value && value->type == VALUE_ARRAY;

	if (!value)
		return;
	entry->excluded_domains =
		reading_array(reading, many ? value->n : 1, sizeof(char *));
	if (!entry->excluded_domains)
		return;
	if (!many) {
		take_domain(reading, value, entry);
		return;
	}
	value_foreach(item, value)
		take_domain(reading, item, entry);
}

static void read_tunnel(struct reading *reading, const struct value *payload,
			const struct trail *trail, struct tunnel_entry *entry)
{
	const struct value *vendor = value_get(payload, "VendorConfig");
	const char *name = value_get_string(payload, "UserDefinedName");
	const struct trail up = { trail, "VendorConfig", 0 };

	entry->from_profile = true;
	entry->name = name ? reading_copy(reading, name) : "";
	if (vendor && vendor->type == VALUE_DICT) {
		check_spelling(reading, payload, vendor, &up);
		settings_read(reading, vendor, &up, entry);
		read_wg_text(reading, payload, vendor, &up, entry);
	}
	read_routing(reading, payload, trail, entry);
	read_excluded_domains(reading, payload, entry);
}

void payload_read_applayer(struct reading *reading, const struct value *payload,
			   const struct trail *trail)
{
	const struct value *uuid = value_get(payload, "VPNUUID");
	const struct trail at = { trail, "VPNUUID", 0 };
	struct document *document = reading->document;
	struct tunnel_entry *entry = &document->tunnels[document->n_tunnels];

	reading->per_app = true;
	keys_check(reading, payload, trail, &keys_payload_applayer);
	if (!uuid && value_get(value_get(payload, "AppLayerVPN"), "VPNUUID"))
		reading_complain_at(reading, "E320", payload, trail,
				    "AppLayerVPN", NULL,
				    "keys of AppLayerVPN belong one level up");
	check_payload(reading, payload, trail);
	reading->per_app = false;

	/* a tunnel without its name is read for its errors alone */
	read_tunnel(reading, payload, trail, entry);
	if (!uuid || uuid->type != VALUE_STRING ||
	    !identifier_valid(uuid->string)) {
		memset(entry, 0, sizeof(*entry));
		return;
	}
	entry->uuid = reading_copy(reading, uuid->string);
	entry->at = reading_spot(reading, uuid, &at);
	document->n_tunnels++;
}

void payload_read_device(struct reading *reading, const struct value *payload,
			 const struct trail *trail)
{
	reading->inert = "device-wide VPN payloads are not applicable in this "
			 "version";
	keys_check(reading, payload, trail, &keys_payload_device);
	check_payload(reading, payload, trail);
	reading->inert = NULL;
	reading_complain_at(
		reading, "W461", payload, trail, "PayloadType",
		value_get_string(payload, "PayloadType"),
		"payload ignored: device-wide VPN is not applicable");
}
