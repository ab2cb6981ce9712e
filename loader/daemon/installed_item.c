/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One item of the store's index, and what a new one does to the others.
 *
 *   number, file        the item's file and the name it came by
 *   identifier, name    of a profile; null for a command
 *   request, command    RequestType and CommandUUID of a command
 *   installed_at        a profile's first coming; a replacement keeps it
 *   boot, uptime        the same moment by the clock that nobody sets
 *   removal_date        null, or RemovalDate
 *   duration            null, or DurationUntilRemoval
 *   remove_at           null, or the earlier of these two ends
 *   signers             "sha256:..." each
 *   links               apps of which a command's word is the latest
 *
 * A date is the wall clock's. A duration is not: as long as the machine runs it
 * is counted by the time since boot, so a clock that was wrong at the time of
 * installing does no harm once it is put right. How long the machine was off
 * only the wall clock can say; it is believed, but never so far that less time
 * would have passed than since boot.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/daemon/installed.h"
#include "loader/daemon/installed_item.h"
#include "loader/daemon/moment.h"
#include "policy/model/document.h"
#include "policy/read/signature.h"

#define TOLERANCE_SEC 2 /* full seconds of two clocks; what NTP slews */

/* ---- one item ------------------------------------------------------------ */

/* INT64_MAX: null or not there. */
static int64_t number_of(const json_t *item, const char *key)
{
	const json_t *number = json_object_get(item, key);

	return json_is_integer(number) ? json_integer_value(number) : INT64_MAX;
}

static json_t *number_json(int64_t number)
{
	return number == INT64_MAX ? json_null() : json_integer(number);
}

int64_t item_number(const json_t *item)
{
	return json_integer_value(json_object_get(item, "number"));
}

const char *item_identifier(const json_t *item)
{
	return json_string_value(json_object_get(item, "identifier"));
}

/* ---- how long it stays --------------------------------------------------- */

void item_since(const json_t *item, struct moment *ret)
{
	const char *boot = json_string_value(json_object_get(item, "boot"));

	*ret = (struct moment){
		.wall = json_integer_value(
			json_object_get(item, "installed_at")),
		.uptime = json_integer_value(json_object_get(item, "uptime")),
	};
	snprintf(ret->boot, sizeof(ret->boot), "%s", boot ? boot : "");
}

/* The earlier of the date and the duration's end; INT64_MAX: neither. */
static int64_t end_of(const json_t *item, int64_t since)
{
	int64_t date = number_of(item, "removal_date");
	int64_t duration = number_of(item, "duration"), end = INT64_MAX;

	if (duration < INT64_MAX &&
	    __builtin_add_overflow(since, duration, &end))
		end = INT64_MAX;
	return date < end ? date : end;
}

static int set_end(json_t *item, int64_t since)
{
	return json_object_set_new(item, "remove_at",
				   number_json(end_of(item, since)));
}

int64_t item_removal(const json_t *item, const struct moment *now)
{
	int64_t at = number_of(item, "remove_at"), boot, latest;
	struct moment since;

	item_since(item, &since);
	boot = now->wall - now->uptime;
	if (!since.boot[0] || !now->boot[0] || moment_same_boot(&since, now) ||
	    since.wall <= boot)
		return at;
	/* It was here before this boot: one of the two readings was wrong. */
	latest = end_of(item, boot);
	return latest < at ? latest : at;
}

bool item_adjust(json_t *item, const struct moment *now)
{
	struct moment since;
	int64_t true_wall;

	item_since(item, &since);
	if (number_of(item, "duration") == INT64_MAX ||
	    !moment_same_boot(&since, now))
		return false;
	true_wall = now->wall - (now->uptime - since.uptime);
	if (llabs(true_wall - since.wall) <= TOLERANCE_SEC)
		return false;
	return json_object_set_new(item, "installed_at",
				   json_integer(true_wall)) == 0 &&
	       set_end(item, true_wall) == 0;
}

/* ---- a new one ----------------------------------------------------------- */

