/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The compiled policy: what the kernel shall be told, and why. */
#ifndef SPLITD_POLICY_POLICY_H
#define SPLITD_POLICY_POLICY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Everything below is pure data: sorted, without duplicates and comparable
 * member by member, so that the difference between two policies is a walk over
 * two sorted arrays. Nothing in it knows of class numbers, marks, interface
 * indices or any other kernel object: those belong to loader/.
 *
 * All strings are NUL-terminated and owned by the struct policy they hang in
 * (one arena: policy_free() releases everything at once).
 */

/* Where a fact was written. */
struct origin {
	const char *file;     /* as the administrator named it; "(built in)" */
	unsigned int line;    /* as in policy/read/position.h; 0: unknown */
	unsigned int column;  /* likewise */
	const char *key_path; /* "Tunnels.UUID.IncludedRoutes[0]" */
};

/*
 * One included or excluded route of a tunnel. IPv4 is v4-mapped
 * (::ffff:a.b.c.d) and its length counts from the mapped start: 1.1.1.1/32
 * has length 128, 0.0.0.0/0 has length 96. Host bits are zero.
 */
struct prefix {
	struct in6_addr addr;
	uint8_t len;	 /* 0..128 */
	bool excluded;	 /* else included */
	bool built_in;	 /* nobody wrote it: an always-direct range, or ... */
	bool local;	 /* ... a network of this host: see local_exempt() */
	uint32_t origin; /* index into policy.origins */
};

enum when_down {
	WHEN_DOWN_BLOCK,  /* listed destinations are refused (the default) */
	WHEN_DOWN_DIRECT, /* they leave as if not listed */
};

enum routing_mode {
	ROUTING_APP_AND_DESTINATION, /* only included routes (the default) */
	ROUTING_APP_ONLY,	     /* everything of the app */
};

enum inbound {
	INBOUND_ALLOW, /* an answer leaves the way the question came */
	INBOUND_DENY,  /* nobody beyond the tunnel is answered */
};

/*
 * One tunnel: a VPN payload together with its host-file entry. Without an
 * interface it is "unbound". prefixes are sorted by (addr, len), every
 * (addr, len) once (an excluded prefix wins over an equal included one), and
 * hold the built-in always-direct ranges wherever an included prefix covers
 * one without naming it: loopback, link-local, multicast, broadcast.
 * With ROUTING_APP_ONLY they hold 0.0.0.0/0 and ::/0 as included. An included
 * IPv6 prefix that covers the mapped addresses (::/0) comes with a built-in
 * excluded 0.0.0.0/0, unless that is named: IPv6 is no word about IPv4.
 */
struct tunnel {
	const char *uuid;      /* VPNUUID, bytewise; at most 255 bytes */
	const char *name;      /* UserDefinedName; "" when absent */
	const char *interface; /* at most 15 bytes; NULL: unbound */
	bool has_profile;      /* false: only the host file speaks of it */
	bool disabled; /* by `splitctl disable`, not by a file; no interface */
	enum when_down when_down;
	enum routing_mode routing_mode;
	enum inbound inbound;
	/*
	 * ExcludeLocalNetworks counts: the local networks that the host is on
	 * are exempt. Only the host knows them: see local_exempt().
	 */
	bool exclude_local;
	/* ExcludedDomains, lower case, "*." kept; for whoever resolves names */
	const char **excluded_domains; /* sorted, each once */
	size_t n_excluded_domains;
	struct prefix *prefixes;
	size_t n_prefixes;
	size_t n_included; /* as the administrator wrote them: no built-ins */
	size_t n_excluded;
	uint32_t origin;
};

enum selector_kind {
	SELECTOR_CGROUP,      /* cgroup:PATH */
	SELECTOR_CGROUP_TREE, /* cgroup:PATH/ ** (written without the space) */
	SELECTOR_EXE,	      /* exe:/absolute/path */
};

struct selector {
	enum selector_kind kind;
	const char *path; /* normalised, absolute, no trailing slash or glob */
	const char *text; /* as written, for people */
	uint32_t origin;
};

#define TUNNEL_NONE UINT32_MAX

/*
 * One app. An app that is only in the host file, or whose VPNUUID no profile
 * defines ("pending"), has tunnel == TUNNEL_NONE. selectors are sorted by
 * (kind, path); empty when the host file does not know the app.
 */
struct app {
	const char *id;		 /* bundle identifier, at most 255 bytes */
	const char *linked_uuid; /* NULL: nothing links it */
	uint32_t tunnel;	 /* index into policy.tunnels, or TUNNEL_NONE */
	struct selector *selectors;
	size_t n_selectors;
	uint32_t origin; /* of the link, else of the host-file entry */
};

struct policy {
	struct tunnel *tunnels; /* sorted by uuid */
	size_t n_tunnels;
	struct app *apps; /* sorted by id */
	size_t n_apps;
	struct origin *origins;
	size_t n_origins;
	void *arena;
};

/* Frees a policy and all that hangs in it. NULL is fine. */
void policy_free(struct policy *policy);

/*
 * The tunnel or app of that name, compared bytewise; NULL when there is none.
 */
const struct tunnel *policy_find_tunnel(const struct policy *policy,
					const char *uuid);
const struct app *policy_find_app(const struct policy *policy, const char *id);

/* The order of prefixes in a tunnel: by address, then length; like memcmp(). */
int prefix_compare(const struct prefix *a, const struct prefix *b);

/*
 * Into that order; of equal ones the excluded come first, and otherwise they
 * stay in the order they had. -ENOMEM, and then nothing has moved.
 */
int prefix_sort(struct prefix *prefixes, size_t n);

/*
 * The longest prefix of the tunnel that holds the (v4-mapped) address; NULL
 * when none does. O(n): the kernel's LPM map is the fast one.
 */
const struct prefix *tunnel_match(const struct tunnel *tunnel,
				  const struct in6_addr *addr);

#endif
