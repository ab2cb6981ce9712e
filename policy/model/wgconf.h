/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WireGuard's configuration text (wg-quick), as VendorConfig carries it. */
#ifndef SPLITD_POLICY_WGCONF_H
#define SPLITD_POLICY_WGCONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/model/keys.h"

/*
 * Reads the text into entry->included: AllowedIPs of all peers, and behind
 * them the networks of Address as routes that are "implied". Everything else
 * is checked, noted line by line and not acted on. No key of the text appears
 * in any message, and the copies made here are wiped.
 *
 * True when the text names peers' endpoints and remote ("HOST:PORT"; may be
 * NULL) is none of them.
 */
bool wgconf_read(struct reading *reading, const struct value *value,
		 const struct trail *trail, const char *remote,
		 struct tunnel_entry *entry);

/* ---- between wgconf.c (lines and sections) and wgconf_value.c ---- */

enum wg_section {
	WG_NONE,
	WG_INTERFACE,
	WG_PEER,
};

#define WG_KEY_BYTES 32

struct wg_peer {
	unsigned char key[WG_KEY_BYTES];
	uint32_t line;
};

/* Routes in the order of the text; there is room for all it can hold. */
struct wg_routes {
	struct route *routes;
	size_t n;
};

struct wgconf {
	struct reading *reading;
	const struct value *value;
	const struct trail *trail;
	const char *remote;
	enum wg_section section;
	uint32_t section_line, interface_line;
	uint32_t seen; /* keys of the open section, by their bits */
	struct wg_routes allowed, implied;
	struct wg_peer *peers;
	size_t n_peers;
	size_t n_endpoints;
	bool remote_found;
	bool has_ipv6_address, allows_ipv6, allows_all_ipv4;
	uint32_t mtu, mtu_line;
};

struct wg_rule {
	const char *name;
	enum wg_section section;
	bool repeats;
	enum treatment treatment;
	const char *note;
	/* text: trimmed, without comment; the reader may cut it up */
	void (*read)(struct wgconf *wg, const struct wg_rule *rule, char *text);
};

extern const struct wg_rule wg_rules[]; /* NULL-terminated by name */

/* At the open line; shown is redacted when it could be a key. */
void wgconf_complain(struct wgconf *wg, const char *code, const char *shown,
		     const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
