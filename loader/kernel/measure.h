/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verifier says of each program on the running kernel. */
#ifndef SPLITD_MEASURE_H
#define SPLITD_MEASURE_H

#include <stddef.h>

struct measurement {
	char program[32];	   /* its name */
	unsigned int instructions; /* that the verifier went through */
	char complaint[128];	   /* the verifier's last words; "": it loads */
};

/*
 * Loads every program once, on maps of its own, attached to nothing; *ret is
 * free()d by the caller. A program that does not load has a complaint, and the
 * others of its object, which were not tried behind it, say so.
 */
int measure_programs(struct measurement **ret, size_t *ret_n);

#endif
