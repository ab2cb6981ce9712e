/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The difference between two compiled policies: pure, ordered, printable. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/plan/changes.h"
#include "policy/read/cleanup.h"

#define LENGTHS 129 /* 0..128 bits */

/*
 * Prefixes of two sorted arrays that differ, ordered by length in linear time:
 * a million of them must not cost more than reading them.
 */
struct pick {
	const struct prefix **prefixes; /* by length, ascending */
	size_t start[LENGTHS + 1];
	size_t n;
};

/* Walks both arrays; take() sees what is new or means something else now. */
static void walk(const struct prefix *old, size_t n_old,
		 const struct prefix *new, size_t n_new,
		 void (*take)(struct pick *, const struct prefix *),
		 struct pick *added, struct pick *gone)
{
	size_t i = 0, k = 0;

	while (i < n_old || k < n_new) {
		int order = i == n_old ? 1 :
			    k == n_new ? -1 :
					 prefix_compare(&old[i], &new[k]);

		if (order < 0)
			take(gone, &old[i]);
		else if (order > 0 || old[i].excluded != new[k].excluded)
			take(added, &new[k]);
		i += order <= 0;
		k += order >= 0;
	}
}

static void count(struct pick *pick, const struct prefix *prefix)
{
	pick->start[prefix->len + 1]++;
	pick->n++;
}

static void place(struct pick *pick, const struct prefix *prefix)
{
	pick->prefixes[pick->start[prefix->len]++] = prefix;
}

static int make_room(struct pick *pick)
{
	pick->prefixes = calloc(pick->n + 1, sizeof(*pick->prefixes));
	if (!pick->prefixes)
		return -ENOMEM;
	for (size_t len = 1; len <= LENGTHS; len++)
		pick->start[len] += pick->start[len - 1];
	return 0;
}

static void pick_clear(struct pick *pick)
{
	free(pick->prefixes);
}

int prefix_diff(const struct prefix *old, size_t n_old,
		const struct prefix *new, size_t n_new,
		const struct prefix_sink *sink)
{
	struct pick added _cleanup_(pick_clear) = { 0 };
	struct pick gone _cleanup_(pick_clear) = { 0 };
	int r;

	walk(old, n_old, new, n_new, count, &added, &gone);
	r = make_room(&added);
	if (r == 0)
		r = make_room(&gone);
	if (r < 0)
		return r;
	walk(old, n_old, new, n_new, place, &added, &gone);

	for (size_t i = added.n; i-- > 0 && r >= 0;)
		r = sink->add(sink->ctx, added.prefixes[i]);
	for (size_t i = 0; i < gone.n && r >= 0; i++)
		r = sink->del(sink->ctx, gone.prefixes[i]);
	return r < 0 ? r : 0;
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
