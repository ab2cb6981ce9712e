/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of the host file, and splitd's own keys in VendorConfig. */
#include "policy/model/keys.h"

#define ENF  TREATMENT_ENFORCED
#define NA   TREATMENT_NOT_APPLICABLE
#define NYET TREATMENT_NOT_YET

const char *const when_down_values[] = { "block", "direct", NULL };
const char *const routing_mode_values[] = { "app-and-destination", "app-only",
					    NULL };
const char *const inbound_values[] = { "allow", "deny", NULL };

#define TUNNEL_RULES                                                           \
	{ "Interface", KEY_STRING, 0, ENF, .note = "the tunnel's device" },    \
		{ "IncludedRoutes", KEY_STRINGS, KEY_ITEMS, ENF,               \
		  .note = "destinations that enter the tunnel" },              \
		{ "ExcludedRoutes", KEY_STRINGS, KEY_ITEMS, ENF,               \
		  .note = "destinations that stay direct" },                   \
		{ "WhenDown",                                                  \
		  KEY_STRING,                                                  \
		  0,                                                           \
		  ENF,                                                         \
		  .note = "what happens while the tunnel is down",             \
		  .values = when_down_values },                                \
		{ "RoutingMode",                                               \
		  KEY_STRING,                                                  \
		  0,                                                           \
		  ENF,                                                         \
		  .note = "only included routes, or everything of the app",    \
		  .values = routing_mode_values },                             \
	{                                                                      \
		"Inbound", KEY_STRING, 0, ENF,                                 \
			.note = "whether those beyond the tunnel are "         \
				"answered",                                    \
			.values = inbound_values                               \
	}

/*
 * A vendor's own keys stand beside ours and may be secret. The first four of
 * them are in Apple's schema.
 */
static const struct key_rule vendor_rules[] = {
	TUNNEL_RULES,
	{ "WgQuickConfig", KEY_STRING, KEY_SECRET | KEY_NONEMPTY, ENF,
	  .note = "its AllowedIPs and Address are included routes; no key is "
		  "loaded" },
	{ "Realm", KEY_STRING, 0, NA, .note = "the vendor's own" },
	{ "Role", KEY_STRING, 0, NA, .note = "the vendor's own" },
	{ "Group", KEY_STRING, 0, NA, .note = "the vendor's own" },
	{ "LoginGroupOrDomain", KEY_STRING, 0, NA, .note = "the vendor's own" },
	{ "*", KEY_ANY, KEY_SECRET, NA,
	  .note = "the vendor's own, opaque to splitd" },
};
const struct key_table keys_tunnel = KEY_TABLE(vendor_rules);

static const struct key_rule entry_rules[] = { TUNNEL_RULES };
static const struct key_table entry = KEY_TABLE(entry_rules);

static const struct key_rule tunnels_rules[] = {
	{ "*", KEY_DICT, 0, ENF, .note = "what this host knows of a tunnel",
	  .inner = &entry },
};
static const struct key_table tunnels = KEY_TABLE(tunnels_rules);

static const struct key_rule apps_rules[] = {
	{ "*", KEY_STRINGS, KEY_ITEMS, ENF,
	  .note = "how this host recognises an app" },
};
static const struct key_table apps = KEY_TABLE(apps_rules);

static const struct key_rule links_rules[] = {
	{ "*", KEY_ID, 0, ENF, .note = "links the app, whatever a command says",
	  .code = "E320" },
};
static const struct key_table links = KEY_TABLE(links_rules);

static const struct key_rule host_rules[] = {
	{ "Apps", KEY_DICT, 0, ENF, .note = "bundle identifiers and selectors",
	  .inner = &apps },
	{ "Tunnels", KEY_DICT, 0, ENF, .note = "VPNUUIDs and this host's part",
	  .inner = &tunnels },
	{ "Links", KEY_DICT, 0, ENF, .note = "bundle identifiers and VPNUUIDs",
	  .inner = &links },
	{ "RequireSignature", KEY_BOOL, 0, ENF,
	  .note = "profiles and commands without a good signature are "
		  "refused" },
	{ "AllowedSigners", KEY_STRINGS, KEY_ITEMS, ENF,
	  .note = "SHA-256 of signers' public keys", .reader = signers_read },
	{ "AllowSHA1", KEY_BOOL, 0, ENF,
	  .note = "signatures over SHA-1 count as signatures" },
};
const struct key_table keys_host = KEY_TABLE(host_rules);
