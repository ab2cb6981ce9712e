/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of profiles and VPN payloads. */

/*
 * From Apple's published schema (TopLevel, CommonPayloadKeys and
 * com.apple.vpn.managed.applayer), the union of its versions. The treatment
 * is what this build does, so a row changes when an engine arrives.
 */
#include "policy/model/keys.h"

#define ENF	     TREATMENT_ENFORCED
#define MAP	     TREATMENT_MAPPED
#define NA	     TREATMENT_NOT_APPLICABLE
#define META	     TREATMENT_METADATA
#define REJ	     TREATMENT_REFUSED
#define NYET	     TREATMENT_NOT_YET

#define DISPLAY	     "shown, never acted on"
#define NO_LINUX     "not applicable on Linux"
#define NO_RULES     "on-demand rules are not evaluated by this build yet"
#define NO_DNS	     "DNS does not follow the app in this build yet"
#define NO_DOMAINS   "routing by domain is not in this build yet"
#define NO_TYPE	     "belongs to a VPN type that splitd does not drive"
#define NO_CODE_SIGN "code requirements cannot be checked on Linux"
#define NO_TOOLS     "the tunnel serves the app and all it starts in this build"

#define PAYLOAD_COMMON                                                         \
	{ "PayloadType", KEY_STRING, KEY_REQUIRED | KEY_NONEMPTY | KEY_ALWAYS, \
	  ENF, .note = "selects how the payload is read" },                    \
		{ "PayloadVersion", KEY_ANY, KEY_REQUIRED | KEY_ALWAYS, ENF,   \
		  .note = "must be 1" },                                       \
		{ "PayloadIdentifier", KEY_STRING,                             \
		  KEY_REQUIRED | KEY_NONEMPTY | KEY_ALWAYS, ENF,               \
		  .note = "unique within the profile" },                       \
		{ "PayloadUUID", KEY_STRING, KEY_REQUIRED | KEY_UUID, META,    \
		  .note = DISPLAY },                                           \
		{ "PayloadDisplayName", KEY_STRING, KEY_DISPLAY, META,         \
		  .note = DISPLAY },                                           \
		{ "PayloadDescription", KEY_STRING, 0, META,                   \
		  .note = DISPLAY },                                           \
	{                                                                      \
		"PayloadOrganization", KEY_STRING, 0, META, .note = DISPLAY    \
	}

static const char *const scope_values[] = { "System", "User", NULL };

static const char *const vpn_types[] = {
	"VPN",	"L2TP", "IPSec", "IKEv2", "AlwaysOn", "TransparentProxy",
	"PPTP", NULL,
};

/* What per-app and device-wide payloads have in common. */
#define VPN_RULES                                                                \
	{ "VPNType",                                                             \
	  KEY_STRING,                                                            \
	  KEY_REQUIRED,                                                          \
	  ENF,                                                                   \
	  .note = "VPN; others only where the host file binds the tunnel",       \
	  .values = vpn_types },                                                 \
		{ "VPNSubType", KEY_STRING, 0, META,                             \
		  .note = "names whose VendorConfig it is" },                    \
		{ "UserDefinedName", KEY_STRING, KEY_DISPLAY, META,              \
		  .note = DISPLAY },                                             \
		{ "VendorConfig",                                                \
		  KEY_DICT,                                                      \
		  0,                                                             \
		  ENF,                                                           \
		  .note = "splitd's own keys in it are read",                    \
		  .inner = &keys_tunnel },                                       \
		{ "VPN",                                                         \
		  KEY_DICT,                                                      \
		  0,                                                             \
		  ENF,                                                           \
		  .note = "what it holds is read key by key",                    \
		  .inner = &keys_vpn },                                          \
		{ "DNS",                                                         \
		  KEY_DICT,                                                      \
		  0,                                                             \
		  NYET,                                                          \
		  .note = NO_DNS,                                                \
		  .inner = &keys_dns,                                            \
		  .reader = dns_read },                                          \
		{ "Proxies",                                                     \
		  KEY_DICT,                                                      \
		  0,                                                             \
		  NA,                                                            \
		  .note = "traffic of apps is not proxied",                      \
		  .inner = &keys_proxies,                                        \
		  .reader = proxies_read },                                      \
		{ "IPv4",                                                        \
		  KEY_DICT,                                                      \
		  0,                                                             \
		  NA,                                                            \
		  .note = "only for IPSec and L2TP",                             \
		  .inner = &keys_ipv4 },                                         \
		{ "IPSec", KEY_DICT,	    0,                                   \
		  NA,	   .note = NO_TYPE, .inner = &keys_ipsec },              \
		{ "IKEv2", KEY_DICT,	    0,                                   \
		  NA,	   .note = NO_TYPE, .inner = &keys_ikev2 },              \
		{ "PPP", KEY_DICT, 0, NA, .note = NO_TYPE, .inner = &keys_ppp }, \
		{ "AlwaysOn", KEY_DICT,	       0,                                \
		  NA,	      .note = NO_TYPE, .inner = &keys_always_on },       \
		{ "TransparentProxy",                                            \
		  KEY_DICT,                                                      \
		  0,                                                             \
		  NA,                                                            \
		  .note = NO_TYPE,                                               \
		  .inner = &keys_transparent_proxy },                            \
		{ "OnDemandEnabled", KEY_ANY, KEY_MISPLACED, NA,                 \
		  .note = "not read here, expected in VPN" },                    \
		{ "OnDemandRules", KEY_ANY, KEY_MISPLACED, NA,                   \
		  .note = "not read here, expected in VPN" },                    \
	{                                                                        \
		"OverridePrimary", KEY_ANY, KEY_MISPLACED, NA,                   \
			.note = "not read here, expected in IPv4"                \
	}

