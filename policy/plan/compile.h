/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documents in, one compiled policy out: pure, independent of their order. */
#ifndef SPLITD_POLICY_COMPILE_H
#define SPLITD_POLICY_COMPILE_H

#include <stdbool.h>
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
 *
 * An app's link is the host file's (Links), else a command's, else that of an
 * app mapping; who is overruled is told (W325). How the app is recognised is
 * the host file's word (Apps), else the mapping's Path. A profile of a VPN type
 * that splitd does not drive is an error (E330) unless the host file names an
 * interface for its VPNUUID.
 */
int policy_compile(struct document *const *documents, size_t n_documents,
		   struct report *report, struct policy **ret_policy);

/*
 * The same. On -EBADMSG is_wrong[i] tells that documents[i] has an error that
 * concerns its file alone: no change of another file that its author did not
 * ask for would make it good. All others are errors between files. The array
 * comes zeroed.
 */
int policy_compile_each(struct document *const *documents, size_t n_documents,
			bool *is_wrong, struct report *report,
			struct policy **ret_policy);

#endif
