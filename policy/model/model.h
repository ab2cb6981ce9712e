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

#define APPS_MAX	4096
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

/* One CIDR of a list; its key path is the list's, with [index]. */
struct route {
	struct in6_addr addr; /* as in struct prefix */
	uint32_t line, column;
	uint32_t index;
	uint8_t len;
};

struct route_list {
	struct spot at;
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
};

struct selector_entry {
	enum selector_kind kind;
	const char *path, *text; /* as in struct selector */
	uint32_t line, column, index;
};

/* An entry of the host file's Apps. */
struct app_entry {
	const char *id;
	struct spot at;
	struct selector_entry *selectors;
	size_t n_selectors;
};

/* A command's link of an app to a tunnel; uuid NULL: the link is taken off. */
struct link_entry {
	const char *id;
	const char *uuid;
	struct spot at; /* of the VPNUUID, or of what takes it off */
};

struct document {
	enum document_kind kind;
	const char *file;
	struct tunnel_entry *tunnels;
	size_t n_tunnels;
	struct app_entry *apps;
	size_t n_apps;
	struct link_entry *links;
	size_t n_links;
	struct key_note *keys;
	size_t n_keys;
	struct arena *arena; /* holds all of this but the struct itself */
};

struct document *document_new(void);

#endif
