/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sorting for code that runs confined. */
#ifndef SPLITD_POLICY_SORT_H
#define SPLITD_POLICY_SORT_H

#include <stddef.h>

/*
 * As qsort(), but makes no system call and allocates nothing: glibc before
 * 2.37 asks for the machine's memory, which kills the confined parser. Items
 * have at most SORT_ITEM_MAX bytes. O(n log n); O(n) when sorted already. The
 * order of items that compare equal is left open.
 */
#define SORT_ITEM_MAX 64

void sort_items(void *items, size_t n, size_t size,
		int (*compare)(const void *a, const void *b));

#endif
