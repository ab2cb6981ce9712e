/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links and the host file's Apps to apps, joined on the bundle identifier. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/plan/compiler.h"
#include "policy/read/cleanup.h"
#include "policy/read/position.h"

#define PLACE_MAX 1024

/* What one document says of one app: a link, or how it is recognised. */
struct candidate {
	const char *id;
	const struct source *source;
	const struct app_entry *entry;
	const struct link_entry *link;
};

/* A selector, its app, and what is needed to complain of it. */
struct claim {
	const struct app *app;
	const struct selector *selector;
};

/* The lower counts before the higher. */
static unsigned int rank_of(const struct candidate *c)
{
	if (c->link)
		return c->link->source;
	return c->source->document->kind != DOCUMENT_HOST;
}

static const struct spot *place_of(const struct candidate *c)
{
	return c->link ? &c->link->at : &c->entry->at;
}

/*
 * By identifier, what recognises it before what links it, the host file's
 * entry and the weightier links first, then by file and place.
 */
static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	const struct spot *x_at = place_of(x), *y_at = place_of(y);
	int order = strcmp(x->id, y->id);

	if (order)
		return order;
	if (!x->link != !y->link)
		return x->link ? 1 : -1;
	if (rank_of(x) != rank_of(y))
		return rank_of(x) < rank_of(y) ? -1 : 1;
	order = strcmp(x->source->file, y->source->file);
	if (order)
		return order;
	if (x_at->line != y_at->line)
		return x_at->line < y_at->line ? -1 : 1;
	return x_at->column < y_at->column ? -1 : 1;
}

static size_t gather(struct compiler *compiler, struct candidate **ret)
{
	struct candidate *all;
	size_t n = 0, k = 0;

	for (size_t i = 0; i < compiler->n_sources; i++)
		n += compiler->sources[i].document->n_apps +
		     compiler->sources[i].document->n_links;
	all = calloc(n + 1, sizeof(*all));
	*ret = all;
	if (!all) {
		compiler->error = -ENOMEM;
		return 0;
	}
	for (size_t i = 0; i < compiler->n_sources; i++) {
		const struct source *source = &compiler->sources[i];
		const struct document *document = source->document;

		for (size_t j = 0; j < document->n_apps; j++)
			all[k++] = (struct candidate){ document->apps[j].id,
						       source,
						       &document->apps[j],
						       NULL };
		for (size_t j = 0; j < document->n_links; j++)
			all[k++] = (struct candidate){ document->links[j].id,
						       source, NULL,
						       &document->links[j] };
	}
	qsort(all, n, sizeof(*all), compare_candidates);
	return n;
}

