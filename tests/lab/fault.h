/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults and attacks: what the tests of the mode have in common. */
#ifndef SPLITD_TESTS_FAULT_H
#define SPLITD_TESTS_FAULT_H

#include "tests/lab/life.h"

/* How many of something: all, or with --short a part, but at least 10. */
unsigned fault_count(const struct life *life, unsigned full);

#endif
