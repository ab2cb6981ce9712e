/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The difference between two compiled policies: pure, ordered, printable. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy/plan/changes.h"
#include "policy/read/cleanup.h"

#define LENGTHS 129 /* 0..128 bits */

/* Prefixes that differ: few of a million, as a rule, or all of them. */
struct picked {
	const struct prefix **prefixes;
	size_t n, room;
};

static int pick(struct picked *picked, const struct prefix *prefix)
{
	if (picked->n == picked->room) {
		size_t room = picked->room ? picked->room * 2 : 64;
		const struct prefix **larger =
			reallocarray(picked->prefixes, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		picked->prefixes = larger;
		picked->room = room;
	}
	picked->prefixes[picked->n++] = prefix;
	return 0;
}

static void picked_clear(struct picked *picked)
{
	free(picked->prefixes);
}

/* Walks both arrays; what is new means something else now, or was not there. */
static int walk(const struct prefix *old, size_t n_old,
		const struct prefix *new, size_t n_new, struct picked *added,
		struct picked *gone)
{
	size_t i = 0, k = 0;
	int r = 0;

	while (r == 0 && (i < n_old || k < n_new)) {
		int order = i == n_old ? 1 :
			    k == n_new ? -1 :
					 prefix_compare(&old[i], &new[k]);

		if (order < 0)
			r = pick(gone, &old[i]);
		else if (order > 0 || old[i].excluded != new[k].excluded)
			r = pick(added, &new[k]);
		i += order <= 0;
		k += order >= 0;
	}
	return r;
}

/*
 * By length, in linear time: a million must not cost more than reading them.
 * Equal lengths stay in their order, or all is the other way round.
 */
static int order(const struct picked *picked, bool longest_first,
		 const struct prefix ***ret)
{
	const struct prefix **ordered = calloc(picked->n + 1, sizeof(*ordered));
	size_t start[LENGTHS + 1] = { 0 };

	if (!ordered)
		return -ENOMEM;
	for (size_t i = 0; i < picked->n; i++)
		start[picked->prefixes[i]->len + 1]++;
	for (size_t len = 1; len <= LENGTHS; len++)
		start[len] += start[len - 1];
	for (size_t i = 0; i < picked->n; i++) {
		size_t at = start[picked->prefixes[i]->len]++;

		ordered[longest_first ? picked->n - 1 - at : at] =
			picked->prefixes[i];
	}
	*ret = ordered;
	return 0;
}

int prefix_delta_find(const struct prefix *old, size_t n_old,
		      const struct prefix *new, size_t n_new,
		      struct prefix_delta *ret_delta)
{
	struct picked added _cleanup_(picked_clear) = { 0 };
	struct picked gone _cleanup_(picked_clear) = { 0 };
	struct prefix_delta delta = { 0 };
	int r;

	r = walk(old, n_old, new, n_new, &added, &gone);
	if (r == 0)
		r = order(&added, true, &delta.added);
	if (r == 0)
		r = order(&gone, false, &delta.gone);
	if (r < 0) {
		prefix_delta_clear(&delta);
		return r;
	}
	delta.n_added = added.n;
	delta.n_gone = gone.n;
	*ret_delta = delta;
	return 0;
}

int prefix_delta_tell(const struct prefix_delta *delta,
		      const struct prefix_sink *sink)
{
	int r = 0;

	for (size_t i = 0; i < delta->n_added && r >= 0; i++)
		r = sink->add(sink->ctx, delta->added[i]);
	for (size_t i = 0; i < delta->n_gone && r >= 0; i++)
		r = sink->del(sink->ctx, delta->gone[i]);
	return r < 0 ? r : 0;
}

void prefix_delta_clear(struct prefix_delta *delta)
{
	free(delta->added);
	free(delta->gone);
	*delta = (struct prefix_delta){ 0 };
}

int prefix_diff(const struct prefix *old, size_t n_old,
		const struct prefix *new, size_t n_new,
		const struct prefix_sink *sink)
{
	struct prefix_delta delta _cleanup_(prefix_delta_clear) = { 0 };
	int r = prefix_delta_find(old, n_old, new, n_new, &delta);

	return r < 0 ? r : prefix_delta_tell(&delta, sink);
}

struct change *changes_add(struct changes *changes, enum change_kind kind,
			   enum change_what what, const char *name,
			   uint32_t origin)
{
	struct change *change;

	if (changes->n == changes->size) {
		size_t size = changes->size ? changes->size * 2 : 64;
		struct change *larger =
			reallocarray(changes->list, size, sizeof(*larger));

		if (!larger) {
			changes->error = -ENOMEM;
			return NULL;
		}
		changes->list = larger;
		changes->size = size;
	}
	change = &changes->list[changes->n++];
	memset(change, 0, sizeof(*change));
	change->kind = kind;
	change->what = what;
	change->name = name;
	change->origin = origin;
	return change;
}

static int compare_tunnels(const void *a, const void *b)
{
	return strcmp(((const struct tunnel *)a)->uuid,
		      ((const struct tunnel *)b)->uuid);
}

static int compare_apps(const void *a, const void *b)
{
	return strcmp(((const struct app *)a)->id, ((const struct app *)b)->id);
}

typedef int (*comparison)(const void *, const void *);
typedef void (*visit)(struct changes *, const void *, const void *);

/* Walks two sorted arrays; either side is NULL where it has no counterpart. */
static void walk_pairs(struct changes *changes, const void *old, size_t n_old,
		       const void *new, size_t n_new, size_t size,
		       comparison compare, visit visit_pair)
{
	size_t i = 0, k = 0;

	while (i < n_old || k < n_new) {
		const char *x = i < n_old ? (const char *)old + i * size : NULL;
		const char *y = k < n_new ? (const char *)new + k *size : NULL;
		int order = !x ? 1 : !y ? -1 : compare(x, y);

		visit_pair(changes, order <= 0 ? x : NULL,
			   order >= 0 ? y : NULL);
		i += order <= 0;
		k += order >= 0;
	}
}

int policy_diff(const struct policy *old, const struct policy *new,
		struct change **ret_changes, size_t *ret_n)
{
	static const struct policy nothing;
	const struct policy *o = old ? old : &nothing;
	struct changes changes = { .old = o, .new = new };

	walk_pairs(&changes, o->tunnels, o->n_tunnels, new->tunnels,
		   new->n_tunnels, sizeof(*new->tunnels), compare_tunnels,
		   changes_tunnel);
	walk_pairs(&changes, o->tunnels, o->n_tunnels, new->tunnels,
		   new->n_tunnels, sizeof(*new->tunnels), compare_tunnels,
		   changes_prefixes);
	walk_pairs(&changes, o->apps, o->n_apps, new->apps, new->n_apps,
		   sizeof(*new->apps), compare_apps, changes_app);
	walk_pairs(&changes, o->apps, o->n_apps, new->apps, new->n_apps,
		   sizeof(*new->apps), compare_apps, changes_selectors);
	if (changes.error) {
		free(changes.list);
		return changes.error;
	}
	*ret_changes = changes.list;
	*ret_n = changes.n;
	return 0;
}
