/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: routes, rules and devices that others change. */

#include "tests/lab/fault.h"

const struct life_test fault_route_tests[] = { { 0 } };
