/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of the VPN types that splitd does not drive. */

/*
 * From Apple's published schema of com.apple.vpn.managed, the union of its
 * versions. A payload of such a type is refused (E330) unless the host file
 * binds its VPNUUID to an interface that something else brings up; then the
 * routing keys of IKEv2 count as those of VPN do.
 */
#include "policy/model/keys.h"

#define ENF	TREATMENT_ENFORCED
#define MAP	TREATMENT_MAPPED
#define NA	TREATMENT_NOT_APPLICABLE
#define META	TREATMENT_METADATA
#define NYET	TREATMENT_NOT_YET

#define NO_TYPE "belongs to a VPN type that splitd does not drive"
#define BOUND	"counts where the host file binds the tunnel: "

/* One row: it is checked, and not acted on. */
#define PLAIN(key, kind, opts)                                                 \
	{                                                                      \
		.name = (key), .type = (kind), .flags = (opts),                \
		.treatment = NA, .note = NO_TYPE                               \
	}
#define CHOICE(key, opts, list)                                                \
	{                                                                      \
		.name = (key), .type = KEY_STRING, .flags = (opts),            \
		.treatment = NA, .note = NO_TYPE, .values = (list)             \
	}
#define NUMBER(key, low, high)                                                 \
	{                                                                      \
		.name = (key), .type = KEY_INTEGER, .treatment = NA,           \
		.note = NO_TYPE, .min = (low), .max = (high)                   \
	}
#define IDLE                                                                   \
	PLAIN("DisconnectOnIdle", KEY_FLAG, 0),                                \
		NUMBER("DisconnectOnIdleTimer", 1, INT64_MAX)
#define RULES                                                                  \
	PLAIN("OnDemandEnabled", KEY_FLAG, 0),                                 \
	{                                                                      \
		"OnDemandRules", KEY_DICTS, 0, NA,                             \
			.note = NO_TYPE, .inner = &keys_rule,                  \
			.reader = on_demand_read_foreign                       \
	}
#define OLD_DOMAINS(key)                                                       \
	{                                                                      \
		(key), KEY_STRINGS, KEY_OLD, NA, .note = NO_TYPE,              \
						 .reader = domains_check       \
	}

static const char *const ipsec_methods[] = { "SharedSecret", "Certificate",
					     NULL };
static const char *const prompts[] = { "Prompt", NULL };
static const char *const identifier_types[] = { "KeyID", NULL };

static const struct key_rule ipsec_rules[] = {
	PLAIN("RemoteAddress", KEY_STRING, 0),
	CHOICE("AuthenticationMethod", KEY_FOLD, ipsec_methods),
	PLAIN("XAuthName", KEY_STRING, KEY_SECRET),
	PLAIN("XAuthPassword", KEY_STRING, KEY_SECRET),
	PLAIN("XAuthEnabled", KEY_FLAG, 0),
	CHOICE("XAuthPasswordEncryption", 0, prompts),
	PLAIN("LocalIdentifier", KEY_STRING, 0),
	CHOICE("LocalIdentifierType", 0, identifier_types),
	PLAIN("SharedSecret", KEY_DATA, KEY_SECRET),
	PLAIN("PayloadCertificateUUID", KEY_STRING, 0),
	PLAIN("PromptForVPNPIN", KEY_BOOL, 0),
	IDLE,
	RULES,
	OLD_DOMAINS("OnDemandMatchDomainsAlways"),
	OLD_DOMAINS("OnDemandMatchDomainsNever"),
	OLD_DOMAINS("OnDemandMatchDomainsOnRetry"),
	PLAIN("OnDemandMatchAppEnabled", KEY_BOOL, 0),
};
const struct key_table keys_ipsec = KEY_TABLE(ipsec_rules);

static const char *const eap_plugins[] = { "EAP-RSA", "EAP-TLS", "EAP-KRB",
					   NULL };
static const char *const ppp_protocols[] = { "EAP", NULL };

static const struct key_rule ppp_rules[] = {
	PLAIN("AuthName", KEY_STRING, KEY_SECRET),
	PLAIN("AuthPassword", KEY_STRING, KEY_SECRET),
	PLAIN("TokenCard", KEY_FLAG, 0),
	PLAIN("CommRemoteAddress", KEY_STRING, 0),
	{ "AuthEAPPlugins", KEY_STRINGS, 0, NA, .note = NO_TYPE,
	  .values = eap_plugins },
	{ "AuthProtocol", KEY_STRINGS, 0, NA, .note = NO_TYPE,
	  .values = ppp_protocols },
	PLAIN("CCPMPPE40Enabled", KEY_FLAG, 0),
	PLAIN("CCPMPPE128Enabled", KEY_FLAG, 0),
	PLAIN("CCPEnabled", KEY_FLAG, 0),
	IDLE,
};
const struct key_table keys_ppp = KEY_TABLE(ppp_rules);

