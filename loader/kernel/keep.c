// SPDX-License-Identifier: GPL-2.0-or-later
/* Notices what others take away of ours, and says when to look again. */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bpf/abi.h"
#include "loader/kernel/keep.h"
#include "loader/kernel/pins.h"
#include "loader/util/cleanup.h"

/*
 * A pin holds a link or a map for the time after us, and only then: while we
 * live, our descriptors hold it as well, so that a pin that was deleted can be
 * made again before anything is lost. A BPF file system tells inotify of names
 * that come and go. It is not told of a link that is detached or given another
 * program in place (BPF_LINK_DETACH, BPF_LINK_UPDATE): nothing in the kernel
 * tells anybody, so these are looked at whenever we are awake, and else once in
 * TICK_MS.
 */

#define TICK_MS	 5000
#define FIRST_MS 50 /* after a failure; then twice as long each time */
#define EVENTS                                                                 \
	(IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM |                 \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_ONLYDIR)

struct keep {
	int inotify;
	int timer;
	long wait_ms;
	/* interfaces whose clsact we made, as it was last on record */
	unsigned int clsacts[SP_MAX_TUNNELS + 1];
	size_t n_clsacts;
};

int keep_open(struct keep **ret_keep)
{
	struct keep *keep = calloc(1, sizeof(*keep));

	if (!keep)
		return -ENOMEM;
	keep->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	keep->timer =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (keep->inotify < 0 || keep->timer < 0) {
		int r = -errno;

		keep_close(keep);
		return r;
	}
	*ret_keep = keep;

	return 0;
}

void keep_close(struct keep *keep)
{
	if (!keep)
		return;
	cleanup_close(&keep->inotify);
	cleanup_close(&keep->timer);
	free(keep);
}

int keep_pins_fd(const struct keep *keep)
{
	return keep->inotify;
}

int keep_timer_fd(const struct keep *keep)
{
	return keep->timer;
}

bool keep_drain(struct keep *keep)
{
	bool pins = false;
	char buf[4096];

	while (read(keep->inotify, buf, sizeof(buf)) > 0)
		pins = true;
	while (read(keep->timer, buf, sizeof(uint64_t)) > 0)
		;

	return pins;
}

void keep_look_again(struct keep *keep, bool failed)
{
	struct itimerspec in = { 0 };

	if (!failed)
		keep->wait_ms = TICK_MS;
	else if (!keep->wait_ms || keep->wait_ms == TICK_MS)
		keep->wait_ms = FIRST_MS;
	else
		keep->wait_ms = 2 * keep->wait_ms < TICK_MS ?
					2 * keep->wait_ms :
					TICK_MS - 1;
	in.it_value.tv_sec = keep->wait_ms / 1000;
	in.it_value.tv_nsec = keep->wait_ms % 1000 * 1000000;
	(void)timerfd_settime(keep->timer, 0, &in, NULL);
}

/* ---- pins -------------------------------------------------------------- */

/* Infos of maps, links and programs begin with their type and id. */
static bool is_pinned(int fd, const char *path)
{
	_cleanup_close_ int pinned = bpf_obj_get(path);
	uint32_t ours[64] = { 0 }, theirs[64] = { 0 };
	uint32_t size = sizeof(ours), size_theirs = sizeof(theirs);

	return pinned >= 0 && !bpf_obj_get_info_by_fd(fd, ours, &size) &&
	       !bpf_obj_get_info_by_fd(pinned, theirs, &size_theirs) &&
	       ours[0] == theirs[0] && ours[1] == theirs[1];
}

static int pin_again(int fd, const char *path, size_t *n)
{
	int r;

	if (is_pinned(fd, path))
		return 0;
	r = pins_put(fd, path);
	*n += !r;

	return r;
}

static int pin_maps(const struct attach *attach, size_t *n)
{
	char path[PATH_MAX];
	int r = 0;

	for (int id = 0; !r && id < MAP_MAX; id++) {
		r = attach_map_path(attach, (enum map_id)id, path);
		if (!r)
			r = pin_again(attach_map(attach, (enum map_id)id), path,
				      n);
	}

	return r;
}

static int pin_links(const struct attach *attach, size_t *n)
{
	struct hook_seen hook;
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; !r && attach_hook_at(attach, i, 0, &hook); i++) {
		if (hook.link < 0)
			continue;
		r = pins_link_path(attach_pins(attach), hook.name, path);
		if (!r)
			r = pin_again(hook.link, path, n);
	}

	return r;
}

static int note_clsact(unsigned int ifindex, bool made_clsact, void *ctx)
{
	struct keep *keep = ctx;

	if (made_clsact && keep->n_clsacts <= SP_MAX_TUNNELS)
		keep->clsacts[keep->n_clsacts++] = ifindex;

	return 0;
}

int keep_doors(struct keep *keep, const struct attach *attach)
{
	keep->n_clsacts = 0;

	return pins_each_door(attach_pins(attach)->root, note_clsact, keep);
}

int keep_clsact(const struct keep *keep, const struct attach *attach,
		unsigned int ifindex)
{
	for (size_t i = 0; i < keep->n_clsacts; i++)
		if (keep->clsacts[i] == ifindex)
			return pins_note_door(attach_pins(attach),
					      attach_door_program(attach),
					      ifindex, true);

	return 0;
}

static int watch(const struct keep *keep, const struct attach *attach)
{
	static const char *const below[] = { "", "/links", "/doors" };
	const struct pins *pins = attach_pins(attach);
	const char *paths[] = { pins->abi, pins->memory };
	char path[PATH_MAX];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", pins->root, below[i]);
		if (inotify_add_watch(keep->inotify, path, EVENTS) < 0)
			return -errno;
	}
	for (size_t i = 0; i < 2; i++)
		if (inotify_add_watch(keep->inotify, paths[i], EVENTS) < 0)
			return -errno;

	return 0;
}

int keep_pins(struct keep *keep, const struct attach *attach, size_t *ret_n)
{
	size_t n = 0;
	int r, s;

	r = pins_make_dirs(attach_pins(attach));
	/* before the look, so that nothing falls between */
	if (!r)
		r = watch(keep, attach);
	if (r)
		return r;
	r = pin_maps(attach, &n);
	s = pin_links(attach, &n);
	*ret_n = n;

	return r ? r : s;
}

/* ---- hooks ------------------------------------------------------------- */

const char *keep_lost_hook(const struct attach *attach, uint64_t cgroup_id)
{
	struct hook_seen hook;

	for (size_t i = 0; attach_hook_at(attach, i, cgroup_id, &hook); i++)
		if (hook.link >= 0 && !hook.in_force)
			return hook.name;

	return NULL;
}
