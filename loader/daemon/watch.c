/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices that the policy directory or the host file changed.
 *
 * Two places are watched: the policy directory, and the directory of the host
 * file, which editors and package managers replace by a rename. A place that
 * does not exist yet is stood in for by the nearest directory above it. Every
 * event first sets the watches anew, since the place may have come or gone,
 * and starts the timer unless it runs: a burst of writes is one reload, and a
 * stream of them is one every 200 ms. A place that cannot be watched is tried
 * again every few seconds, and what came of it meanwhile is read then.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "loader/daemon/inputs.h"
#include "loader/daemon/log.h"
#include "loader/daemon/loop.h"
#include "loader/daemon/watch.h"
#include "loader/util/cleanup.h"

#define SETTLE_NSEC (200 * 1000 * 1000)
#define RETRY_SEC   2
#define EVENTS                                                                 \
	(IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM |            \
	 IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct place {
	char *dir;
	const char *only; /* the one name that counts; NULL: all policy files */
	int wd;
	char *next; /* the missing component below what is watched; or NULL */
};

struct watch {
	struct source notify, timer;
	int loop;
	struct place places[2];
	char *host_name;
	bool armed; /* for a reload, not only for another try */
	int error;  /* of the places; 0: all are watched */
	void (*fn)(void *ctx);
	void *ctx;
};

DEFINE_CLEANUP(struct watch *, watch_close);

/* Watches the place, or the nearest directory above it. */
static int set_place(struct watch *watch, struct place *place)
{
	_cleanup_free_ char *dir = strdup(place->dir);
	int wd;

	place->wd = -1;
	free(TAKE_PTR(place->next));
	if (!dir)
		return -ENOMEM;

	/* Bounded by the path's components. */
	while ((wd = inotify_add_watch(watch->notify.fd, *dir ? dir : "/",
				       EVENTS)) < 0) {
		char *slash = strrchr(dir, '/');

		if ((errno != ENOENT && errno != ENOTDIR) || !slash)
			return -errno;
		free(place->next);
		place->next = strdup(slash + 1);
		if (!place->next)
			return -ENOMEM;
		*slash = '\0';
	}
	place->wd = wd;
	return 0;
}

static void set_places(struct watch *watch)
{
	int error = 0;

	for (size_t i = 0; i < 2; i++) {
		struct place *place = &watch->places[i];
		int r = set_place(watch, place);

		if (r == 0)
			continue;
		error = r;
		if (!watch->error)
			log_line(LOG_WARNING,
				 "cannot watch %s: %s; trying again, meanwhile "
				 "changes wait for a reload",
				 place->dir, strerror(-r));
	}
	if (watch->error && !error)
		log_line(LOG_INFO, "policy directory and host file are "
				   "watched again");
	watch->error = error;
}

static bool counts(const struct place *place, const struct inotify_event *event)
{
	const char *name = event->len ? event->name : "";

	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (event->wd != place->wd)
		return false;
	if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED))
		return true;
	if (place->next)
		return !strcmp(name, place->next);
	/* The directory's own mode may have changed. */
	if (!*name)
		return true;
	return place->only ? !strcmp(name, place->only) :
			     input_name_counts(name);
}

static bool any_counts(const struct watch *watch, const char *buf, size_t len)
{
	size_t at = 0;

	while (at + sizeof(struct inotify_event) <= len) {
		const struct inotify_event *event = (const void *)(buf + at);

		if (counts(&watch->places[0], event) ||
		    counts(&watch->places[1], event))
			return true;
		at += sizeof(*event) + event->len;
	}
	return false;
}

static void start_timer(struct watch *watch)
{
	const struct itimerspec in = { .it_value.tv_nsec = SETTLE_NSEC };

	if (!watch->armed)
		watch->armed = !timerfd_settime(watch->timer.fd, 0, &in, NULL);
}

static void start_retry(struct watch *watch)
{
	const struct itimerspec in = { .it_value.tv_sec = RETRY_SEC };

	(void)timerfd_settime(watch->timer.fd, 0, &in, NULL);
}

static void notify_event(void *ctx, uint32_t events)
{
	char buf[4096] __attribute__((aligned(8)));
	struct watch *watch = ctx;
	ssize_t n = read(watch->notify.fd, buf, sizeof(buf));

	(void)events;
	if (n <= 0 || !any_counts(watch, buf, (size_t)n))
		return;
	set_places(watch);
	start_timer(watch);
}

static void timer_event(void *ctx, uint32_t events)
{
	struct watch *watch = ctx;
	bool changed = watch->armed;
	uint64_t n;

	(void)events;
	if (read(watch->timer.fd, &n, sizeof(n)) != sizeof(n))
		return;
	watch->armed = false;
	/* What came into being while the watches were set. */
	set_places(watch);
	if (watch->error)
		start_retry(watch);
	if (changed || !watch->error)
		watch->fn(watch->ctx);
}

bool watch_is_blind(const struct watch *watch)
{
	return watch->error != 0;
}

static int set_up(struct watch *watch, const char *policy_dir,
		  const char *host_path)
{
	char *slash;
	int r;

	watch->places[0].dir = strdup(policy_dir);
	watch->places[1].dir = strdup(host_path);
	if (!watch->places[0].dir || !watch->places[1].dir)
		return -ENOMEM;
	slash = strrchr(watch->places[1].dir, '/');
	watch->host_name = strdup(slash + 1);
	if (!watch->host_name)
		return -ENOMEM;
	*slash = '\0';
	watch->places[1].only = watch->host_name;

	watch->notify.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	watch->timer.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (watch->notify.fd < 0 || watch->timer.fd < 0)
		return -errno;
	r = set_place(watch, &watch->places[0]);
	if (r == 0)
		r = set_place(watch, &watch->places[1]);
	if (r == 0)
		r = loop_add(watch->loop, &watch->notify, EPOLLIN);
	if (r == 0)
		r = loop_add(watch->loop, &watch->timer, EPOLLIN);
	return r;
}

int watch_open(const char *policy_dir, const char *host_path, int loop,
	       void (*fn)(void *ctx), void *ctx, struct watch **ret_watch)
{
	_cleanup_(watch_close_p) struct watch *watch = NULL;
	int r;

	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->notify = (struct source){ -1, notify_event, watch };
	watch->timer = (struct source){ -1, timer_event, watch };
	watch->loop = loop;
	watch->fn = fn;
	watch->ctx = ctx;

	r = set_up(watch, policy_dir, host_path);
	if (r < 0)
		return r;
	*ret_watch = TAKE_PTR(watch);
	return 0;
}

void watch_close(struct watch *watch)
{
	if (!watch)
		return;
	cleanup_close(&watch->notify.fd);
	cleanup_close(&watch->timer.fd);
	for (size_t i = 0; i < 2; i++) {
		free(watch->places[i].dir);
		free(watch->places[i].next);
	}
	free(watch->host_name);
	free(watch);
}
