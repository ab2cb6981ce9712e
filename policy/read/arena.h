/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that is allocated piece by piece and released at once. */
#ifndef SPLITD_POLICY_ARENA_H
#define SPLITD_POLICY_ARENA_H

#include <stddef.h>

struct arena;

/* NULL when memory is short; arena_free(NULL) is fine. */
struct arena *arena_new(void);
void arena_free(struct arena *arena);

/* All return NULL when memory is short. The memory of arena_alloc is zero. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_array(struct arena *arena, size_t n, size_t size);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_strdup(struct arena *arena, const char *text);

#endif
