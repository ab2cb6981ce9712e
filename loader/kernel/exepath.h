/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's key of an executable: directory and name. */
#ifndef SPLITD_EXEPATH_H
#define SPLITD_EXEPATH_H

#include <stdbool.h>

#include "bpf/abi.h"

/*
 * Follows symbolic links as exec would; *ret_linked: there were some. An
 * executable that does not exist has a key as long as its directory does.
 * -ENOENT: not even that; -ENAMETOOLONG: the name does not fit the key.
 */
int exepath_key(const char *path, struct sp_exe_key *ret_key, bool *ret_linked);

#endif
