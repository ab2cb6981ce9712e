/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a document says, as facts with their places; for policy/ only. */
#ifndef SPLITD_POLICY_MODEL_H
#define SPLITD_POLICY_MODEL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/model/document.h"
#include "policy/plan/policy.h"
#include "policy/read/signature.h"

#define APPS_MAX	4096
#define RULES_MAX	128 /* on-demand rules of one payload */
#define TUNNELS_MAX	255
#define PREFIXES_MAX	1000000
#define IDENTIFIER_MAX	255 /* bytes of a bundle identifier or VPNUUID */
#define INTERFACE_MAX	15  /* IFNAMSIZ without the NUL */
#define CGROUP_PATH_MAX 255
#define EXE_NAME_MAX	126
#define EXE_PATH_MAX	4095

/* Where in its file a fact stands. path is NULL when there is no fact. */
struct spot {
	const char *path;
	uint32_t line, column;
};

/* One CIDR of a list; its key path is the list's, with [index] or :index. */
struct route {
	struct in6_addr addr; /* as in struct prefix */
	uint32_t line, column;
	uint32_t index;
	uint8_t len;
	bool implied; /* by Address of wg-quick text: nobody listed it */
};

struct route_list {
	struct spot at;
	bool by_line; /* of a text; index is the line */
	struct route *routes;
	size_t n;
};

struct enum_fact {
	struct spot at;
	unsigned int value;
};

/*
 * What one place says of one tunnel: a VPN payload with its VendorConfig, or
 * an entry of the host file's Tunnels.
 */
struct tunnel_entry {
	const char *uuid;
	struct spot at; /* of the VPNUUID */
	bool from_profile;
	const char *name; /* "" when absent */
	const char *interface;
	struct spot interface_at;
	struct route_list included, excluded;
	struct enum_fact when_down, routing_mode, inbound;
	/* Of profiles only. */
	const char *foreign_type; /* VPNType that splitd does not drive; NULL */
	struct spot foreign_at;
	bool enforce_routes;
	bool exclude_local; /* as written; counts only for some modes */
	const char **excluded_domains; /* as domain_parse() has them */
	size_t n_excluded_domains;
};

struct selector_entry {
	enum selector_kind kind;
	const char *path, *text; /* as in struct selector */
	uint32_t line, column, index;
};

/* An entry of the host file's Apps, or an app mapping's Path. */
struct app_entry {
	const char *id;
	struct spot at;
	struct selector_entry *selectors;
	size_t n_selectors;
};

/* Whose word on an app's link counts before whose: the first before the next.
 */
enum link_source {
	LINK_HOST,
	LINK_COMMAND,
	LINK_MAPPING, /* payload com.apple.vpn.managed.appmapping */
};

/* A link of an app to a tunnel; uuid NULL: the link is taken off. */
struct link_entry {
	enum link_source source;
	const char *id;
	const char *uuid;
	struct spot at; /* of the VPNUUID, or of what takes it off */
};

struct document {
	enum document_kind kind;
	struct signature signature;
	const char *file;
	struct tunnel_entry *tunnels;
	size_t n_tunnels;
	struct app_entry *apps;
	size_t n_apps;
	struct link_entry *links;
	size_t n_links;
	struct document_identity identity;
	struct spot removal_at, expiration_at; /* of the dates, if any */
	struct spot named_at; /* of the identifier it goes by in a store */
	struct signature_policy demands; /* of a host file */
	struct key_note *keys;
	size_t n_keys;
	struct arena *arena; /* holds all of this but the struct itself */
};

struct document *document_new(void);

#endif