/*
 * The schema has VPNSubType and VPN optional: which of them a payload needs
 * depends on VPNType, and payload.c says so. It requires UserDefinedName, which
 * means nothing here: a warning (W413).
 */
static const struct key_rule applayer_rules[] = {
	PAYLOAD_COMMON,
	{ "VPNUUID", KEY_ID, KEY_REQUIRED, ENF,
	  .note = "joins tunnel, apps and host file", .code = "E320" },
	VPN_RULES,
	{ "OnDemandMatchAppEnabled", KEY_BOOL, 0, NYET, .note = NO_RULES },
	{ "SafariDomains", KEY_STRINGS, KEY_ITEMS, NYET, .note = NO_DOMAINS,
	  .reader = domains_check },
	{ "MailDomains", KEY_STRINGS, KEY_ITEMS, NYET, .note = NO_DOMAINS,
	  .reader = domains_check },
	{ "CalendarDomains", KEY_STRINGS, KEY_ITEMS, NYET, .note = NO_DOMAINS,
	  .reader = domains_check },
	{ "ContactsDomains", KEY_STRINGS, KEY_ITEMS, NYET, .note = NO_DOMAINS,
	  .reader = domains_check },
	{ "SMBDomains", KEY_STRINGS, KEY_ITEMS, NA, .note = NO_LINUX,
	  .reader = domains_check },
	{ "AssociatedDomains", KEY_STRINGS, KEY_ITEMS, NA, .note = NO_LINUX,
	  .reader = domains_check },
	{ "ExcludedDomains", KEY_STRINGS, KEY_ITEMS, NYET, .note = NO_DOMAINS,
	  .reader = domains_check },
	{ "CellularSliceUUID", KEY_STRING, 0, NA, .note = NO_LINUX },
};
const struct key_table keys_payload_applayer = KEY_TABLE(applayer_rules);

/* Read with reading.inert set: checked, and nothing of it acts. */
static const struct key_rule device_rules[] = {
	PAYLOAD_COMMON,
	VPN_RULES,
};
const struct key_table keys_payload_device = KEY_TABLE(device_rules);

static const struct key_rule tool_rules[] = {
	{ "DesignatedRequirement", KEY_STRING, 0, NA, .note = NO_CODE_SIGN },
	{ "SigningIdentifier", KEY_STRING, 0, NA, .note = NO_CODE_SIGN },
	{ "Path", KEY_STRING, 0, NYET, .note = NO_TOOLS },
};
static const struct key_table tools = KEY_TABLE(tool_rules);

/*
 * The schema requires DesignatedRequirement and SigningIdentifier. They mean
 * nothing here, and real profiles leave them out: a warning (W451).
 */
static const struct key_rule mapping_rules[] = {
	{ "Identifier", KEY_ID, KEY_REQUIRED, ENF, .note = "names the app" },
	{ "VPNUUID", KEY_ID, KEY_REQUIRED, ENF,
	  .note = "links the app to the tunnel, if no command does",
	  .code = "E320" },
	{ "DesignatedRequirement", KEY_STRING, 0, NA, .note = NO_CODE_SIGN },
	{ "SigningIdentifier", KEY_STRING, 0, NA, .note = NO_CODE_SIGN },
	{ "Path", KEY_STRING, 0, MAP, .note = "an exe: selector of the app" },
	{ "MatchTools", KEY_DICTS, 0, NYET, .note = NO_TOOLS, .inner = &tools },
};
static const struct key_table mapping = KEY_TABLE(mapping_rules);

static const struct key_rule mappings_rules[] = {
	PAYLOAD_COMMON,
	{ "AppLayerVPNMapping", KEY_DICTS, KEY_REQUIRED, ENF,
	  .note = "apps and their tunnels", .inner = &mapping,
	  .reader = mapping_read },
};
const struct key_table keys_payload_mapping = KEY_TABLE(mappings_rules);

