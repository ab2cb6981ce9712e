/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of a VPN payload's own dictionaries: VPN, DNS, Proxies, IPv4. */

/*
 * From Apple's published schema of com.apple.vpn.managed, the union of its
 * versions: RemoteAddress, AuthName and AuthPassword came with OS 26, Password
 * went. The schema of 2024 lists no RemoteAddress in VPN at all, so it is not
 * required here, though the newest says it is.
 */
#include "policy/model/keys.h"

#define ENF	 TREATMENT_ENFORCED
#define MAP	 TREATMENT_MAPPED
#define NA	 TREATMENT_NOT_APPLICABLE
#define META	 TREATMENT_METADATA
#define NYET	 TREATMENT_NOT_YET

#define DISPLAY	 "shown, never acted on"
#define NO_LINUX "not applicable on Linux"
#define NO_RULES "on-demand rules are not evaluated by this build yet"
#define NO_DNS	 "DNS does not follow the app in this build yet"
#define NO_IDLE	 "splitd does not take tunnels down yet"
#define NO_PROXY "traffic of apps is not proxied"
#define SIGN_IN	 "the tunnel's own client signs in, not splitd"

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

static const struct key_rule parameter_rules[] = {
	{ "Domains", KEY_STRINGS, KEY_REQUIRED, NYET, .note = NO_RULES,
	  .reader = domains_check },
	{ "DomainAction", KEY_STRING, KEY_REQUIRED, NYET, .note = NO_RULES,
	  .values = domain_actions },
	{ "RequiredDNSServers", KEY_STRINGS, KEY_ITEMS, NYET, .note = NO_RULES,
	  .reader = dns_check_servers },
	{ "RequiredURLStringProbe", KEY_STRING, KEY_NONEMPTY, NYET,
	  .note = NO_RULES, .reader = on_demand_check_url },
};
const struct key_table keys_parameters = KEY_TABLE(parameter_rules);

static const struct key_rule rule_rules[] = {
	{ "Action", KEY_STRING, KEY_REQUIRED, NYET, .note = NO_RULES,
	  .values = rule_actions },
	{ "ActionParameters", KEY_DICTS, 0, NYET, .note = NO_RULES,
	  .inner = &keys_parameters, .reader = on_demand_read_parameters },
	{ "DNSDomainMatch", KEY_STRINGS, 0, NYET, .note = NO_RULES },
	{ "DNSServerAddressMatch", KEY_STRINGS, KEY_ITEMS, NYET,
	  .note = NO_RULES, .reader = on_demand_check_servers },
	{ "InterfaceTypeMatch", KEY_STRING, 0, NYET, .note = NO_RULES,
	  .values = link_types },
	{ "SSIDMatch", KEY_STRINGS, 0, NYET, .note = NO_RULES },
	{ "URLStringProbe", KEY_STRING, KEY_NONEMPTY, NYET, .note = NO_RULES,
	  .reader = on_demand_check_url },
};
const struct key_table keys_rule = KEY_TABLE(rule_rules);

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
	  .note = "packet-tunnel is what splitd does; app-proxy is refused",
	  .values = provider_types },
	{ "DisconnectOnIdle", KEY_FLAG, 0, NYET, .note = NO_IDLE },
	{ "DisconnectOnIdleTimer", KEY_INTEGER, 0, NYET, .note = NO_IDLE,
	  .min = 1, .max = INT64_MAX },
	{ "IncludeAllNetworks", KEY_FLAG, 0, MAP,
	  .note = "1 is RoutingMode app-only" },
	{ "EnforceRoutes", KEY_FLAG, 0, ENF,
	  .note = "an included route beats connected ones either way; 1 makes "
		  "ExcludeLocalNetworks count" },
	{ "ExcludeLocalNetworks", KEY_FLAG, 0, ENF,
	  .note = "with one of the two: private, unique local and link-local "
		  "networks that the host is on stay direct, unless an "
		  "included route names them" },
	{ "ExcludeCellularServices", KEY_FLAG, 0, NA, .note = NO_LINUX },
	{ "ExcludeAPNs", KEY_FLAG, 0, NA, .note = NO_LINUX },
	{ "ExcludeDeviceCommunication", KEY_FLAG, 0, NA, .note = NO_LINUX },
	{ "OnDemandEnabled", KEY_FLAG, 0, NYET, .note = NO_RULES },
	{ "OnDemandUserOverrideDisabled", KEY_FLAG, 0, NYET, .note = NO_RULES },
	{ "OnDemandRules", KEY_DICTS, 0, NYET, .note = NO_RULES,
	  .inner = &keys_rule, .reader = on_demand_read },
	{ "OnDemandMatchDomainsAlways", KEY_STRINGS, KEY_OLD, NYET,
	  .note = NO_RULES, .reader = domains_check },
	{ "OnDemandMatchDomainsNever", KEY_STRINGS, KEY_OLD, NYET,
	  .note = NO_RULES, .reader = domains_check },
	{ "OnDemandMatchDomainsOnRetry", KEY_STRINGS, KEY_OLD, NYET,
	  .note = NO_RULES, .reader = domains_check },
	{ "OnDemandMatchAppEnabled", KEY_BOOL, 0, NYET, .note = NO_RULES },
};
const struct key_table keys_vpn = KEY_TABLE(vpn_rules);

