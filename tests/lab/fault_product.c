/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: every kind of socket, with every trick. */

#include "tests/lab/fault.h"

const struct life_test fault_product_tests[] = { { 0 } };
