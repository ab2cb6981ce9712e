/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Profiles that end by themselves. */
#ifndef SPLITD_REMOVAL_H
#define SPLITD_REMOVAL_H

struct daemon;

/*
 * Removes what is to be gone by now, before a policy is made of it, and waits
 * for the next. Before the first reload.
 */
int removal_open(struct daemon *daemon);

/* To be called whenever what is installed or in force has changed. */
void removal_arm(struct daemon *daemon);

#endif