/* The schema requires DNSProtocol; profiles from before iOS 14 have none. */
static const struct key_rule dns_rules[] = {
	{ "DNSProtocol", KEY_STRING, 0, NYET, .note = NO_DNS,
	  .values = dns_protocols },
	{ "ServerURL", KEY_STRING, 0, NYET, .note = NO_DNS },
	{ "ServerName", KEY_STRING, 0, NYET, .note = NO_DNS },
	{ "ServerAddresses", KEY_STRINGS, KEY_REQUIRED | KEY_ITEMS, NYET,
	  .note = NO_DNS, .reader = dns_check_servers },
	{ "SearchDomains", KEY_STRINGS, 0, NYET, .note = NO_DNS,
	  .reader = domains_check },
	{ "DomainName", KEY_STRING, 0, NYET, .note = NO_DNS,
	  .reader = domains_check },
	{ "SupplementalMatchDomains", KEY_STRINGS, KEY_ITEMS, NYET,
	  .note = NO_DNS, .reader = domains_check },
	{ "SupplementalMatchDomainsNoSearch", KEY_FLAG, 0, NYET,
	  .note = NO_DNS },
	{ "PayloadCertificateUUID", KEY_STRING, 0, NA, .note = NO_LINUX },
};
const struct key_table keys_dns = KEY_TABLE(dns_rules);

static const struct key_rule proxy_rules[] = {
	{ "ProxyAutoConfigEnable", KEY_FLAG, 0, NA, .note = NO_PROXY },
	{ "ProxyAutoDiscoveryEnable", KEY_FLAG, 0, NA, .note = NO_PROXY },
	{ "ProxyAutoConfigURLString", KEY_STRING, 0, NA, .note = NO_PROXY },
	{ "SupplementalMatchDomains", KEY_STRINGS, KEY_ITEMS, NA,
	  .note = NO_PROXY },
	{ "HTTPEnable", KEY_FLAG, 0, NA, .note = NO_PROXY },
	{ "HTTPProxy", KEY_STRING, 0, NA, .note = NO_PROXY },
	{ "HTTPPort", KEY_INTEGER, 0, NA, .note = NO_PROXY, .max = 65535 },
	{ "HTTPProxyUsername", KEY_STRING, KEY_SECRET, NA, .note = NO_PROXY },
	{ "HTTPProxyPassword", KEY_STRING, KEY_SECRET, NA, .note = NO_PROXY },
	{ "HTTPSEnable", KEY_FLAG, 0, NA, .note = NO_PROXY },
	{ "HTTPSProxy", KEY_STRING, 0, NA, .note = NO_PROXY },
	{ "HTTPSPort", KEY_INTEGER, 0, NA, .note = NO_PROXY, .max = 65535 },
};
const struct key_table keys_proxies = KEY_TABLE(proxy_rules);

static const struct key_rule ipv4_rules[] = {
	{ "OverridePrimary", KEY_FLAG, 0, NA,
	  .note = "only for IPSec and L2TP: routes nothing here" },
};
const struct key_table keys_ipv4 = KEY_TABLE(ipv4_rules);
