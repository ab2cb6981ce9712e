/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: every kind of socket, every way to use it. */

#include "tests/lab/fault.h"

const struct life_test fault_socket_tests[] = { { 0 } };
