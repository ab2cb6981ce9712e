/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is there a clsact qdisc on an interface, and anything on it? */
#ifndef SPLITD_CLSACT_H
#define SPLITD_CLSACT_H

enum clsact {
	CLSACT_NONE,
	CLSACT_EMPTY, /* no filter in either direction */
	CLSACT_USED,
	CLSACT_INGRESS, /* an ingress qdisc in its place, without an egress */
};

/* An enum clsact, or a negative errno. */
int clsact_look(unsigned int ifindex);

#endif
