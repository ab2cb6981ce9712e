/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the running kernel can do, found by trying. */
#ifndef SPLITD_FEATURE_H
#define SPLITD_FEATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/abi.h"

struct feature {
	const char *name;
	const char *since;   /* version and commit that brought it */
	const char *lost;    /* what is lost without it */
	bool required;	     /* without it splitd does not start */
	const char *program; /* of probe.bpf.c; NULL: tried otherwise */
	bool attached;	     /* loading says nothing: it is attached, too */
};

/* The table, up to a NULL. */
const struct feature *feature_at(size_t i);

/* True if this kernel has it. Leaves nothing behind. Needs CAP_BPF. */
bool feature_present(const struct feature *feature);

/* What programs go by. */
void features_probe(struct sp_features *ret_features);

#endif
