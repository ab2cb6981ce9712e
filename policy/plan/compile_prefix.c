/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Included and excluded routes to a tunnel's sorted prefix set. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model/prefix.h"
#include "policy/plan/compiler.h"
#include "policy/plan/explain.h"
#include "policy/read/cleanup.h"

#define ROUTE_ROOM 2 /* app-only's two default routes */

/*
 * What a wider route does not pull in (IPv4 in mapped form), and the whole of
 * IPv4: in one table for both families ::/0 would hold every IPv4 address.
 */
static const struct {
	struct in6_addr addr;
	uint8_t len;
} always_direct[] = {
	{ { { { [10] = 0xff, [11] = 0xff, [12] = 127 } } }, 104 },
	{ { { { [10] = 0xff, [11] = 0xff, [12] = 169, [13] = 254 } } }, 112 },
	{ { { { [10] = 0xff, [11] = 0xff, [12] = 224 } } }, 100 },
	{ { { { [10] = 0xff,
		[11] = 0xff,
		[12] = 255,
		[13] = 255,
		[14] = 255,
		[15] = 255 } } },
	  128 },
	{ { { { [15] = 1 } } }, 128 },
	{ { { { 0xfe, 0x80 } } }, 10 },
	{ { { { 0xff } } }, 8 },
	{ { { { [10] = 0xff, [11] = 0xff } } }, 96 },
};

#define N_ALWAYS_DIRECT (sizeof(always_direct) / sizeof(always_direct[0]))

static int compare_routes(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return order ? order : (int)x->len - (int)y->len;
}

/* A sorted copy without repetitions. */
static int sort_routes(const struct route_list *list, struct route **ret,
		       size_t *ret_n)
{
	struct route *sorted = calloc(list->n + 1, sizeof(*sorted));
	size_t n = 0, listed = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		if (!list->routes[i].implied)
			sorted[listed++] = list->routes[i];
	if (listed)
		qsort(sorted, listed, sizeof(*sorted), compare_routes);
	for (size_t i = 0; i < listed; i++)
		if (!n || compare_routes(&sorted[n - 1], &sorted[i]) != 0)
			sorted[n++] = sorted[i];
	*ret = sorted;
	*ret_n = n;
	return 0;
}

int route_lists_agree(const struct route_list *a, const struct route_list *b)
{
	struct route *x _cleanup_free_ = NULL, *y _cleanup_free_ = NULL;
	size_t n_x, n_y;
	int r;

	r = sort_routes(a, &x, &n_x);
	if (r < 0)
		return r;
	r = sort_routes(b, &y, &n_y);
	if (r < 0)
		return r;
	if (n_x != n_y)
		return false;
	for (size_t i = 0; i < n_x; i++)
		if (compare_routes(&x[i], &y[i]) != 0)
			return false;
	return true;
}

/*
 * Origins of prefixes that nobody wrote as a route: of app-only's default
 * routes, and of what Address implies, which come one behind the other. To
 * name them again is no mistake.
 */
struct quiet {
	uint32_t app_only;
	uint32_t first, last; /* implied */
};

static void note_quiet(struct quiet *quiet, uint32_t origin)
{
	if (quiet->first > origin)
		quiet->first = origin;
	quiet->last = origin;
}

static bool is_quiet(const struct quiet *quiet, uint32_t origin)
{
	return origin == quiet->app_only ||
	       (origin >= quiet->first && origin <= quiet->last);
}

static void take_routes(struct compiler *compiler, const struct source *source,
			const struct route_list *list, bool excluded,
			struct quiet *quiet, struct tunnel *tunnel)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct route *route = &list->routes[i];
		struct prefix *prefix = &tunnel->prefixes[tunnel->n_prefixes++];

		prefix->addr = route->addr;
		prefix->len = route->len;
		prefix->excluded = excluded;
		prefix->origin =
			compiler_route_origin(compiler, source, list, route);
		if (route->implied)
			note_quiet(quiet, prefix->origin);
	}
}

static void add_prefix(struct tunnel *tunnel, const struct in6_addr *addr,
		       uint8_t len, uint32_t origin)
{
	struct prefix *prefix = &tunnel->prefixes[tunnel->n_prefixes++];

	prefix->addr = *addr;
	prefix->len = len;
	prefix->origin = origin;
}

static void complain_twice(struct compiler *compiler,
			   const struct tunnel_sources *sources,
			   const struct prefix *kept,
			   const struct prefix *dropped)
{
	const struct origin *first = &compiler->policy->origins[kept->origin];
	const struct origin *again =
		&compiler->policy->origins[dropped->origin];
	const struct source *source =
		sources->host && again->file == sources->host_source->file ?
			sources->host_source :
			sources->profile_source;
	const struct spot at = { again->key_path, again->line, again->column };
	char text[64];

	prefix_format(dropped, text, sizeof(text));
	compiler_complain(compiler, "W476", source, NULL, &at, text,
			  kept->excluded == dropped->excluded ?
				  "same as %s" :
				  "%s excludes the same; the excluded one wins",
			  first->key_path);
}

/*
 * Sorts, and keeps the first of equals: an excluded one where there is one, as
 * prefix_sort() has it, else the one that was written first. What is quiet is
 * not complained of, and app-only's routes are not counted either.
 */
