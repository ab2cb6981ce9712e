/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ownership made visible: cleanup attributes and taking over. */
#ifndef SPLITD_POLICY_CLEANUP_H
#define SPLITD_POLICY_CLEANUP_H

#include <stdlib.h>

#ifndef _cleanup_
#define _cleanup_(func) __attribute__((cleanup(func)))
#endif

#ifndef TAKE_PTR
#define TAKE_PTR(ptr)                                                          \
	({                                                                     \
		__auto_type _t = (ptr);                                        \
		(ptr) = NULL;                                                  \
		_t;                                                            \
	})
#endif

#define POLICY_CLEANUP(type, func)                                             \
	static inline void policy_##func##_p(type **p)                         \
	{                                                                      \
		func(*p);                                                      \
	}

static inline void policy_free_p(void *p)
{
	free(*(void **)p);
}

#ifndef _cleanup_free_
#define _cleanup_free_ _cleanup_(policy_free_p)
#endif

#endif
