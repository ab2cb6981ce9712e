/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files say now: the policy that a reload would bring into force. */
#ifndef SPLITD_CANDIDATE_H
#define SPLITD_CANDIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/daemon/inputs.h"

struct answers;
struct document;
struct installed_view;
struct policy;
struct report;
struct store;

/* Zero-initialise. */
struct candidate {
	struct policy *policy;
	struct input_list good; /* the bytes of files it was made of */
	size_t n_kept;		/* of these, last good versions of bad files */
	int64_t from, until;	/* wall clock: the policy is good between */
	/* of the files as they lay there; candidate_read() */
	unsigned char digest[INPUTS_DIGEST];
	bool blind; /* whose signatures the host file demands is unknown */
};

struct candidate_source {
	const char *policy_dir, *host_path;
	const struct store *store; /* NULL: no last good versions */
	struct answers *answers;   /* NULL: every file is parsed anew */
	const struct installed_view *installed; /* NULL: nothing installed */
	bool dir_was_there, host_was_there;
};

/*
 * Reads, parses and compiles everything. A bad file's own last good version
 * takes its place, or nothing where there never was one; so it does for a file
 * whose mistake shows only beside the others but is its alone (a VPN type that
 * nothing binds, one interface for two of its tunnels). -EBADMSG when the files
 * contradict each other or what is installed, when the host file demands
 * a signature that a file in force does not have or is bad and never was good
 * (blind), when the directory cannot be trusted, or directory or host file were
 * there and are gone: whoever means that leaves an empty one. All errors are in
 * the report, which may therefore have some although 0 is returned.
 */
int candidate_read(struct candidate *candidate,
		   const struct candidate_source *source,
		   struct report *report);

/* Are the files still those that candidate_read() made this digest of? */
bool candidate_same(const struct candidate_source *source,
		    const unsigned char digest[INPUTS_DIGEST]);

/*
 * The same of the store's versions alone, of which one that is good no longer
 * is left out. -ENOENT when there are none.
 */
int candidate_restore(struct candidate *candidate,
		      const struct candidate_source *source,
		      struct report *report);

/*
 * Parses one file that shall come in addition, as the host file in force has
 * signatures. Its errors are in the report; -EBADMSG.
 */
int candidate_parse(const struct candidate_source *source, const char *file,
		    const void *bytes, size_t len, struct report *report,
		    struct document **ret_document);

/*
 * The file that defines the profile of this PayloadIdentifier, installed ones
 * left out. -ENOENT; free().
 */
int candidate_find(const struct candidate_source *source,
		   const char *identifier, char **ret_file);

void candidate_clear(struct candidate *candidate);

#endif
