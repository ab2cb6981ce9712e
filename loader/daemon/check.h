/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checking files and telling about it: splitctl check and splitd --check. */
#ifndef SPLITD_CHECK_H
#define SPLITD_CHECK_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "loader/daemon/documents.h"
#include "loader/daemon/inputs.h"
#include "policy/read/report.h"

struct installed_view;
struct policy;

/* Zero-initialise. */
struct check {
	struct report report;
	struct documents all;  /* those that are good and in force */
	struct documents over; /* good, but their RemovalDate has come */
	struct policy *policy; /* of them; NULL: they contradict each other */
};

/*
 * Parses every input in the sandbox, then compiles all good documents together
 * with what is installed (NULL: nothing is). Findings, the inputs' own among
 * them, are in the report. 0 even when files are bad, or a negative errno.
 */
int check_run(struct check *check, const struct input_list *inputs,
	      const struct installed_view *installed);

/* No errors? */
bool check_valid(const struct check *check);

/* The contract's JSON; a new reference. */
json_t *check_json(const struct check *check);
void check_print(const struct check *check, FILE *out);

void check_clear(struct check *check);

/* An array of findings as in check's JSON; a new reference. */
json_t *findings_json(const struct report *report);

/* Findings as lines. */
void findings_print(const struct report *report, FILE *out);

#endif
