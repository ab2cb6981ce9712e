/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The door: our filter on a tunnel's clsact egress. */
#ifndef SPLITD_DOOR_H
#define SPLITD_DOOR_H

#include "loader/kernel/pins.h"

/*
 * Puts the program there, or in the place of an earlier one of ours. -EBUSY: an
 * ingress qdisc has the place of a clsact, and there can be no door.
 */
int door_attach(const struct pins *pins, int program, unsigned int ifindex);

/* Is our filter on this interface? */
bool door_is_there(unsigned int ifindex);

/* Takes it away, and the clsact qdisc if it was us who made that. */
void door_remove(const struct pins *pins, unsigned int ifindex);

/* The same of every door on record below the pin directory. */
int door_purge(const char *root);

#endif