static json_t *signers_json(const struct document *document)
{
	const struct signature *signature = document_signature(document);
	json_t *array = json_array();
	char text[PIN_TEXT];

	for (size_t i = 0; i < signature->n; i++) {
		pin_format(&signature->signers[i], text);
		json_array_append_new(array, json_string(text));
	}
	return array;
}

/* A profile's mappings are its own; only commands' links are by app. */
static json_t *links_json(const struct document *document)
{
	json_t *array = json_array();

	if (document_identity(document)->identifier)
		return array;
	for (size_t i = 0; i < document_links(document); i++) {
		struct document_link link = document_link(document, i);

		if (link.uuid)
			json_array_append_new(array, json_string(link.id));
	}
	return array;
}

static json_t *removal_date_json(const struct document_identity *identity)
{
	return identity->has_removal_date ?
		       json_integer(identity->removal_date) :
		       json_null();
}

static json_t *duration_json(const struct document_identity *identity)
{
	return identity->has_duration ? json_integer(identity->duration) :
					json_null();
}

json_t *item_new(const struct document *document, int64_t number,
		 const char *file, const struct moment *since,
		 const struct moment *now)
{
	const struct document_identity *identity = document_identity(document);
	json_t *item;

	item = json_pack("{s:I, s:s, s:s?, s:s?, s:s?, s:s?, s:I, s:s, s:I, "
			 "s:I, s:o, s:o, s:b, s:o, s:o}",
			 "number", (json_int_t)number, "file", file,
			 "identifier", identity->identifier, "name",
			 identity->name, "request", identity->request,
			 "command", identity->command, "installed_at",
			 (json_int_t)since->wall, "boot", since->boot, "uptime",
			 (json_int_t)since->uptime, "changed_at",
			 (json_int_t)now->wall, "removal_date",
			 removal_date_json(identity), "duration",
			 duration_json(identity), "removal_disallowed",
			 identity->removal_disallowed, "signers",
			 signers_json(document), "links", links_json(document));
	if (item && set_end(item, since->wall) < 0) {
		json_decref(item);
		return NULL;
	}
	return item;
}

bool item_same_signer(const json_t *item, const struct document *document)
{
	const json_t *signers = json_object_get(item, "signers"), *signer;
	const struct signature *signature = document_signature(document);
	char text[PIN_TEXT];
	size_t i;

	if (json_array_size(signers) == 0)
		return true;
	for (size_t k = 0; k < signature->n; k++) {
		pin_format(&signature->signers[k], text);
		json_array_foreach(signers, i, signer) {
			if (!strcmp(json_string_value(signer), text))
				return true;
		}
	}
	return false;
}

bool item_unlink(json_t *item, const char *app)
{
	json_t *links = json_object_get(item, "links"), *link;
	bool had = false;
	size_t i = 0;

	while ((link = json_array_get(links, i))) {
		if (!strcmp(json_string_value(link), app)) {
			json_array_remove(links, i);
			had = true;
		} else {
			i++;
		}
	}
	return had && json_array_size(links) == 0;
}

char *installed_name(const json_t *item)
{
	const char *identifier = item_identifier(item);
	char *name = NULL;
	int n;

	if (identifier)
		n = asprintf(&name, "installed:%s", identifier);
	else
		n = asprintf(&name, "installed:command-%lld",
			     (long long)item_number(item));
	return n < 0 ? NULL : name;
}

bool installed_links(const json_t *item, const char *app)
{
	const json_t *links = json_object_get(item, "links"), *link;
	size_t i;

	if (item_identifier(item))
		return true;
	json_array_foreach(links, i, link) {
		if (!strcmp(json_string_value(link), app))
			return true;
	}
	return false;
}

/* ---- all items ----------------------------------------------------------- */

static json_t *items_of(const struct installed_view *view)
{
	return json_object_get(view->index, "items");
}

const json_t *installed_find(const struct installed_view *view,
			     const char *identifier)
{
	json_t *item;
	size_t i;

	json_array_foreach(items_of(view), i, item) {
		const char *other = item_identifier(item);

		if (other && !strcmp(other, identifier))
			return item;
	}
	return NULL;
}

