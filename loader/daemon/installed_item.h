/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One item of the store's index. */
#ifndef SPLITD_INSTALLED_ITEM_H
#define SPLITD_INSTALLED_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct document;
struct moment;

/*
 * A new reference. since: when the profile it takes the place of was first
 * installed, or now.
 */
json_t *item_new(const struct document *document, int64_t number,
		 const char *file, const struct moment *since,
		 const struct moment *now);

int64_t item_number(const json_t *item);
void item_since(const json_t *item, struct moment *ret_since);

/* When it goes, by the wall clock as it is now; INT64_MAX: it stays. */
int64_t item_removal(const json_t *item, const struct moment *now);

/*
 * Puts right when the item was installed, where the wall clock was set since
 * and that is for sure: in the same boot. True if that changed anything.
 */
bool item_adjust(json_t *item, const struct moment *now);

const char *item_identifier(const json_t *item); /* NULL: a command */

/* Did nobody sign the item, or one of those who signed the document? */
bool item_same_signer(const json_t *item, const struct document *document);

/*
 * The item's word on this app no longer counts. True when it has none left:
 * of a command's links, that is all there is to it.
 */
bool item_unlink(json_t *item, const char *app);

#endif
