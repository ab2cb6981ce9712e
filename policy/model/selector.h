/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How Linux recognises an app, as text. */
#ifndef SPLITD_POLICY_SELECTOR_H
#define SPLITD_POLICY_SELECTOR_H

#include <stddef.h>

#include "policy/plan/policy.h"

/* What a selector's text means, or which rule it breaks. */
struct selector_parse {
	enum selector_kind kind;
	const char *path; /* inside text; not terminated */
	size_t path_len;
	const char *code;    /* on failure: of the error catalogue */
	const char *problem; /* likewise; static */
};

/* 0, or -EINVAL with code and problem set. */
int selector_parse(const char *text, struct selector_parse *ret);

#endif
