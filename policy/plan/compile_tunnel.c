/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VPN payloads and the host file's entries to tunnels, joined on VPNUUID. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model/keys.h"
#include "policy/plan/compiler.h"
#include "policy/read/cleanup.h"
#include "policy/read/position.h"

#define PLACE_MAX 1024

/* One entry of one document. */
struct candidate {
	const struct source *source;
	const struct tunnel_entry *entry;
};

/* Which file binds a tunnel to its interface, and where. */
struct binding {
	const struct tunnel *tunnel;
	const struct source *source;
	const struct spot *at;
};

/* By VPNUUID, the profiles first, then by file and place. */
static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int order = strcmp(x->entry->uuid, y->entry->uuid);

	if (order)
		return order;
	if (x->entry->from_profile != y->entry->from_profile)
		return x->entry->from_profile ? -1 : 1;
	order = strcmp(x->source->file, y->source->file);
	if (order)
		return order;
	if (x->entry->at.line != y->entry->at.line)
		return x->entry->at.line < y->entry->at.line ? -1 : 1;
	return x->entry->at.column < y->entry->at.column ? -1 : 1;
}

static size_t gather(struct compiler *compiler, struct candidate **ret)
{
	struct candidate *all;
	size_t n = 0, k = 0;

	for (size_t i = 0; i < compiler->n_sources; i++)
		n += compiler->sources[i].document->n_tunnels;
	all = calloc(n + 1, sizeof(*all));
	*ret = all;
	if (!all) {
		compiler->error = -ENOMEM;
		return 0;
	}
	for (size_t i = 0; i < compiler->n_sources; i++) {
		const struct source *source = &compiler->sources[i];

		for (size_t j = 0; j < source->document->n_tunnels; j++)
			all[k++] = (struct candidate){
				source, &source->document->tunnels[j]
			};
	}
	qsort(all, n, sizeof(*all), compare_candidates);
	return n;
}

/* One fact, two places: the complaint stands at the host file's. */
static void complain_fact(struct compiler *compiler,
			  const struct tunnel_sources *s,
			  const struct spot *by_profile,
			  const struct spot *by_host, const char *value)
{
	char place[PLACE_MAX];

	compiler_describe(s->profile_source, by_profile, place, sizeof(place));
	compiler_complain(compiler, "E325", s->host_source, s->profile_source,
			  by_host, value, "contradicts %s", place);
}

static void check_routes(struct compiler *compiler,
			 const struct tunnel_sources *s,
			 const struct route_list *by_profile,
			 const struct route_list *by_host)
{
	int r;

	if (!by_profile->at.path || !by_host->at.path)
		return;
	r = route_lists_agree(by_profile, by_host);
	if (r < 0)
		compiler->error = r;
	else if (!r)
		complain_fact(compiler, s, &by_profile->at, &by_host->at, NULL);
}

static unsigned int merge_enum(struct compiler *compiler,
			       const struct tunnel_sources *s,
			       const struct enum_fact *by_profile,
			       const struct enum_fact *by_host,
			       const char *const *names)
{
	bool host = by_host && by_host->at.path;
	bool profile = by_profile && by_profile->at.path;

	if (host && profile && by_host->value != by_profile->value)
		complain_fact(compiler, s, &by_profile->at, &by_host->at,
			      names[by_host->value]);
	return host ? by_host->value : profile ? by_profile->value : 0;
}

static void merge_interface(struct compiler *compiler,
			    const struct tunnel_sources *s,
			    struct tunnel *tunnel)
{
	const char *host = s->host ? s->host->interface : NULL;
	const char *profile = s->profile ? s->profile->interface : NULL;

	if (host && profile && strcmp(host, profile) != 0)
		complain_fact(compiler, s, &s->profile->interface_at,
			      &s->host->interface_at, host);
	if (host || profile)
		tunnel->interface =
			compiler_copy(compiler, host ? host : profile);
}