static const char *const ikev2_methods[] = { "None", "SharedSecret",
					     "Certificate", NULL };
static const char *const certificate_types[] = {
	"RSA", "ECDSA256", "ECDSA384", "ECDSA521", "RSA-PSS", NULL,
};
static const char *const detection_rates[] = { "None", "Low", "Medium", "High",
					       NULL };
static const char *const tls_versions[] = { "1.0", "1.1", "1.2", NULL };
static const char *const provider_types[] = { "packet-tunnel", "app-proxy",
					      NULL };
static const char *const ciphers[] = {
	"DES",	       "3DES",	      "AES-128",	  "AES-256",
	"AES-128-GCM", "AES-256-GCM", "ChaCha20Poly1305", NULL,
};
static const char *const digests[] = {
	"SHA1-96", "SHA1-160", "SHA2-256", "SHA2-384", "SHA2-512", NULL,
};

/* Of the Diffie-Hellman groups 1..32 not all are named; the range suffices. */
static const struct key_rule association_rules[] = {
	CHOICE("EncryptionAlgorithm", 0, ciphers),
	CHOICE("IntegrityAlgorithm", 0, digests),
	NUMBER("DiffieHellmanGroup", 1, 32),
	NUMBER("LifeTimeInMinutes", 10, 1440),
	PLAIN("PostQuantumKeyExchangeMethods", KEY_ANY, 0),
};
static const struct key_table association = KEY_TABLE(association_rules);

/* IKEv2, and what each tunnel of AlwaysOn holds beside its own keys. */
#define IKEV2_RULES(need)                                                      \
	PLAIN("RemoteAddress", KEY_STRING, (need)),                            \
		PLAIN("LocalIdentifier", KEY_STRING, (need)),                  \
		PLAIN("RemoteIdentifier", KEY_STRING, (need)),                 \
		CHOICE("AuthenticationMethod", (need) | KEY_FOLD,              \
		       ikev2_methods),                                         \
		CHOICE("CertificateType", 0, certificate_types),               \
		PLAIN("PayloadCertificateUUID", KEY_STRING, 0),                \
		PLAIN("Password", KEY_STRING, KEY_SECRET),                     \
		PLAIN("ProviderBundleIdentifier", KEY_STRING, 0),              \
		PLAIN("ProviderDesignatedRequirement", KEY_STRING, 0),         \
		PLAIN("SharedSecret", KEY_STRING, KEY_SECRET),                 \
		PLAIN("ExtendedAuthEnabled", KEY_FLAG, 0),                     \
		PLAIN("AuthName", KEY_STRING, KEY_SECRET),                     \
		PLAIN("AuthPassword", KEY_STRING, KEY_SECRET), RULES,          \
		PLAIN("OnDemandUserOverrideDisabled", KEY_FLAG, 0),            \
		PLAIN("OnDemandMatchAppEnabled", KEY_BOOL, 0),                 \
		CHOICE("DeadPeerDetectionRate", 0, detection_rates),           \
		PLAIN("ServerCertificateIssuerCommonName", KEY_STRING, 0),     \
		PLAIN("ServerCertificateCommonName", KEY_STRING, 0),           \
		CHOICE("TLSMinimumVersion", 0, tls_versions),                  \
		CHOICE("TLSMaximumVersion", 0, tls_versions),                  \
		PLAIN("UseConfigurationAttributeInternalIPSubnet", KEY_FLAG,   \
		      0),                                                      \
		PLAIN("DisableMOBIKE", KEY_FLAG, 0),                           \
		PLAIN("DisableRedirect", KEY_FLAG, 0), IDLE,                   \
		PLAIN("NATKeepAliveOffloadEnable", KEY_FLAG, 0),               \
		NUMBER("NATKeepAliveInterval", 0, 0),                          \
		PLAIN("EnablePFS", KEY_FLAG, 0),                               \
		PLAIN("EnableCertificateRevocationCheck", KEY_FLAG, 0),        \
		PLAIN("EnableFallback", KEY_FLAG, 0),                          \
		NUMBER("MTU", 1280, 1400),                                     \
		CHOICE("ProviderType", 0, provider_types),                     \
		PLAIN("ExcludeCellularServices", KEY_FLAG, 0),                 \
		PLAIN("ExcludeAPNs", KEY_FLAG, 0),                             \
		PLAIN("ExcludeDeviceCommunication", KEY_FLAG, 0),              \
		PLAIN("PPK", KEY_DATA, KEY_SECRET),                            \
		PLAIN("PPKIdentifier", KEY_STRING, 0),                         \
		PLAIN("PPKMandatory", KEY_FLAG, 0),                            \
		{ "IKESecurityAssociationParameters",                          \
		  KEY_DICT,                                                    \
		  0,                                                           \
		  NA,                                                          \
		  .note = NO_TYPE,                                             \
		  .inner = &association },                                     \
	{                                                                      \
		"ChildSecurityAssociationParameters", KEY_DICT, 0, NA,         \
			.note = NO_TYPE, .inner = &association                 \
	}

