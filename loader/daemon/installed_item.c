/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One item of the store's index, and what a new one does to the others.
 *
 *   number, file        the item's file and the name it came by
 *   identifier, name    of a profile; null for a command
 *   request, command    RequestType and CommandUUID of a command
 *   installed_at        a profile's first coming; a replacement keeps it
 *   remove_at           null, or when RemovalDate or DurationUntilRemoval,
 *                       whichever is earlier, ends it
 *   signers             "sha256:..." each
 *   links               apps of which a command's word is the latest
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/daemon/installed.h"
#include "loader/daemon/installed_item.h"
#include "policy/model/document.h"
#include "policy/read/signature.h"

/* ---- one item ------------------------------------------------------------ */

int64_t item_number(const json_t *item)
{
	return json_integer_value(json_object_get(item, "number"));
}

int64_t item_since(const json_t *item)
{
	return json_integer_value(json_object_get(item, "installed_at"));
}

int64_t item_removal(const json_t *item)
{
	const json_t *at = json_object_get(item, "remove_at");

	return json_is_integer(at) ? json_integer_value(at) : INT64_MAX;
}

const char *item_identifier(const json_t *item)
{
	return json_string_value(json_object_get(item, "identifier"));
}

/* The earlier of the two; null: neither is given. */
static json_t *removal_json(const struct document_identity *identity,
			    int64_t since)
{
	int64_t at = INT64_MAX;

	if (identity->has_removal_date)
		at = identity->removal_date;
	if (identity->has_duration && identity->duration < INT64_MAX - since &&
	    since + identity->duration < at)
		at = since + identity->duration;
	return at == INT64_MAX ? json_null() : json_integer(at);
}

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

json_t *item_new(const struct document *document, int64_t number,
		 const char *file, int64_t since, int64_t now)
{
	const struct document_identity *identity = document_identity(document);

	return json_pack("{s:I, s:s, s:s?, s:s?, s:s?, s:s?, s:I, s:I, s:o, "
			 "s:b, s:o, s:o}",
			 "number", (json_int_t)number, "file", file,
			 "identifier", identity->identifier, "name",
			 identity->name, "request", identity->request,
			 "command", identity->command, "installed_at",
			 (json_int_t)since, "changed_at", (json_int_t)now,
			 "remove_at", removal_json(identity, since),
			 "removal_disallowed", identity->removal_disallowed,
			 "signers", signers_json(document), "links",
			 links_json(document));
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
	       const char *file, const void *bytes, size_t len, int64_t since,
	       int64_t now)
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
		       const void *bytes, size_t len, int64_t now)
{
	const char *identifier = document_identity(document)->identifier;
	const json_t *old = installed_find(view, identifier);
	int64_t since = now;

	if (old && !item_same_signer(old, document))
		return -EKEYREJECTED;
	if (old) {
		since = item_since(old);
		installed_drop(view, identifier);
	}
	return add(view, document, file, bytes, len, since, now);
}

int installed_put(struct installed_view *view, const struct document *document,
		  const char *file, const void *bytes, size_t len, int64_t now)
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

size_t installed_expire(struct installed_view *view, int64_t now)
{
	json_t *items = items_of(view);
	size_t i = 0, n = 0;

	while (i < json_array_size(items)) {
		if (item_removal(json_array_get(items, i)) <= now) {
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
