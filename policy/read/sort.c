/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sorting for code that runs confined: a heap in the array itself. */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "policy/read/sort.h"

struct heap {
	char *items;
	size_t n, size;
	int (*compare)(const void *a, const void *b);
};

static char *item(const struct heap *heap, size_t i)
{
	return heap->items + i * heap->size;
}

static void swap(const struct heap *heap, size_t i, size_t j)
{
	char kept[SORT_ITEM_MAX];

	memcpy(kept, item(heap, i), heap->size);
	memcpy(item(heap, i), item(heap, j), heap->size);
	memcpy(item(heap, j), kept, heap->size);
}

/* Lets an item sink until no child of it is greater. */
static void sink(const struct heap *heap, size_t i)
{
	for (;;) {
		size_t child = i * 2 + 1;

		if (child >= heap->n)
			return;
		if (child + 1 < heap->n &&
		    heap->compare(item(heap, child), item(heap, child + 1)) < 0)
			child++;
		if (heap->compare(item(heap, i), item(heap, child)) >= 0)
			return;
		swap(heap, i, child);
		i = child;
	}
}

static bool is_sorted(const struct heap *heap)
{
	for (size_t i = 1; i < heap->n; i++)
		if (heap->compare(item(heap, i - 1), item(heap, i)) > 0)
			return false;
	return true;
}

void sort_items(void *items, size_t n, size_t size,
		int (*compare)(const void *a, const void *b))
{
	struct heap heap = { items, n, size, compare };

	assert(size <= SORT_ITEM_MAX);
	if (is_sorted(&heap))
		return;
	for (size_t i = n / 2; i-- > 0;)
		sink(&heap, i);
	while (heap.n > 1) {
		heap.n--;
		swap(&heap, 0, heap.n);
		sink(&heap, 0);
	}
}
