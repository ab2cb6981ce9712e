/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The single changes that policy_diff() collects. */
#ifndef SPLITD_POLICY_CHANGES_H
#define SPLITD_POLICY_CHANGES_H

#include <stddef.h>
#include <stdint.h>

#include "policy/plan/diff.h"

struct changes {
	const struct policy *old, *new;
	struct change *list;
	size_t n, size;
	int error; /* -ENOMEM */
};

/* A new entry at the end, its detail empty; NULL when memory is short. */
struct change *changes_add(struct changes *changes, enum change_kind kind,
			   enum change_what what, const char *name,
			   uint32_t origin);

/*
 * What differs between two tunnels or two apps of the same name; old or new is
 * NULL when there is none.
 */
void changes_tunnel(struct changes *changes, const void *old, const void *new);
void changes_prefixes(struct changes *changes, const void *old,
		      const void *new);
void changes_app(struct changes *changes, const void *old, const void *new);
void changes_selectors(struct changes *changes, const void *old,
		       const void *new);

#endif
