/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directory and store become one: what is installed, as documents. */
#ifndef SPLITD_MERGE_H
#define SPLITD_MERGE_H

#include <stddef.h>

struct document;
struct documents;
struct installed_view;
struct policy;
struct report;

/*
 * Bytes that were good once: their warnings have been told, their signature
 * judged. -EBADMSG when they are not good even so. Only that their parser
 * failed is reported: -EIO when it died or hung, else as of sandbox_parse().
 */
int parse_kept(const char *file, const void *bytes, size_t len,
	       struct report *report, struct document **ret_document);

/*
 * Adds what is installed, less the links that a later command has taken off.
 * What the demands do not let pass is told, and stays in force as it was. A
 * profile that is among the documents already is an error that names both, and
 * -EBADMSG. view NULL: nothing is installed.
 */
int documents_add_installed(struct documents *documents,
			    const struct installed_view *view,
			    struct report *report);

/* A disabled tunnel is one without an interface: its apps go direct. */
void policy_disable(struct policy *policy, const struct installed_view *view);

#endif