/* Mail and the like name a VPNUUID of their own. */
static const struct key_rule account_rules[] = {
	PAYLOAD_COMMON,
	{ "VPNUUID", KEY_STRING, 0, NA,
	  .note = "an account's traffic has no app of its own here" },
	{ "*", KEY_ANY, KEY_SECRET, NA,
	  .note = "payloads of this type are not read" },
};
const struct key_table keys_payload_accounts = KEY_TABLE(account_rules);

static const struct key_rule other_rules[] = {
	PAYLOAD_COMMON,
	{ "*", KEY_ANY, KEY_SECRET, NA,
	  .note = "payloads of this type are not read" },
};
const struct key_table keys_payload_other = KEY_TABLE(other_rules);

const struct neighbour_rule neighbour_rules[] = {
	{ "com.apple.dnsSettings.managed", "DNS settings of the whole device" },
	{ "com.apple.dnsProxy.managed", "splitd is no DNS proxy" },
	{ "com.apple.relay.managed", "splitd is no relay" },
	{ "com.apple.networkusagerules", "cellular data is not split" },
	{ "com.apple.webcontent-filter", "splitd filters no content" },
	{ "com.apple.security.root", "certificates are never imported" },
	{ "com.apple.security.pem", "certificates are never imported" },
	{ "com.apple.security.pkcs1", "certificates are never imported" },
	{ "com.apple.security.pkcs12", "keys are never imported" },
	{ "com.apple.security.scep", "keys are never requested" },
	{ "com.apple.security.acme", "keys are never requested" },
	{ "com.apple.profileRemovalPassword",
	  "removal is the administrator's, by file" },
	{ "com.apple.configurationprofile.identification",
	  "names a user, who is not asked here" },
	{ "com.apple.mail.managed", "accounts are not split by their VPNUUID" },
	{ "com.apple.eas.account", "accounts are not split by their VPNUUID" },
	{ "com.apple.ews.account", "accounts are not split by their VPNUUID" },
	{ "com.apple.google-oauth", "accounts are not split by their VPNUUID" },
	{ "com.apple.ldap.account", "accounts are not split by their VPNUUID" },
	{ "com.apple.caldav.account",
	  "accounts are not split by their VPNUUID" },
	{ "com.apple.carddav.account",
	  "accounts are not split by their VPNUUID" },
	{ "com.apple.subscribedcalendar.account",
	  "accounts are not split by their VPNUUID" },
	{ NULL, NULL },
};

static const struct key_rule profile_rules[] = {
	{ "PayloadType", KEY_STRING, KEY_REQUIRED, ENF,
	  .note = "marks a profile", .code = "E301" },
	{ "PayloadVersion", KEY_ANY, KEY_REQUIRED, ENF, .note = "must be 1" },
	{ "PayloadIdentifier", KEY_STRING, KEY_REQUIRED | KEY_NONEMPTY, ENF,
	  .note = "names the profile; the same again replaces it" },
	{ "PayloadUUID", KEY_STRING, KEY_REQUIRED | KEY_UUID, META,
	  .note = DISPLAY },
	{ "PayloadContent", KEY_DICTS, KEY_REQUIRED, ENF,
	  .note = "the payloads", .code = "E310", .type_code = "E310",
	  .reader = profile_read_content },
	{ "PayloadDisplayName", KEY_STRING, KEY_DISPLAY, META,
	  .note = DISPLAY },
	{ "PayloadDescription", KEY_STRING, 0, META, .note = DISPLAY },
	{ "PayloadOrganization", KEY_STRING, 0, META, .note = DISPLAY },
	{ "IsEncrypted", KEY_BOOL, 0, ENF, .note = "true is refused" },
	{ "EncryptedPayloadContent", KEY_DATA, KEY_REFUSED | KEY_SECRET, REJ,
	  .note = "encrypted profile; splitd holds no device identity",
	  .code = "E206" },
	{ "HasRemovalPasscode", KEY_BOOL, 0, NA, .note = NO_LINUX },
	{ "PayloadRemovalDisallowed", KEY_BOOL, 0, MAP,
	  .note = "only root removes what is installed, this or any other" },
	{ "PayloadScope", KEY_STRING, 0, NA, .note = "rules hold for all users",
	  .values = scope_values },
	{ "RemovalDate", KEY_DATE, 0, ENF,
	  .note = "not in force from then on; what is installed is removed" },
	{ "DurationUntilRemoval", KEY_REAL, 0, ENF,
	  .note = "what is installed is removed; a file in the policy "
		  "directory has no such beginning" },
	{ "PayloadExpirationDate", KEY_DATE, 0, META, .note = DISPLAY },
	{ "TargetDeviceType", KEY_INTEGER, 0, NA, .note = NO_LINUX, .max = 6 },
	{ "ConsentText", KEY_DICT, 0, META, .note = DISPLAY },
	{ "PayloadEnabled", KEY_BOOL, 0, ENF,
	  .note = "false leaves the profile out" },
};
const struct key_table keys_profile = KEY_TABLE(profile_rules);
