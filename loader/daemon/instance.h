/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One instance per run directory, and what it was started with. */
#ifndef SPLITD_INSTANCE_H
#define SPLITD_INSTANCE_H

#include <sys/types.h>

struct options;

struct instance {
	int dir;  /* the run directory */
	int lock; /* held as long as it is open */
};

/*
 * Makes the run directory and locks it. -EBUSY when another instance holds it;
 * *ret_holder is then its process id.
 */
int instance_open(const char *run, struct instance *ret_instance,
		  pid_t *ret_holder);

/* Writes settings.json, from which `splitctl purge` starts `splitd --purge`. */
int instance_record(const struct instance *instance,
		    const struct options *options);

/* Removes our files and, when it is empty then, the run directory. */
void instance_remove(struct instance *instance, const char *run);

/* Lets go of the lock; the files stay. */
void instance_close(struct instance *instance);

#endif
