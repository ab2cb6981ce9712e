/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sorting prefixes, in time that grows with their number and no faster. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy/plan/policy.h"

/*
 * By one byte of the key after the other, the least significant first; every
 * pass keeps what is equal in its order (a radix sort). Bytes that are the same
 * in all prefixes need no pass: of IPv4 five remain, where a sort by comparison
 * looks twenty times at each of a million.
 */

/* From the last byte that counts to the first: excluded, length, address. */
#define BYTES 18

static uint8_t byte_of(const struct prefix *prefix, unsigned int i)
{
	if (i == 0)
		return !prefix->excluded;
	if (i == 1)
		return prefix->len;
	return prefix->addr.s6_addr[BYTES - 1 - i];
}

static bool varies(const struct prefix *prefixes, size_t n, unsigned int i)
{
	for (size_t k = 1; k < n; k++)
		if (byte_of(&prefixes[k], i) != byte_of(&prefixes[0], i))
			return true;
	return false;
}

static void pass(const struct prefix *from, size_t n, unsigned int i,
		 struct prefix *to)
{
	size_t start[257] = { 0 };

	for (size_t k = 0; k < n; k++)
		start[byte_of(&from[k], i) + 1]++;
	for (unsigned int byte = 1; byte < 256; byte++)
		start[byte] += start[byte - 1];
	for (size_t k = 0; k < n; k++)
		to[start[byte_of(&from[k], i)]++] = from[k];
}

static bool is_sorted(const struct prefix *prefixes, size_t n)
{
	for (size_t k = 1; k < n; k++) {
		int order = prefix_compare(&prefixes[k - 1], &prefixes[k]);

		if (order > 0 || (!order && !prefixes[k - 1].excluded &&
				  prefixes[k].excluded))
			return false;
	}
	return true;
}

int prefix_sort(struct prefix *prefixes, size_t n)
{
	struct prefix *from = prefixes, *other, *to;

	if (is_sorted(prefixes, n))
		return 0;
	to = other = calloc(n, sizeof(*other));
	if (!other)
		return -ENOMEM;
	for (unsigned int i = 0; i < BYTES; i++) {
		struct prefix *done = to;

		if (!varies(prefixes, n, i))
			continue;
		pass(from, n, i, to);
		to = from;
		from = done;
	}
	if (from != prefixes)
		memcpy(prefixes, from, n * sizeof(*prefixes));
	free(other);
	return 0;
}
