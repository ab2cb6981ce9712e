/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings that came over the control socket, as lines. */
#ifndef SPLITD_FINDING_H
#define SPLITD_FINDING_H

#include <jansson.h>

/* An array of findings on stderr, in check's layout. */
void findings_print_json(const json_t *findings);

#endif