static void settle(struct compiler *compiler,
		   const struct tunnel_sources *sources,
		   const struct quiet *quiet, struct tunnel *tunnel)
{
	struct prefix *prefixes = tunnel->prefixes;
	size_t n = 0;

	if (prefix_sort(prefixes, tunnel->n_prefixes) < 0) {
		compiler->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < tunnel->n_prefixes; i++) {
		bool again = n && prefix_compare(&prefixes[n - 1],
						 &prefixes[i]) == 0;

		if (again && !is_quiet(quiet, prefixes[i].origin))
			complain_twice(compiler, sources, &prefixes[n - 1],
				       &prefixes[i]);
		if (again)
			continue;
		prefixes[n] = prefixes[i];
		if (prefixes[n].origin != quiet->app_only) {
			tunnel->n_included += !prefixes[n].excluded;
			tunnel->n_excluded += prefixes[n].excluded;
		}
		n++;
	}
	tunnel->n_prefixes = n;
}

static bool same_family(const struct prefix *prefix, size_t k)
{
	static const struct in6_addr mapped = {
		{ { [10] = 0xff, [11] = 0xff } }
	};
	bool is_ipv4 = prefix->len >= MAPPED_BITS &&
		       address_matches(&prefix->addr, &mapped, MAPPED_BITS);
	bool wants_ipv4 = k < 4;

	return is_ipv4 == wants_ipv4;
}

/* Is range k covered by a shorter included prefix and named by none? */
static bool needs_built_in(const struct tunnel *tunnel, size_t n, size_t k)
{
	bool covered = false;

	for (size_t i = 0; i < n; i++) {
		const struct prefix *prefix = &tunnel->prefixes[i];

		if (prefix->len == always_direct[k].len &&
		    memcmp(&prefix->addr, &always_direct[k].addr,
			   sizeof(prefix->addr)) == 0)
			return false;
		covered |= !prefix->excluded &&
			   prefix->len < always_direct[k].len &&
			   same_family(prefix, k) &&
			   address_matches(&prefix->addr,
					   &always_direct[k].addr, prefix->len);
	}
	return covered;
}

static void add_built_ins(struct compiler *compiler, struct tunnel *tunnel)
{
	size_t n = tunnel->n_prefixes;

	for (size_t k = 0; k < N_ALWAYS_DIRECT; k++) {
		struct prefix *added = &tunnel->prefixes[tunnel->n_prefixes];

		if (!needs_built_in(tunnel, n, k))
			continue;
		memset(added, 0, sizeof(*added));
		add_prefix(tunnel, &always_direct[k].addr, always_direct[k].len,
			   compiler->built_in);
		added->excluded = true;
		added->built_in = true;
	}
	if (prefix_sort(tunnel->prefixes, tunnel->n_prefixes) < 0)
		compiler->error = -ENOMEM;
}

/* Both default routes; returns their origin. */
static uint32_t add_app_only(struct compiler *compiler,
			     const struct tunnel_sources *sources,
			     struct tunnel *tunnel)
{
	static const struct in6_addr all_ipv6 = { { { 0 } } };
	const struct in6_addr all_ipv4 =
		always_direct[N_ALWAYS_DIRECT - 1].addr;
	bool by_host = sources->host && sources->host->routing_mode.at.path;
	uint32_t origin;

	origin = by_host ? compiler_origin(compiler, sources->host_source,
					   &sources->host->routing_mode.at) :
			   compiler_origin(compiler, sources->profile_source,
					   &sources->profile->routing_mode.at);
	add_prefix(tunnel, &all_ipv4, MAPPED_BITS, origin);
	add_prefix(tunnel, &all_ipv6, 0, origin);
	return origin;
}

/* The profile's list, or the host's; where both speak they agree. */
static const struct route_list *pick(const struct tunnel_sources *sources,
				     bool excluded, const struct source **ret)
{
	static const struct route_list none = { .n = 0 };
	const struct tunnel_entry *entries[] = { sources->profile,
						 sources->host };
	const struct source *files[] = { sources->profile_source,
					 sources->host_source };

	for (size_t i = 0; i < 2; i++) {
		const struct route_list *list =
			!entries[i] ? &none :
			excluded    ? &entries[i]->excluded :
				      &entries[i]->included;

		if (!list->at.path)
			continue;
		*ret = files[i];
		return list;
	}
	return &none;
}

static size_t count_routes(const struct document *document)
{
	size_t n = 0;

	for (size_t i = 0; i < document->n_tunnels; i++)
		n += document->tunnels[i].included.n +
		     document->tunnels[i].excluded.n;
	return n;
}

void compile_prefixes(struct compiler *compiler,
		      const struct tunnel_sources *sources,
		      struct tunnel *tunnel)
{
	const struct source *included_source = NULL, *excluded_source = NULL;
	const struct route_list *included =
		pick(sources, false, &included_source);
	const struct route_list *excluded =
		pick(sources, true, &excluded_source);
	size_t n = included->n + excluded->n;
	struct quiet quiet = { UINT32_MAX, UINT32_MAX, 0 };

	compiler->n_routes += n;
	if (compiler->n_routes > PREFIXES_MAX) {
		const struct source *source = included->n ? included_source :
							    excluded_source;

		if (compiler->n_routes - n <= PREFIXES_MAX)
			compiler_complain_limit(
				compiler, source,
				included->n ? &included->at : &excluded->at,
				count_routes, PREFIXES_MAX, "prefixes");
		return;
	}
	tunnel->prefixes = compiler_array(compiler,
					  n + ROUTE_ROOM + N_ALWAYS_DIRECT,
					  sizeof(*tunnel->prefixes));
	if (!tunnel->prefixes)
		return;

	take_routes(compiler, included_source, included, false, &quiet, tunnel);
	take_routes(compiler, excluded_source, excluded, true, &quiet, tunnel);
	if (tunnel->routing_mode == ROUTING_APP_ONLY)
		quiet.app_only = add_app_only(compiler, sources, tunnel);
	settle(compiler, sources, &quiet, tunnel);
	add_built_ins(compiler, tunnel);
}
