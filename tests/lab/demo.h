/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the demo's apps do. */
#ifndef SPLITD_TESTS_DEMO_H
#define SPLITD_TESTS_DEMO_H

#include <stdbool.h>

struct manner {
	const char *name;
	int type;
	int protocol;
	bool handed;	/* the other app opened the socket (SCM_RIGHTS) */
	bool by_uplink; /* bound to the uplink's device */
};

/* Indices of manners. */
enum {
	MANNER_TCP,
	MANNER_UDP,
	MANNER_PING,
	MANNER_TCP_HANDED,
	MANNER_UDP_HANDED,
	MANNER_PING_UPLINK,
	N_MANNERS
};

extern const struct manner manners[];

/* An app waits so long for one thing, and never for more than three. */
#define DEMO_WAIT_MS 500

#endif
