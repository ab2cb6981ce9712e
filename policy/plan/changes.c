/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The single changes that policy_diff() collects. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/plan/changes.h"
#include "policy/plan/explain.h"
#include "policy/read/text.h"

static const char *const when_down[] = { "block", "direct" };
static const char *const routing_mode[] = { "app-and-destination", "app-only" };
static const char *const inbound[] = { "allow", "deny" };
static const char *const local[] = { "as listed", "exempt" };

/* Half a character at a cut is no UTF-8, which no JSON could carry. */
static void drop_halves(char *text)
{
	size_t len = strlen(text), to = 0;

	for (size_t at = 0; at < len;) {
		uint32_t c;
		unsigned int n =
			utf8_char((unsigned char *)text + at, len - at, &c);

		memmove(text + to, text + at, n);
		to += n;
		at += n ? n : 1;
	}
	text[to] = '\0';
}

static void __attribute__((format(printf, 2, 3)))
describe(struct change *change, const char *format, ...)
{
	va_list args;

	if (!change)
		return;
	va_start(args, format);
	vsnprintf(change->detail, sizeof(change->detail), format, args);
	va_end(args);
	drop_halves(change->detail);
}

static const char *interface_of(const struct tunnel *tunnel)
{
	return tunnel->interface ? tunnel->interface : "(unbound)";
}

static void setting(struct changes *changes, const struct tunnel *tunnel,
		    const char *what, const char *before, const char *after)
{
	if (strcmp(before, after) != 0)
		describe(changes_add(changes, CHANGE_MODIFY, CHANGE_TUNNEL,
				     tunnel->uuid, tunnel->origin),
			 "%s %.40s -> %.40s", what, before, after);
}

/* How many, or that others took their place. */
static void domains(struct changes *changes, const struct tunnel *o,
		    const struct tunnel *n)
{
	bool same = o->n_excluded_domains == n->n_excluded_domains;

	for (size_t i = 0; same && i < n->n_excluded_domains; i++)
		same = strcmp(o->excluded_domains[i], n->excluded_domains[i]) ==
		       0;
	if (!same)
		describe(changes_add(changes, CHANGE_MODIFY, CHANGE_TUNNEL,
				     n->uuid, n->origin),
			 "excluded domains %zu -> %zu", o->n_excluded_domains,
			 n->n_excluded_domains);
}

void changes_tunnel(struct changes *changes, const void *old, const void *new)
{
	const struct tunnel *o = old, *n = new;

	if (!o || !n) {
		const struct tunnel *one = o ? o : n;

		describe(changes_add(changes, n ? CHANGE_ADD : CHANGE_REMOVE,
				     CHANGE_TUNNEL, one->uuid, one->origin),
			 "interface %s, when down %s, %s, inbound %s%s",
			 interface_of(one), when_down[one->when_down],
			 routing_mode[one->routing_mode], inbound[one->inbound],
			 one->has_profile ? "" : ", without profile");
		return;
	}
	setting(changes, n, "interface", interface_of(o), interface_of(n));
	setting(changes, n, "name", o->name, n->name);
	setting(changes, n, "when down", when_down[o->when_down],
		when_down[n->when_down]);
	setting(changes, n, "routing mode", routing_mode[o->routing_mode],
		routing_mode[n->routing_mode]);
	setting(changes, n, "inbound", inbound[o->inbound],
		inbound[n->inbound]);
	setting(changes, n, "local networks", local[o->exclude_local],
		local[n->exclude_local]);
	domains(changes, o, n);
	setting(changes, n, "profile", o->has_profile ? "present" : "absent",
		n->has_profile ? "present" : "absent");
}

/* For the sink: whose prefixes they are. */
struct prefixes {
	struct changes *changes;
	const struct tunnel *old, *new;
};

