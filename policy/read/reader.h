/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every reader of a file is given, and what a file may cost. */
#ifndef SPLITD_POLICY_READER_H
#define SPLITD_POLICY_READER_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct report;

/*
 * Readers put their trees into the arena and what is wrong into the report.
 * A file whose root has one of the keys of host_keys (NULL-terminated) is a
 * host file and gets the host budget.
 */
struct reader {
	const char *file;
	uint32_t layer; /* POSITION_INNER within a signed message, else 0 */
	const char *const *host_keys;
	struct report *report;
	struct arena *arena;
};

struct budget {
	size_t bytes;
	size_t nodes;
	size_t dict_keys;
	size_t array_items;
};

/* Findings of one reader in one file; then it gives up. Far fewer are kept. */
#define BUDGET_FINDINGS	    10000

#define BUDGET_DEPTH	    32
#define BUDGET_KEY_BYTES    255
#define BUDGET_STRING_BYTES ((size_t)64 * 1024)
#define BUDGET_DATA_BYTES   ((size_t)2 * 1024 * 1024)

extern const struct budget budget_profile, budget_host;

#endif
