/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults and attacks: the tables of the mode, and what its tests share. */

#include "tests/lab/fault.h"

const struct life_test *const fault_tables[] = {
	/* routing and sockets */
	fault_route_tests,
	fault_socket_tests,
	/* crashes and state */
	NULL,
};

unsigned fault_count(const struct life *life, unsigned full)
{
	unsigned n = full / life->lab->divisor;

	return n < 10 && full >= 10 ? 10 : n;
}
