/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ownership made visible: what a declaration releases at the end of scope. */
#ifndef SPLITD_TESTS_CLEANUP_H
#define SPLITD_TESTS_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void close_fdp(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define _cleanup_close_	 __attribute__((cleanup(close_fdp)))
#define _cleanup_free_	 __attribute__((cleanup(freep)))
#define _cleanup_fclose_ __attribute__((cleanup(fclosep)))

#define TAKE_FD(fd)                                                            \
	({                                                                     \
		int taken_ = (fd);                                             \
		(fd) = -1;                                                     \
		taken_;                                                        \
	})

#endif
