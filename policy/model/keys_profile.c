/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of profiles and VPN payloads. */

/*
 * From Apple's published schema (TopLevel, CommonPayloadKeys and
 * com.apple.vpn.managed.applayer), the union of its versions. The treatment
 * is what this build does, so a row changes when an engine arrives.
 */
#include "policy/model/keys.h"

#define ENF	   TREATMENT_ENFORCED
#define MAP	   TREATMENT_MAPPED
#define NA	   TREATMENT_NOT_APPLICABLE
#define META	   TREATMENT_METADATA
#define REJ	   TREATMENT_REFUSED
#define NYET	   TREATMENT_NOT_YET

#define DISPLAY	   "shown, never acted on"
#define NO_LINUX   "not applicable on Linux"
#define NO_RULES   "on-demand rules are not evaluated by this build yet"
#define NO_DNS	   "DNS does not follow the app in this build yet"
#define NO_DOMAINS "routing by domain is not in this build yet"
#define NO_TYPE	   "belongs to a VPN type that splitd does not drive"
#define SIGN_IN	   "the tunnel's own client signs in, not splitd"

#define PAYLOAD_COMMON                                                         \
	{ "PayloadType", KEY_STRING, KEY_REQUIRED | KEY_NONEMPTY, ENF,         \
	  .note = "selects how the payload is read" },                         \
		{ "PayloadVersion", KEY_ANY, KEY_REQUIRED, ENF,                \
		  .note = "must be 1" },                                       \
		{ "PayloadIdentifier", KEY_STRING,                             \
		  KEY_REQUIRED | KEY_NONEMPTY, ENF,                            \
		  .note = "unique within the profile" },                       \
		{ "PayloadUUID", KEY_STRING, KEY_REQUIRED, META,               \
		  .note = DISPLAY },                                           \
		{ "PayloadDisplayName", KEY_STRING, 0, META,                   \
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

static const char *const authentication_values[] = {
	"Password",
	"Certificate",
	"Password+Certificate",
	NULL,
};

static const char *const provider_types[] = { "packet-tunnel", "app-proxy",
					      NULL };

static const char *const rule_actions[] = {
	"Allow", "Connect", "Disconnect", "EvaluateConnection", "Ignore", NULL,
};

static const char *const domain_actions[] = { "ConnectIfNeeded", "NeverConnect",
					      NULL };

static const char *const link_types[] = { "Ethernet", "WiFi", "Cellular",
					  NULL };

static const char *const dns_protocols[] = { "Cleartext", "HTTPS", "TLS",
					     NULL };

static const struct key_rule action_parameter_rules[] = {
	{ "Domains", KEY_STRINGS, KEY_REQUIRED, NYET, .note = NO_RULES },
	{ "DomainAction", KEY_STRING, KEY_REQUIRED, NYET, .note = NO_RULES,
	  .values = domain_actions },
	{ "RequiredDNSServers", KEY_STRINGS, 0, NYET, .note = NO_RULES },
	{ "RequiredURLStringProbe", KEY_STRING, 0, NYET, .note = NO_RULES },
};
static const struct key_table action_parameters =
	KEY_TABLE(action_parameter_rules);

static const struct key_rule on_demand_rules[] = {
	{ "Action", KEY_STRING, KEY_REQUIRED, NYET, .note = NO_RULES,
	  .values = rule_actions },
	{ "ActionParameters", KEY_DICTS, 0, NYET, .note = NO_RULES,
	  .inner = &action_parameters },
	{ "DNSDomainMatch", KEY_STRINGS, 0, NYET, .note = NO_RULES },
	{ "DNSServerAddressMatch", KEY_STRINGS, 0, NYET, .note = NO_RULES },
	{ "InterfaceTypeMatch", KEY_STRING, 0, NYET, .note = NO_RULES,
	  .values = link_types },
	{ "SSIDMatch", KEY_STRINGS, 0, NYET, .note = NO_RULES },
	{ "URLStringProbe", KEY_STRING, 0, NYET, .note = NO_RULES },
};
static const struct key_table on_demand = KEY_TABLE(on_demand_rules);

static const struct key_rule vpn_rules[] = {
	{ "RemoteAddress", KEY_STRING, KEY_NONEMPTY, META, .note = DISPLAY,
	  .code = "E333" },
	{ "AuthenticationMethod", KEY_STRING, KEY_FOLD, NA, .note = SIGN_IN,
	  .values = authentication_values },
	{ "AuthName", KEY_STRING, KEY_SECRET, NA, .note = SIGN_IN },
	{ "AuthPassword", KEY_STRING, KEY_SECRET, NA, .note = SIGN_IN },
	{ "Password", KEY_STRING, KEY_SECRET, NA, .note = SIGN_IN },
	{ "PayloadCertificateUUID", KEY_STRING, 0, NA, .note = SIGN_IN },
	{ "ProviderBundleIdentifier", KEY_STRING, 0, META, .note = DISPLAY },
	{ "ProviderDesignatedRequirement", KEY_STRING, 0, NA,
	  .note = NO_LINUX },
	{ "ProviderType", KEY_STRING, 0, ENF,
	  .note = "packet-tunnel is what splitd does",
	  .values = provider_types },
	{ "DisconnectOnIdle", KEY_FLAG, 0, NYET,
	  .note = "splitd does not take tunnels down yet" },
	{ "DisconnectOnIdleTimer", KEY_INTEGER, 0, NYET,
	  .note = "splitd does not take tunnels down yet" },
	{ "IncludeAllNetworks", KEY_FLAG, 0, MAP,
	  .note = "1 is RoutingMode app-only" },
	{ "EnforceRoutes", KEY_FLAG, 0, NYET,
	  .note = "an included route always beats connected ones; no more is "
		  "done yet" },
	{ "ExcludeLocalNetworks", KEY_FLAG, 0, NYET,
	  .note = "local networks are not exempted by this build yet" },
	{ "ExcludeCellularServices", KEY_FLAG, 0, NA, .note = NO_LINUX },
	{ "ExcludeAPNs", KEY_FLAG, 0, NA, .note = NO_LINUX },
	{ "ExcludeDeviceCommunication", KEY_FLAG, 0, NA, .note = NO_LINUX },
	{ "OnDemandEnabled", KEY_FLAG, 0, NYET, .note = NO_RULES },
	{ "OnDemandUserOverrideDisabled", KEY_FLAG, 0, NYET, .note = NO_RULES },
	{ "OnDemandRules", KEY_DICTS, 0, NYET, .note = NO_RULES,
	  .inner = &on_demand },
	{ "OnDemandMatchDomainsAlways", KEY_STRINGS, 0, NYET,
	  .note = NO_RULES },
	{ "OnDemandMatchDomainsNever", KEY_STRINGS, 0, NYET, .note = NO_RULES },
	{ "OnDemandMatchDomainsOnRetry", KEY_STRINGS, 0, NYET,
	  .note = NO_RULES },
	{ "OnDemandMatchAppEnabled", KEY_BOOL, 0, NYET, .note = NO_RULES },
};
static const struct key_table vpn = KEY_TABLE(vpn_rules);

static const struct key_rule dns_rules[] = {
	{ "DNSProtocol", KEY_STRING, 0, NYET, .note = NO_DNS,
	  .values = dns_protocols },
	{ "ServerURL", KEY_STRING, 0, NYET, .note = NO_DNS },
	{ "ServerName", KEY_STRING, 0, NYET, .note = NO_DNS },
	{ "ServerAddresses", KEY_STRINGS, 0, NYET, .note = NO_DNS },
	{ "SearchDomains", KEY_STRINGS, 0, NYET, .note = NO_DNS },
	{ "DomainName", KEY_STRING, 0, NYET, .note = NO_DNS },
	{ "SupplementalMatchDomains", KEY_STRINGS, 0, NYET, .note = NO_DNS },
	{ "SupplementalMatchDomainsNoSearch", KEY_FLAG, 0, NYET,
	  .note = NO_DNS },
	{ "PayloadCertificateUUID", KEY_STRING, 0, NA, .note = NO_LINUX },
};
static const struct key_table dns = KEY_TABLE(dns_rules);

static const struct key_rule applayer_rules[] = {
	PAYLOAD_COMMON,
	{ "VPNUUID", KEY_ID, KEY_REQUIRED, ENF,
	  .note = "joins tunnel, apps and host file", .code = "E320" },
	{ "VPNType", KEY_STRING, KEY_REQUIRED, ENF, .note = "must be VPN",
	  .values = vpn_types },
	{ "VPNSubType", KEY_STRING, KEY_REQUIRED | KEY_NONEMPTY, META,
	  .note = "names whose VendorConfig it is", .code = "E331" },
	{ "UserDefinedName", KEY_STRING, 0, META, .note = DISPLAY },
	{ "VendorConfig", KEY_DICT, 0, ENF,
	  .note = "splitd's own keys in it are read", .inner = &keys_tunnel },
	{ "VPN", KEY_DICT, KEY_REQUIRED, ENF,
	  .note = "what it holds is read key by key", .code = "E332",
	  .inner = &vpn },
	{ "OnDemandMatchAppEnabled", KEY_BOOL, 0, NYET, .note = NO_RULES },
	{ "SafariDomains", KEY_STRINGS, 0, NYET, .note = NO_DOMAINS },
	{ "MailDomains", KEY_STRINGS, 0, NYET, .note = NO_DOMAINS },
	{ "CalendarDomains", KEY_STRINGS, 0, NYET, .note = NO_DOMAINS },
	{ "ContactsDomains", KEY_STRINGS, 0, NYET, .note = NO_DOMAINS },
	{ "SMBDomains", KEY_STRINGS, 0, NA, .note = NO_LINUX },
	{ "AssociatedDomains", KEY_STRINGS, 0, NA, .note = NO_LINUX },
	{ "ExcludedDomains", KEY_STRINGS, 0, NYET, .note = NO_DOMAINS },
	{ "CellularSliceUUID", KEY_STRING, 0, NA, .note = NO_LINUX },
	{ "DNS", KEY_DICT, 0, NYET, .note = NO_DNS, .inner = &dns },
	{ "Proxies", KEY_DICT, KEY_SECRET, NA,
	  .note = "traffic is not proxied" },
	{ "IPv4", KEY_DICT, 0, NA, .note = "only for IPSec and L2TP" },
	{ "IPSec", KEY_DICT, KEY_SECRET, NA, .note = NO_TYPE },
	{ "IKEv2", KEY_DICT, KEY_SECRET, NA, .note = NO_TYPE },
	{ "PPP", KEY_DICT, KEY_SECRET, NA, .note = NO_TYPE },
	{ "AlwaysOn", KEY_DICT, KEY_SECRET, NA, .note = NO_TYPE },
	{ "TransparentProxy", KEY_DICT, KEY_SECRET, NA, .note = NO_TYPE },
	{ "OnDemandEnabled", KEY_ANY, KEY_MISPLACED, NA,
	  .note = "not read here, expected in VPN" },
	{ "OnDemandRules", KEY_ANY, KEY_MISPLACED, NA,
	  .note = "not read here, expected in VPN" },
	{ "OverridePrimary", KEY_ANY, KEY_MISPLACED, NA,
	  .note = "not read here, expected in IPv4" },
};
const struct key_table keys_payload_applayer = KEY_TABLE(applayer_rules);

static const struct key_rule device_rules[] = {
	PAYLOAD_COMMON,
	{ "*", KEY_ANY, KEY_SECRET, NA,
	  .note = "device-wide VPN payloads are not applicable in this "
		  "version" },
};
const struct key_table keys_payload_device = KEY_TABLE(device_rules);

static const struct key_rule other_rules[] = {
	PAYLOAD_COMMON,
	{ "*", KEY_ANY, KEY_SECRET, NA,
	  .note = "payloads of this type are not read" },
};
const struct key_table keys_payload_other = KEY_TABLE(other_rules);

static const struct key_rule profile_rules[] = {
	{ "PayloadType", KEY_STRING, KEY_REQUIRED, ENF,
	  .note = "marks a profile", .code = "E301" },
	{ "PayloadVersion", KEY_ANY, KEY_REQUIRED, ENF, .note = "must be 1" },
	{ "PayloadIdentifier", KEY_STRING, KEY_REQUIRED | KEY_NONEMPTY, ENF,
	  .note = "names the profile" },
	{ "PayloadUUID", KEY_STRING, KEY_REQUIRED, META, .note = DISPLAY },
	{ "PayloadContent", KEY_DICTS, KEY_REQUIRED, ENF,
	  .note = "the payloads", .code = "E310", .type_code = "E310",
	  .reader = profile_read_content },
	{ "PayloadDisplayName", KEY_STRING, 0, META, .note = DISPLAY },
	{ "PayloadDescription", KEY_STRING, 0, META, .note = DISPLAY },
	{ "PayloadOrganization", KEY_STRING, 0, META, .note = DISPLAY },
	{ "IsEncrypted", KEY_BOOL, 0, ENF, .note = "true is refused" },
	{ "EncryptedPayloadContent", KEY_DATA, KEY_REFUSED | KEY_SECRET, REJ,
	  .note = "encrypted profile; splitd holds no device identity",
	  .code = "E206" },
	{ "HasRemovalPasscode", KEY_BOOL, 0, NA, .note = NO_LINUX },
	{ "PayloadRemovalDisallowed", KEY_BOOL, 0, NYET,
	  .note = "this build has no store to remove from yet" },
	{ "PayloadScope", KEY_STRING, 0, NA, .note = "rules hold for all users",
	  .values = scope_values },
	{ "RemovalDate", KEY_DATE, 0, NYET,
	  .note = "no timer in this build yet" },
	{ "DurationUntilRemoval", KEY_REAL, 0, NYET,
	  .note = "no timer in this build yet" },
	{ "PayloadExpirationDate", KEY_DATE, 0, META, .note = DISPLAY },
	{ "TargetDeviceType", KEY_INTEGER, 0, NA, .note = NO_LINUX },
	{ "ConsentText", KEY_DICT, 0, META, .note = DISPLAY },
	{ "PayloadEnabled", KEY_BOOL, 0, ENF,
	  .note = "false leaves the profile out" },
};
const struct key_table keys_profile = KEY_TABLE(profile_rules);