static const struct key_rule ikev2_rules[] = {
	IKEV2_RULES(KEY_REQUIRED),
	{ "IncludeAllNetworks", KEY_FLAG, 0, MAP,
	  .note = BOUND "1 is RoutingMode app-only" },
	{ "EnforceRoutes", KEY_FLAG, 0, ENF,
	  .note = BOUND "1 makes ExcludeLocalNetworks count" },
	{ "ExcludeLocalNetworks", KEY_FLAG, 0, ENF,
	  .note = BOUND "with one of the two, private, unique local and "
			"link-local networks that the host is on stay "
			"direct" },
};
const struct key_table keys_ikev2 = KEY_TABLE(ikev2_rules);

static const char *const tunnel_protocols[] = { "IKEv2", NULL };
static const char *const tunnel_links[] = { "Cellular", "WiFi", NULL };
static const char *const service_names[] = {
	"VoiceMail",	       "AirPrint", "CellularServices",
	"DeviceCommunication", NULL,
};
static const char *const service_actions[] = { "Allow", "Drop", NULL };
static const char *const limits[] = { "UDP", NULL };

static const struct key_rule tunnel_rules[] = {
	CHOICE("ProtocolType", KEY_REQUIRED, tunnel_protocols),
	{ "Interfaces", KEY_STRINGS, 0, NA, .note = NO_TYPE,
	  .values = tunnel_links },
	IKEV2_RULES(0),
	PLAIN("IncludeAllNetworks", KEY_FLAG, 0),
	PLAIN("EnforceRoutes", KEY_FLAG, 0),
	PLAIN("ExcludeLocalNetworks", KEY_FLAG, 0),
};
static const struct key_table tunnel = KEY_TABLE(tunnel_rules);

static const struct key_rule service_rules[] = {
	CHOICE("ServiceName", KEY_REQUIRED, service_names),
	CHOICE("Action", KEY_REQUIRED, service_actions),
};
static const struct key_table service = KEY_TABLE(service_rules);

static const struct key_rule exception_rules[] = {
	PLAIN("BundleIdentifier", KEY_STRING, KEY_REQUIRED),
	{ "LimitToProtocols", KEY_STRINGS, 0, NA, .note = NO_TYPE,
	  .values = limits },
};
static const struct key_table exception = KEY_TABLE(exception_rules);

static const struct key_rule plugin_rules[] = {
	PLAIN("BundleIdentifier", KEY_STRING, KEY_REQUIRED),
};
static const struct key_table plugin = KEY_TABLE(plugin_rules);

static const struct key_rule always_on_rules[] = {
	PLAIN("UIToggleEnabled", KEY_FLAG, 0),
	{ "TunnelConfigurations", KEY_DICTS, KEY_REQUIRED, NA, .note = NO_TYPE,
	  .inner = &tunnel },
	{ "ServiceExceptions", KEY_DICTS, 0, NA, .note = NO_TYPE,
	  .inner = &service },
	{ "ApplicationExceptions", KEY_DICTS, 0, NA, .note = NO_TYPE,
	  .inner = &exception },
	PLAIN("AllowCaptiveWebSheet", KEY_FLAG, 0),
	PLAIN("AllowAllCaptiveNetworkPlugins", KEY_FLAG, 0),
	{ "AllowedCaptiveNetworkPlugins", KEY_DICTS, 0, NA, .note = NO_TYPE,
	  .inner = &plugin },
};
const struct key_table keys_always_on = KEY_TABLE(always_on_rules);

static const char *const proxy_methods[] = {
	"Password",
	"Certificate",
	"Password+Certificate",
	NULL,
};

static const struct key_rule transparent_proxy_rules[] = {
	CHOICE("AuthenticationMethod", KEY_FOLD, proxy_methods),
	IDLE,
	PLAIN("EnforceRoutes", KEY_FLAG, 0),
	RULES,
	PLAIN("PayloadCertificateUUID", KEY_STRING, 0),
	PLAIN("Password", KEY_STRING, KEY_SECRET),
	PLAIN("ProviderBundleIdentifier", KEY_STRING, 0),
	PLAIN("ProviderDesignatedRequirement", KEY_STRING, 0),
	CHOICE("ProviderType", 0, provider_types),
	NUMBER("Order", 1, INT64_MAX),
};
const struct key_table keys_transparent_proxy =
	KEY_TABLE(transparent_proxy_rules);