static int compare_selectors(const void *a, const void *b)
{
	const struct selector *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* The same selector twice in one list is one selector. */
static void take_selectors(struct compiler *compiler,
			   const struct candidate *candidate, struct app *app)
{
	const struct app_entry *entry = candidate->entry;
	struct selector *selectors = compiler_array(
		compiler, entry->n_selectors, sizeof(*selectors));
	size_t n = 0;

	if (!selectors)
		return;
	for (size_t i = 0; i < entry->n_selectors; i++) {
		const struct selector_entry *s = &entry->selectors[i];

		selectors[i].kind = s->kind;
		selectors[i].path = compiler_copy(compiler, s->path);
		selectors[i].text = compiler_copy(compiler, s->text);
		selectors[i].origin =
			rank_of(candidate) ?
				compiler_origin(compiler, candidate->source,
						&entry->at) :
				compiler_item_origin(compiler,
						     candidate->source,
						     entry->at.path, s->index,
						     s->line, s->column);
	}
	if (compiler->error)
		return;

	qsort(selectors, entry->n_selectors, sizeof(*selectors),
	      compare_selectors);
	for (size_t i = 0; i < entry->n_selectors; i++)
		if (!n || compare_selectors(&selectors[n - 1], &selectors[i]))
			selectors[n++] = selectors[i];
	app->selectors = selectors;
	app->n_selectors = n;
}

static void complain_links(struct compiler *compiler,
			   const struct candidate *first,
			   const struct candidate *again)
{
	char place[PLACE_MAX];

	compiler_describe(first->source, &first->link->at, place,
			  sizeof(place));
	compiler_complain(compiler, "E322", again->source, first->source,
			  &again->link->at, again->link->uuid,
			  "%s is %s here, but %s by %s", again->id,
			  again->link->uuid ? "linked" : "unlinked",
			  first->link->uuid ? "linked otherwise" : "unlinked",
			  place);
}

static bool links_agree(const struct link_entry *a, const struct link_entry *b)
{
	if (!a->uuid || !b->uuid)
		return !a->uuid && !b->uuid;
	return strcmp(a->uuid, b->uuid) == 0;
}

static void complain_pending(struct compiler *compiler,
			     const struct candidate *c)
{
	const struct policy *policy = compiler->policy;

	compiler_complain(compiler, "W323", c->source, NULL, &c->link->at,
			  c->link->uuid,
			  "no profile defines this VPNUUID; the link stays "
			  "pending, the app goes direct");
	for (size_t i = 0; i < policy->n_tunnels; i++)
		if (policy->tunnels[i].has_profile &&
		    strcasecmp(policy->tunnels[i].uuid, c->link->uuid) == 0)
			compiler_complain(compiler, "W324", c->source, NULL,
					  &c->link->at, c->link->uuid,
					  "differs only by letter case from %s",
					  policy->tunnels[i].uuid);
}

static void take_link(struct compiler *compiler, const struct candidate *c,
		      struct app *app)
{
	const struct tunnel *tunnel =
		policy_find_tunnel(compiler->policy, c->link->uuid);

	app->linked_uuid = compiler_copy(compiler, c->link->uuid);
	app->origin = compiler_origin(compiler, c->source, &c->link->at);
	if (tunnel && tunnel->has_profile)
		app->tunnel = (uint32_t)(tunnel - compiler->policy->tunnels);
	else
		complain_pending(compiler, c);
}

/* A weightier word is on record: the lighter one is told of it. */
static void complain_overruled(struct compiler *compiler,
			       const struct candidate *first,
			       const struct candidate *again)
{
	char place[PLACE_MAX];

	compiler_describe(first->source, place_of(first), place, sizeof(place));
	compiler_complain(compiler, "W325", again->source, first->source,
			  place_of(again), again->id, "overruled by %s", place);
}

static void join_link(struct compiler *compiler, const struct candidate *c,
		      const struct candidate **link)
{
	if (!*link)
		*link = c;
	else if (links_agree((*link)->link, c->link))
		return;
	else if (rank_of(*link) == rank_of(c))
		complain_links(compiler, *link, c);
	else
		complain_overruled(compiler, *link, c);
}

/* Two mappings with other Paths: neither is the right one. */
static void join_entry(struct compiler *compiler, const struct candidate *c,
		       const struct candidate **entry)
{
	char place[PLACE_MAX];

	if (!*entry) {
		*entry = c;
		return;
	}
	if (rank_of(*entry) < rank_of(c)) {
		complain_overruled(compiler, *entry, c);
		return;
	}
	if (rank_of(c) == 0 || strcmp((*entry)->entry->selectors[0].path,
				      c->entry->selectors[0].path) == 0)
		return;
	compiler_describe((*entry)->source, place_of(*entry), place,
			  sizeof(place));
	compiler_complain(compiler, "E325", c->source, (*entry)->source,
			  place_of(c), c->entry->selectors[0].path,
			  "contradicts %s", place);
}

/* All candidates of one identifier; returns how many they are. */
static size_t join(struct compiler *compiler, const struct candidate *group,
		   size_t left, const struct candidate **ret_entry,
		   const struct candidate **ret_link)
{
	size_t n = 0;

	*ret_entry = *ret_link = NULL;
	for (; n < left && strcmp(group[n].id, group[0].id) == 0; n++) {
		if (group[n].link)
			join_link(compiler, &group[n], ret_link);
		else
			join_entry(compiler, &group[n], ret_entry);
	}
	if (*ret_link && !(*ret_link)->link->uuid)
		*ret_link = NULL;
	return n;
}

static void add_app(struct compiler *compiler, const struct candidate *entry,
		    const struct candidate *link)
{
	struct policy *policy = compiler->policy;
	struct app *app = &policy->apps[policy->n_apps];

	policy->n_apps++;
	app->id = compiler_copy(compiler, entry ? entry->id : link->id);
	app->tunnel = TUNNEL_NONE;
	if (entry)
		take_selectors(compiler, entry, app);
	if (link)
		take_link(compiler, link, app);
	else
		app->origin = compiler_origin(compiler, entry->source,
					      &entry->entry->at);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of how many apps a document speaks. */
static size_t count_apps(const struct document *document)
{
	size_t n = document->n_apps + document->n_links, different = 0, k = 0;
	const char **ids _cleanup_free_ = calloc(n + 1, sizeof(*ids));

	if (!ids)
		return 0;
	for (size_t i = 0; i < document->n_apps; i++)
		ids[k++] = document->apps[i].id;
	for (size_t i = 0; i < document->n_links; i++)
		ids[k++] = document->links[i].id;
	qsort(ids, n, sizeof(*ids), compare_texts);
	for (size_t i = 0; i < n; i++)
		different += i == 0 || strcmp(ids[i - 1], ids[i]) != 0;
	return different;
}

/* Identifiers of one app on Apple's systems often differ by these alone. */
static size_t core_length(const char *id)
{
	static const char *const suffixes[] = { ".ios", ".iphone", ".mac",
						".macos" };
	size_t n = strlen(id);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t len = strlen(suffixes[i]);

		if (n > len && strcasecmp(id + n - len, suffixes[i]) == 0)
			return n - len;
	}
	return n;
}

static int compare_folded(const void *a, const void *b)
{
	const struct app *x = *(const struct app *const *)a;
	const struct app *y = *(const struct app *const *)b;

	size_t n_x = core_length(x->id), n_y = core_length(y->id);
	int order = strncasecmp(x->id, y->id, n_x < n_y ? n_x : n_y);

	return order ? order : n_x < n_y ? -1 : n_x > n_y;
}

/* The apps that are recognised by something, by the core of their names. */
static const struct app **fold(struct compiler *compiler, size_t *ret_n)
{
	const struct policy *policy = compiler->policy;
	const struct app **folded = calloc(policy->n_apps + 1, sizeof(*folded));
	size_t n = 0;

	if (!folded) {
		compiler->error = -ENOMEM;
		return NULL;
	}
	for (size_t i = 0; i < policy->n_apps; i++)
		if (policy->apps[i].n_selectors)
			folded[n++] = &policy->apps[i];
	qsort(folded, n, sizeof(*folded), compare_folded);
	*ret_n = n;
	return folded;
}

/* Which of them was probably meant; no more than a hint. */
static const char *near_app(const struct app *const *folded, size_t n,
			    const struct app *app)
{
	const struct app *const *found =
		n ? bsearch(&app, folded, n, sizeof(*folded), compare_folded) :
		    NULL;

	return found ? (*found)->id : NULL;
}

static const struct source *source_of(const struct compiler *compiler,
				      const struct origin *origin)
{
	size_t i = 0;

	while (compiler->sources[i].file != origin->file)
		i++;
	return &compiler->sources[i];
}

static void check_unrecognised(struct compiler *compiler)
{
	const struct policy *policy = compiler->policy;
	const struct app **folded _cleanup_free_ = NULL;
	size_t n_folded = 0;

	folded = fold(compiler, &n_folded);
	if (!folded)
		return;
	for (size_t i = 0; i < policy->n_apps; i++) {
		const struct app *app = &policy->apps[i];
		const struct origin *origin = &policy->origins[app->origin];
		const struct spot at = { origin->key_path, origin->line,
					 origin->column };
		const char *meant;

		if (app->n_selectors)
			continue;
		meant = near_app(folded, n_folded, app);
		compiler_complain(
			compiler, "W452", source_of(compiler, origin), NULL,
			&at, app->id,
			"no selectors: nothing on this host is recognised as "
			"this app%s%s%s",
			meant ? "; the host file has " : "", meant ? meant : "",
			meant ? ", which is not the same" : "");
	}
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = compare_selectors(x->selector, y->selector);

	return order ? order : strcmp(x->app->id, y->app->id);
}

static void complain_claims(struct compiler *compiler,
			    const struct claim *first,
			    const struct claim *again)
{
	const struct origin *origins = compiler->policy->origins;
	const struct origin *a = &origins[first->selector->origin];
	const struct origin *b = &origins[again->selector->origin];
	const struct spot at = { b->key_path, b->line, b->column };
	char position[POSITION_MAX];

	position_format(a->line, a->column, position, sizeof(position));
	compiler_complain(compiler, "E327", source_of(compiler, b),
			  source_of(compiler, a), &at, again->selector->text,
			  "selector of two apps; also of %s:%s %s", a->file,
			  position, a->key_path);
}

/* A process belongs to one app: no selector may name two. */
static void check_claims(struct compiler *compiler)
{
	const struct policy *policy = compiler->policy;
	struct claim *claims _cleanup_free_ = NULL;
	size_t n = 0, k = 0;

	for (size_t i = 0; i < policy->n_apps; i++)
		n += policy->apps[i].n_selectors;
	claims = calloc(n + 1, sizeof(*claims));
	if (!claims) {
		compiler->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < policy->n_apps; i++)
		for (size_t j = 0; j < policy->apps[i].n_selectors; j++)
			claims[k++] =
				(struct claim){ &policy->apps[i],
						&policy->apps[i].selectors[j] };
	qsort(claims, n, sizeof(*claims), compare_claims);
	for (size_t i = 1; i < n; i++)
		if (compare_selectors(claims[i - 1].selector,
				      claims[i].selector) == 0)
			complain_claims(compiler, &claims[i - 1], &claims[i]);
}

void compile_apps(struct compiler *compiler)
{
	struct candidate *all _cleanup_free_ = NULL;
	size_t n = gather(compiler, &all);
	struct policy *policy = compiler->policy;

	if (compiler->error)
		return;
	policy->apps = compiler_array(compiler, n < APPS_MAX ? n : APPS_MAX,
				      sizeof(*policy->apps));
	if (!policy->apps)
		return;

	for (size_t i = 0; i < n && !compiler->error;) {
		const struct candidate *entry, *link, *any;

		i += join(compiler, &all[i], n - i, &entry, &link);
		any = entry ? entry : link;
		if (any && policy->n_apps == APPS_MAX) {
			compiler_complain_limit(compiler, any->source,
						place_of(any), count_apps,
						APPS_MAX, "apps");
			break;
		}
		if (any)
			add_app(compiler, entry, link);
	}
	if (compiler->error)
		return;
	check_unrecognised(compiler);
	check_claims(compiler);
}
