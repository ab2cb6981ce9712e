/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notices what others take away of ours, and says when to look again. */
#ifndef SPLITD_KEEP_H
#define SPLITD_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/kernel/attach.h"

struct keep;

int keep_open(struct keep **ret_keep);
void keep_close(struct keep *keep);

/* Becomes readable when a pin has come or gone. */
int keep_pins_fd(const struct keep *keep);
/* Becomes readable when it is time to look, see keep_look_again(). */
int keep_timer_fd(const struct keep *keep);
/* Reads both empty; true: a pin had come or gone. */
bool keep_drain(struct keep *keep);

/*
 * Pins again whatever of ours is not pinned any more, from the descriptors
 * that attach holds, and watches the directories. *ret_n: how many; set also
 * on failure.
 */
int keep_pins(struct keep *keep, const struct attach *attach, size_t *ret_n);

/*
 * Doors are no links: their pins say only which interfaces have one, and that
 * the clsact there is ours to remove. keep_doors() remembers that, and
 * keep_clsact() puts it back on record.
 */
int keep_doors(struct keep *keep, const struct attach *attach);
int keep_clsact(const struct keep *keep, const struct attach *attach,
		unsigned int ifindex);

/* The first hook whose link was taken off or given another program; NULL. */
const char *keep_lost_hook(const struct attach *attach, uint64_t cgroup_id);

/*
 * The next look: soon after a failure, later after each further one, and once
 * in a while when all is well.
 */
void keep_look_again(struct keep *keep, bool failed);

#endif