static int prefix_change(struct prefixes *p, enum change_kind kind,
			 const struct tunnel *tunnel,
			 const struct prefix *prefix, char sign)
{
	char text[64];

	prefix_format(prefix, text, sizeof(text));
	describe(changes_add(p->changes, kind, CHANGE_PREFIX, tunnel->uuid,
			     prefix->origin),
		 "%c %s %s%s", sign, text,
		 prefix->excluded ? "excluded" : "included",
		 prefix->built_in ? " (built in)" : "");
	return p->changes->error;
}

static bool had_prefix(const struct tunnel *tunnel, const struct prefix *prefix)
{
	size_t low = 0, high = tunnel ? tunnel->n_prefixes : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = prefix_compare(&tunnel->prefixes[middle], prefix);

		if (!order)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static int on_add(void *ctx, const struct prefix *prefix)
{
	struct prefixes *p = ctx;

	if (had_prefix(p->old, prefix))
		return prefix_change(p, CHANGE_MODIFY, p->new, prefix, '~');
	return prefix_change(p, CHANGE_ADD, p->new, prefix, '+');
}

static int on_del(void *ctx, const struct prefix *prefix)
{
	struct prefixes *p = ctx;

	return prefix_change(p, CHANGE_REMOVE, p->old, prefix, '-');
}

void changes_prefixes(struct changes *changes, const void *old, const void *new)
{
	struct prefixes p = { changes, old, new };
	const struct prefix_sink sink = { on_add, on_del, &p };
	int r;

	if (changes->error)
		return;
	r = prefix_diff(p.old ? p.old->prefixes : NULL,
			p.old ? p.old->n_prefixes : 0,
			p.new ? p.new->prefixes : NULL,
			p.new ? p.new->n_prefixes : 0, &sink);
	if (r < 0)
		changes->error = r;
}

static void link_of(const struct app *app, char *buf, size_t size)
{
	if (!app->linked_uuid)
		snprintf(buf, size, "not linked");
	else
		snprintf(buf, size, "%s %.36s",
			 app->tunnel == TUNNEL_NONE ? "pending for" :
						      "linked to",
			 app->linked_uuid);
}

static bool same_link(const struct app *a, const struct app *b)
{
	if ((a->tunnel == TUNNEL_NONE) != (b->tunnel == TUNNEL_NONE))
		return false;
	if (!a->linked_uuid || !b->linked_uuid)
		return a->linked_uuid == b->linked_uuid;
	return strcmp(a->linked_uuid, b->linked_uuid) == 0;
}

void changes_app(struct changes *changes, const void *old, const void *new)
{
	const struct app *o = old, *n = new, *one = n ? n : o;
	char before[64], after[64];

	if (o && n && same_link(o, n))
		return;
	if (o)
		link_of(o, before, sizeof(before));
	if (n)
		link_of(n, after, sizeof(after));
	if (o && n)
		describe(changes_add(changes, CHANGE_MODIFY, CHANGE_APP, n->id,
				     n->origin),
			 "%s -> %s", before, after);
	else
		describe(changes_add(changes, n ? CHANGE_ADD : CHANGE_REMOVE,
				     CHANGE_APP, one->id, one->origin),
			 "%s", n ? after : before);
}

static int compare_selectors(const struct selector *a, const struct selector *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return strcmp(a->path, b->path);
}

void changes_selectors(struct changes *changes, const void *old,
		       const void *new)
{
	const struct app *o = old, *n = new;
	size_t n_old = o ? o->n_selectors : 0, n_new = n ? n->n_selectors : 0;
	size_t i = 0, k = 0;

	while (i < n_old || k < n_new) {
		int order = i == n_old ? 1 :
			    k == n_new ? -1 :
					 compare_selectors(&o->selectors[i],
							   &n->selectors[k]);
		const struct selector *one = order <= 0 ? &o->selectors[i] :
							  &n->selectors[k];

		if (order)
			describe(changes_add(changes,
					     order < 0 ? CHANGE_REMOVE :
							 CHANGE_ADD,
					     CHANGE_SELECTOR,
					     order < 0 ? o->id : n->id,
					     one->origin),
				 "%s", one->text);
		i += order <= 0;
		k += order >= 0;
	}
}