/* The host's word binds the tunnel: then its VPN type is another's business. */
static void check_type(struct compiler *compiler,
		       const struct tunnel_sources *s)
{
	const struct tunnel_entry *p = s->profile;

	if (p && p->foreign_type && !(s->host && s->host->interface))
		compiler_complain(compiler, "E330", s->profile_source,
				  s->profile_source, &p->foreign_at,
				  p->foreign_type,
				  "not supported; splitd drives WireGuard, or "
				  "an interface that the host file names for "
				  "this VPNUUID");
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void take_domains(struct compiler *compiler,
			 const struct tunnel_entry *p, struct tunnel *tunnel)
{
	const char **domains = compiler_array(compiler, p->n_excluded_domains,
					      sizeof(*domains));
	size_t n = 0;

	if (!domains)
		return;
	for (size_t i = 0; i < p->n_excluded_domains; i++)
		domains[i] = compiler_copy(compiler, p->excluded_domains[i]);
	if (compiler->error)
		return;
	qsort(domains, p->n_excluded_domains, sizeof(*domains), compare_texts);
	for (size_t i = 0; i < p->n_excluded_domains; i++)
		if (!n || strcmp(domains[n - 1], domains[i]) != 0)
			domains[n++] = domains[i];
	tunnel->excluded_domains = domains;
	tunnel->n_excluded_domains = n;
}

/* Apple: ExcludeLocalNetworks counts only beside one of the two others. */
static void take_profile(struct compiler *compiler,
			 const struct tunnel_entry *p, struct tunnel *tunnel)
{
	tunnel->exclude_local =
		p->exclude_local &&
		(p->enforce_routes || tunnel->routing_mode == ROUTING_APP_ONLY);
	if (p->n_excluded_domains)
		take_domains(compiler, p, tunnel);
}

static void merge(struct compiler *compiler, const struct tunnel_sources *s,
		  struct tunnel *tunnel)
{
	const struct tunnel_entry *p = s->profile, *h = s->host;

	tunnel->uuid = compiler_copy(compiler, p ? p->uuid : h->uuid);
	tunnel->name = compiler_copy(compiler, p ? p->name : "");
	tunnel->has_profile = p;
	tunnel->origin =
		p ? compiler_origin(compiler, s->profile_source, &p->at) :
		    compiler_origin(compiler, s->host_source, &h->at);
	merge_interface(compiler, s, tunnel);
	tunnel->when_down = merge_enum(compiler, s, p ? &p->when_down : NULL,
				       h ? &h->when_down : NULL,
				       when_down_values);
	tunnel->routing_mode =
		merge_enum(compiler, s, p ? &p->routing_mode : NULL,
			   h ? &h->routing_mode : NULL, routing_mode_values);
	tunnel->inbound = merge_enum(compiler, s, p ? &p->inbound : NULL,
				     h ? &h->inbound : NULL, inbound_values);
	check_type(compiler, s);
	if (p)
		take_profile(compiler, p, tunnel);
	if (p && h) {
		check_routes(compiler, s, &p->included, &h->included);
		check_routes(compiler, s, &p->excluded, &h->excluded);
	}
	if (p && !p->foreign_type && !tunnel->interface)
		compiler_complain(compiler, "W460", s->profile_source, NULL,
				  &p->at, p->uuid,
				  "tunnel is unbound: no Interface is known, "
				  "its apps go direct");
	if (!compiler->error)
		compile_prefixes(compiler, s, tunnel);
}

static void complain_defined(struct compiler *compiler,
			     const struct candidate *first,
			     const struct candidate *again)
{
	char place[PLACE_MAX];

	compiler_describe(first->source, &first->entry->at, place,
			  sizeof(place));
	compiler_complain(compiler, "E321", again->source, first->source,
			  &again->entry->at, again->entry->uuid,
			  "already defined by %s", place);
}

/* All candidates of one VPNUUID; returns how many they are. */
static size_t join(struct compiler *compiler, const struct candidate *group,
		   size_t left, struct tunnel_sources *ret)
{
	const struct candidate *profile = NULL, *host = NULL;
	size_t n = 0;

	for (; n < left &&
	       strcmp(group[n].entry->uuid, group[0].entry->uuid) == 0;
	     n++) {
		const struct candidate **slot =
			group[n].entry->from_profile ? &profile : &host;

		if (*slot)
			complain_defined(compiler, *slot, &group[n]);
		else
			*slot = &group[n];
	}
	*ret = (struct tunnel_sources){
		.profile_source = profile ? profile->source : NULL,
		.host_source = host ? host->source : NULL,
		.profile = profile ? profile->entry : NULL,
		.host = host ? host->entry : NULL,
	};
	return n;
}

static struct binding binding_of(const struct tunnel_sources *s,
				 const struct tunnel *tunnel)
{
	if (s->host && s->host->interface)
		return (struct binding){ tunnel, s->host_source,
					 &s->host->interface_at };
	if (s->profile)
		return (struct binding){ tunnel, s->profile_source,
					 &s->profile->interface_at };
	return (struct binding){ tunnel, NULL, NULL };
}

/* By interface, then VPNUUID; those without an interface last. */
static int compare_bindings(const void *a, const void *b)
{
	const struct binding *x = a, *y = b;
	int order;

	if (!x->tunnel->interface || !y->tunnel->interface)
		return !x->tunnel->interface - !y->tunnel->interface;
	order = strcmp(x->tunnel->interface, y->tunnel->interface);
	return order ? order : strcmp(x->tunnel->uuid, y->tunnel->uuid);
}

static void check_interfaces(struct compiler *compiler,
			     struct binding *bindings)
{
	size_t n = compiler->policy->n_tunnels;
	char place[PLACE_MAX];

	qsort(bindings, n, sizeof(*bindings), compare_bindings);
	for (size_t i = 1; i < n && bindings[i].tunnel->interface; i++) {
		const struct binding *first = &bindings[i - 1];
		const struct binding *again = &bindings[i];
		const char *name = again->tunnel->interface;

		if (strcmp(first->tunnel->interface, name) != 0)
			continue;
		compiler_describe(first->source, first->at, place,
				  sizeof(place));
		compiler_complain(compiler, "E326", again->source,
				  first->source, again->at, name,
				  "interface of two tunnels; also of %s",
				  place);
	}
}

static size_t count_tunnels(const struct document *document)
{
	return document->n_tunnels;
}

void compile_tunnels(struct compiler *compiler)
{
	struct candidate *all _cleanup_free_ = NULL;
	size_t n = gather(compiler, &all);
	struct binding *bindings _cleanup_free_ =
		calloc(n + 1, sizeof(*bindings));
	struct policy *policy = compiler->policy;

	if (!bindings)
		compiler->error = -ENOMEM;

	if (compiler->error)
		return;
	policy->tunnels = compiler_array(compiler, n, sizeof(*policy->tunnels));
	if (!policy->tunnels)
		return;

	for (size_t i = 0; i < n && !compiler->error;) {
		struct tunnel_sources sources;

		if (policy->n_tunnels == TUNNELS_MAX) {
			compiler_complain_limit(compiler, all[i].source,
						&all[i].entry->at,
						count_tunnels, TUNNELS_MAX,
						"tunnels");
			break;
		}
		i += join(compiler, &all[i], n - i, &sources);
		bindings[policy->n_tunnels] = binding_of(
			&sources, &policy->tunnels[policy->n_tunnels]);
		merge(compiler, &sources,
		      &policy->tunnels[policy->n_tunnels++]);
	}
	if (!compiler->error)
		check_interfaces(compiler, bindings);
}
