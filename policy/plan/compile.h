/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documents in, one compiled policy out: pure, independent of their order. */
#ifndef SPLITD_POLICY_COMPILE_H
#define SPLITD_POLICY_COMPILE_H

#include <stddef.h>

struct document;
struct policy;
struct report;

/*
 * Joins profiles, commands and at most one host file on VPNUUID and bundle
 * identifier. The result is the same for every order of the documents. What
 * two files say differently of one app or one VPNUUID is an error that names
 * both places; errors between files return -EBADMSG. Warnings (pending link,
 * unbound tunnel, app without selectors) go to the report.
 */
int policy_compile(struct document *const *documents, size_t n_documents,
		   struct report *report, struct policy **ret_policy);

#endif
