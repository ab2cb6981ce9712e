/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of all rows: the groups, one after the other. */

#include "tests/lab/lab.h"

static const struct row *const groups[] = {
	rows_tcp,      rows_udp,  rows_icmp,   rows_uring, rows_pass,
	rows_server,   rows_pull, rows_escape, rows_door,  rows_confine,
	rows_identity, rows_path, rows_memory, rows_held,
};

const struct row *rows_at(size_t i)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(*groups); g++)
		for (const struct row *row = groups[g]; row->name; row++)
			if (i-- == 0)
				return row;
	return NULL;
}
