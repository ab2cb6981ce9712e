/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `splitctl install` brought, over restarts. */
#ifndef SPLITD_INSTALLED_H
#define SPLITD_INSTALLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct document;
struct installed;
struct moment;

/*
 * The store as it is, or as it would be: what a change is prepared on and
 * what candidates are made of. Zero-initialise; installed_view_clear().
 */
struct installed_view {
	const struct installed *store;
	json_t *index;
	int64_t fresh; /* number of the item whose bytes are here; 0: none */
	void *bytes;
	size_t len;
};

/* Makes the directory when missing and sweeps out what a crash left. */
int installed_open(const char *state, struct installed **ret_installed);
/* Only to look at it: nothing is made or swept, what is missing is empty. */
int installed_peek(const char *state, struct installed **ret_installed);
void installed_close(struct installed *installed);

/* A view of the store as it is now. 0 or -ENOMEM. */
int installed_view(const struct installed *installed,
		   struct installed_view *ret_view);
void installed_view_clear(struct installed_view *view);

/*
 * Changes of a view, nothing on disk. installed_put() takes a file in: a
 * profile in the place of the one with its PayloadIdentifier, a command's links
 * in the place of those of the same apps, and does what the command asks of the
 * store. -EKEYREJECTED: the profile in place has another signer; -ENOENT:
 * RemoveProfile or installed_drop() of what is not there.
 */
int installed_put(struct installed_view *view, const struct document *document,
		  const char *file, const void *bytes, size_t len,
		  const struct moment *now);
int installed_drop(struct installed_view *view, const char *identifier);
int installed_disable(struct installed_view *view, const char *uuid,
		      bool disabled);

/* item_adjust() for all; has anything changed? */
bool installed_adjust(struct installed_view *view, const struct moment *now);

/* Drops what is to be gone by now; how many that were. */
size_t installed_expire(struct installed_view *view, const struct moment *now);

/* When the next item is to go, by the wall clock; INT64_MAX: none is. */
int64_t installed_next_removal(const struct installed *installed,
			       const struct moment *now);

/*
 * Puts the view into force on disk, and what was there into the view, so that
 * a second call takes it back. A crash leaves the one or the other; on failure
 * the store is as it was. Files that only the old state needs stay until
 * installed_sweep().
 */
int installed_commit(struct installed *installed, struct installed_view *view);
void installed_sweep(const struct installed *installed);

/* ---- items --------------------------------------------------------------- */

const json_t *installed_items(const struct installed_view *view);
const json_t *installed_find(const struct installed_view *view,
			     const char *identifier);

/* How messages and origins name the item. free(); NULL without memory. */
char *installed_name(const json_t *item);

int installed_read(const struct installed_view *view, const json_t *item,
		   void **ret_bytes, size_t *ret_len);

/* Is the item's word on this app's link the latest? */
bool installed_links(const json_t *item, const char *app);

bool installed_is_disabled(const struct installed_view *view, const char *uuid);

#endif
