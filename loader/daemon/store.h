/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last good version of every file, over restarts. */
#ifndef SPLITD_STORE_H
#define SPLITD_STORE_H

#include <stddef.h>

#include "loader/daemon/inputs.h"

struct store;

/* Makes the directory when missing: root's alone, profiles hold secrets. */
int store_open(const char *dir, struct store **ret_store);
void store_close(struct store *store);

/*
 * The last good bytes of the file that the input names. -ENOENT when there
 * never were any. free().
 */
int store_read(const struct store *store, const struct input *input,
	       void **ret_bytes, size_t *ret_len);

/*
 * Makes the store hold exactly these files, whose bytes are now in force. A
 * crash or a full disk in between leaves every single file old or new.
 */
int store_write(const struct store *store, const struct input_list *good);

/*
 * Everything in the store, named as if it lay in the policy directory and at
 * the host file's path.
 */
int store_list(const struct store *store, const char *policy_dir,
	       const char *host_path, struct input_list *list);

#endif
