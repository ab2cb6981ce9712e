/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --probe: what this kernel can do, and what our programs cost it to accept. */
#ifndef SPLITD_PROBE_H
#define SPLITD_PROBE_H

#include <stdio.h>

/*
 * Two tables, for people and for scripts alike: "feature NAME: yes|no|missing
 * (since ..., without it: ...)" and "program NAME: N instructions", or its
 * complaint. 0, or -EOPNOTSUPP where splitd cannot run; needs root, attaches
 * nothing that stays.
 */
int probe_print(FILE *out);

#endif
