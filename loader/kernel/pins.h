/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pin directory: where kernel objects are found again. */
#ifndef SPLITD_PINS_H
#define SPLITD_PINS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct pins {
	char root[PATH_MAX - 64];
	char abi[PATH_MAX - 32];    /* maps of this version and layout */
	char memory[PATH_MAX - 32]; /* maps that outlive versions */
	int lock;		    /* on root, as long as we live; -1 before */
	bool fresh; /* nobody was here before: no other version either */
};

/*
 * Makes the directories below root. Where root's parent is /sys/fs/bpf and no
 * BPF file system is mounted there yet, mounts one, as bpftool does.
 * *ret_adopted: maps of this very version were there. -EINVAL: root does not
 * lie on a BPF file system. -EBUSY: another splitd, alive, has root for its
 * own.
 */
int pins_open(struct pins *pins, const char *root, uint32_t abi_layout,
	      uint32_t memory_layout, bool *ret_adopted);

/* The same directories once more, should somebody have removed them. */
int pins_make_dirs(const struct pins *pins);

/* Pins a map, link or program, in the place of what may be pinned there. */
int pins_put(int fd, const char *path);

/*
 * Takes root for this process: *ret_fd is to be kept open. -EBUSY as above; 0
 * and -1 when there is no such directory.
 */
int pins_lock(const char *root, int *ret_fd);
/* The same once more, should root be another directory by now. */
int pins_relock(struct pins *pins);

int pins_link_path(const struct pins *pins, const char *hook,
		   char ret_path[PATH_MAX]);

/*
 * Which interfaces carry our door, and whether we made their clsact qdisc:
 * remembered as pins of the door program, one an interface.
 */
int pins_note_door(const struct pins *pins, int program_fd,
		   unsigned int ifindex, bool made_clsact);
bool pins_made_clsact(const struct pins *pins, unsigned int ifindex);
typedef int (*pins_door_fn)(unsigned int ifindex, bool made_clsact, void *ctx);
int pins_each_door(const char *root, pins_door_fn fn, void *ctx);
void pins_forget_door(const char *root, unsigned int ifindex);

/* Removes maps of other versions, and pins that were never finished. */
int pins_drop_others(const struct pins *pins);

/* Removes everything below root and root itself; a missing one is fine. */
int pins_purge(const char *root);

#endif
