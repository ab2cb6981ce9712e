/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ownership made visible: released when the variable goes out of scope. */
#ifndef SPLITD_CLEANUP_H
#define SPLITD_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* f gets a pointer to the variable. */
#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **stream)
{
	if (*stream)
		fclose(*stream);
}

static inline void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define _cleanup_free_	   _cleanup_(cleanup_free)
#define _cleanup_close_	   _cleanup_(cleanup_close)
#define _cleanup_fclose_   _cleanup_(cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)

/* Hands the value on: the variable no longer owns it. */
#define TAKE_PTR(pointer)                                                      \
	({                                                                     \
		__typeof__(pointer) taken_ = (pointer);                        \
		(pointer) = NULL;                                              \
		taken_;                                                        \
	})

#define TAKE_FD(fd)                                                            \
	({                                                                     \
		int taken_ = (fd);                                             \
		(fd) = -1;                                                     \
		taken_;                                                        \
	})

/* Makes name_p(), for _cleanup_(name_p), out of a name(type *) that frees. */
#define DEFINE_CLEANUP(type, name)                                             \
	static inline void name##_p(type *pointer)                             \
	{                                                                      \
		if (*pointer)                                                  \
			name(*pointer);                                        \
	}                                                                      \
	struct cleanup_semicolon_

#endif
