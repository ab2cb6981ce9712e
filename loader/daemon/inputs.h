/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files a policy is made of, as bytes: nothing in here looks inside. */
#ifndef SPLITD_INPUTS_H
#define SPLITD_INPUTS_H

#include <stdbool.h>
#include <stddef.h>

struct report;

/* Bytes a file may have (policy.md's budgets). */
#define INPUT_MAX_PROFILE ((size_t)4 << 20)
#define INPUT_MAX_HOST	  ((size_t)64 << 20)

struct input {
	char *path;  /* as messages name it */
	bool host;   /* the host file */
	void *bytes; /* NULL: could not be read or was refused */
	size_t len;
	bool kept; /* these are last good bytes, the file has others */
};

/* Zero-initialise. */
struct input_list {
	struct input *inputs;
	size_t n;
	bool had_dir, had_host; /* was the directory, the host file there? */
};

enum input_trust {
	/* Any file, whoever owns it (splitctl, which changes nothing). */
	INPUT_ANYONE,
	/*
	 * Regular files only, owned by root or the caller, writable by nobody
	 * else, in a directory of which the same is true.
	 */
	INPUT_TRUSTED,
};

/*
 * Appends every *.mobileconfig, *.plist and *.xml of the directory, sorted by
 * name. What cannot be read becomes an error in the report and an input
 * without bytes. A directory that does not exist is empty (had_dir). A negative
 * errno when the directory as such cannot be read or trusted; that is reported
 * too.
 */
int inputs_add_dir(struct input_list *list, const char *dir,
		   enum input_trust trust, struct report *report);

/*
 * Appends one file in the same manner. host: with the host file's budget, and
 * no complaint when it does not exist.
 */
int inputs_add_file(struct input_list *list, const char *path, bool host,
		    enum input_trust trust, struct report *report);

/* Is this a name that a policy directory's reader looks at? */
bool input_name_counts(const char *name);

#define INPUTS_DIGEST 32

/* What tells these files, names and bytes, from others. 0 or -ENOMEM. */
int inputs_digest(const struct input_list *list,
		  unsigned char ret_digest[INPUTS_DIGEST]);

void inputs_clear(struct input_list *list);

#endif