int installed_drop(struct installed_view *view, const char *identifier)
{
	const json_t *item = installed_find(view, identifier);
	json_t *items = items_of(view);

	for (size_t i = 0; item && i < json_array_size(items); i++) {
		if (json_array_get(items, i) == item)
			return json_array_remove(items, i);
	}
	return -ENOENT;
}

/* The last word on an app replaces all before it, also by taking it off. */
static void unlink_app(struct installed_view *view, const char *app)
{
	json_t *items = items_of(view);
	size_t i = 0;

	while (i < json_array_size(items)) {
		if (item_unlink(json_array_get(items, i), app))
			json_array_remove(items, i);
		else
			i++;
	}
}

/* Something that stays, as opposed to a command that was obeyed and is over. */
static int add(struct installed_view *view, const struct document *document,
	       const char *file, const void *bytes, size_t len,
	       const struct moment *since, const struct moment *now)
{
	json_t *next = json_object_get(view->index, "next");
	int64_t number = json_integer_value(next);
	void *copy = malloc(len + 1);
	json_t *item = item_new(document, number, file, since, now);

	if (!copy || !item || json_integer_set(next, number + 1) < 0 ||
	    json_array_append(items_of(view), item) < 0) {
		json_decref(item);
		free(copy);
		return -ENOMEM;
	}
	json_decref(item);
	memcpy(copy, bytes, len);
	free(view->bytes);
	view->bytes = copy;
	view->len = len;
	view->fresh = number;
	return 0;
}

static int put_profile(struct installed_view *view,
		       const struct document *document, const char *file,
		       const void *bytes, size_t len, const struct moment *now)
{
	const char *identifier = document_identity(document)->identifier;
	const json_t *old = installed_find(view, identifier);
	struct moment since = *now;

	if (old && !item_same_signer(old, document))
		return -EKEYREJECTED;
	if (old) {
		item_since(old, &since);
		installed_drop(view, identifier);
	}
	return add(view, document, file, bytes, len, &since, now);
}

int installed_put(struct installed_view *view, const struct document *document,
		  const char *file, const void *bytes, size_t len,
		  const struct moment *now)
{
	const struct document_identity *identity = document_identity(document);
	bool links = false;
	int r = 0;

	if (identity->identifier)
		return put_profile(view, document, file, bytes, len, now);
	if (identity->removes)
		r = installed_drop(view, identity->removes);
	for (size_t i = 0; r == 0 && i < document_links(document); i++) {
		struct document_link link = document_link(document, i);

		unlink_app(view, link.id);
		links = links || link.uuid;
	}
	if (r == 0 && links)
		r = add(view, document, file, bytes, len, now, now);
	return r;
}

bool installed_adjust(struct installed_view *view, const struct moment *now)
{
	bool changed = false;
	json_t *item;
	size_t i;

	json_array_foreach(items_of(view), i, item)
		changed = item_adjust(item, now) || changed;
	return changed;
}

size_t installed_expire(struct installed_view *view, const struct moment *now)
{
	json_t *items = items_of(view);
	size_t i = 0, n = 0;

	while (i < json_array_size(items)) {
		if (item_removal(json_array_get(items, i), now) <= now->wall) {
			json_array_remove(items, i);
			n++;
		} else {
			i++;
		}
	}
	return n;
}

/* ---- disabled tunnels ---------------------------------------------------- */

bool installed_is_disabled(const struct installed_view *view, const char *uuid)
{
	const json_t *array = json_object_get(view->index, "disabled"), *item;
	size_t i;

	json_array_foreach(array, i, item) {
		if (!strcmp(json_string_value(item), uuid))
			return true;
	}
	return false;
}

int installed_disable(struct installed_view *view, const char *uuid,
		      bool disabled)
{
	json_t *array = json_object_get(view->index, "disabled"), *item;
	size_t i;

	json_array_foreach(array, i, item) {
		if (strcmp(json_string_value(item), uuid))
			continue;
		return disabled ? 0 : json_array_remove(array, i);
	}
	if (!disabled)
		return 0;
	return json_array_append_new(array, json_string(uuid)) < 0 ? -ENOMEM :
								     0;
}
