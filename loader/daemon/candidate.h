/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files say now: the policy that a reload would bring into force. */
#ifndef SPLITD_CANDIDATE_H
#define SPLITD_CANDIDATE_H

#include <stdbool.h>

#include "loader/daemon/inputs.h"

struct policy;
struct report;
struct store;

/* Zero-initialise. */
struct candidate {
	struct policy *policy;
	struct input_list good; /* the bytes it was made of */
	size_t n_kept;		/* of these, last good versions of bad files */
};

struct candidate_source {
	const char *policy_dir, *host_path;
	const struct store *store; /* NULL: no last good versions */
	bool dir_was_there, host_was_there;
};

/*
 * Reads, parses and compiles everything. A bad file's own last good version
 * takes its place, or nothing where there never was one. -EBADMSG when the
 * files contradict each other, the directory cannot be trusted, or directory or
 * host file were there and are gone: whoever means that leaves an empty one.
 * All errors are in the report, which may therefore have some although 0 is
 * returned.
 */
int candidate_read(struct candidate *candidate,
		   const struct candidate_source *source,
		   struct report *report);

/* The same of the store's versions alone. -ENOENT when there are none. */
int candidate_restore(struct candidate *candidate,
		      const struct candidate_source *source,
		      struct report *report);

void candidate_clear(struct candidate *candidate);

#endif
