/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local networks, exempt from a tunnel that asks for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model/prefix.h"
#include "policy/plan/local.h"

/* RFC 1918, RFC 3927, RFC 4193, RFC 4291; IPv4 in mapped form. */
static const struct {
	struct in6_addr addr;
	uint8_t len;
} local_ranges[] = {
	{ { { { [10] = 0xff, [11] = 0xff, [12] = 10 } } }, 104 },
	{ { { { [10] = 0xff, [11] = 0xff, [12] = 172, [13] = 16 } } }, 108 },
	{ { { { [10] = 0xff, [11] = 0xff, [12] = 192, [13] = 168 } } }, 112 },
	{ { { { [10] = 0xff, [11] = 0xff, [12] = 169, [13] = 254 } } }, 112 },
	{ { { { 0xfc } } }, 7 },
	{ { { { 0xfe, 0x80 } } }, 10 },
};

static bool is_local(const struct prefix *prefix)
{
	for (size_t i = 0; i < sizeof(local_ranges) / sizeof(local_ranges[0]);
	     i++)
		if (prefix->len >= local_ranges[i].len &&
		    address_matches(&prefix->addr, &local_ranges[i].addr,
				    local_ranges[i].len))
			return true;
	return false;
}

static int compare_prefixes(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static bool holds(const struct prefix *prefixes, size_t n,
		  const struct prefix *prefix)
{
	return n && bsearch(prefix, prefixes, n, sizeof(*prefixes),
			    compare_prefixes);
}

int local_exempt(const struct tunnel *tunnel, const struct prefix *on_link,
		 size_t n_on_link, struct prefix **ret_prefixes, size_t *ret_n)
{
	size_t n = tunnel->n_prefixes, kept = 0;
	struct prefix *all = calloc(n + n_on_link + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	if (n)
		memcpy(all, tunnel->prefixes, n * sizeof(*all));
	for (size_t i = 0; tunnel->exclude_local && i < n_on_link; i++) {
		struct prefix exempt = { .addr = on_link[i].addr,
					 .len = on_link[i].len,
					 .excluded = true,
					 .built_in = true,
					 .local = true,
					 .origin = tunnel->origin };

		address_mask(&exempt.addr, exempt.len);
		if (is_local(&exempt) &&
		    !holds(tunnel->prefixes, tunnel->n_prefixes, &exempt))
			all[n++] = exempt;
	}

	/* the tunnel's own come sorted: a million of them cost a copy */
	if (n > tunnel->n_prefixes)
		qsort(all, n, sizeof(*all), compare_prefixes);
	for (size_t i = 0; i < n; i++)
		if (!kept || prefix_compare(&all[kept - 1], &all[i]) != 0)
			all[kept++] = all[i];
	*ret_prefixes = all;
	*ret_n = kept;
	return 0;
}
