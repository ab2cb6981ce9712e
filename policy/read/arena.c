/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that is allocated piece by piece and released at once. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/read/arena.h"

/* Nothing in a policy is aligned wider than a pointer. */
#define ALIGNMENT  ((size_t)8)
#define CHUNK_SIZE ((size_t)64 * 1024)

struct chunk {
	struct chunk *next;
	size_t used, size;
	char data[] __attribute__((aligned(8)));
};

struct arena {
	struct chunk *chunks; /* the first one is filled */
};

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;

	while (arena->chunks) {
		struct chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
	free(arena);
}

/* A big piece gets a chunk of its own, behind the one being filled. */
static struct chunk *add_chunk(struct arena *arena, size_t size)
{
	bool own = size > CHUNK_SIZE / 4 && arena->chunks;
	size_t wanted = size > CHUNK_SIZE / 4 ? size : CHUNK_SIZE;
	struct chunk *chunk;

	if (wanted > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = calloc(1, sizeof(*chunk) + wanted);
	if (!chunk)
		return NULL;

	chunk->size = wanted;
	chunk->next = own ? arena->chunks->next : arena->chunks;
	if (own)
		arena->chunks->next = chunk;
	else
		arena->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	size_t rounded;
	void *piece;

	if (size > SIZE_MAX - ALIGNMENT)
		return NULL;
	rounded = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);

	if (!chunk || chunk->size - chunk->used < rounded)
		chunk = add_chunk(arena, rounded);
	if (!chunk)
		return NULL;

	piece = chunk->data + chunk->used;
	chunk->used += rounded;
	return piece;
}

void *arena_array(struct arena *arena, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	return arena_alloc(arena, total);
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		return NULL;
	copy = arena_alloc(arena, len + 1);
	if (copy && len)
		memcpy(copy, text, len);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}
