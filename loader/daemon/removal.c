/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Installed profiles that end by themselves.
 *
 * The dates are of the wall clock, so the timer is, too; when the clock is set,
 * the kernel tells, and everything is looked at again.
 */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "loader/daemon/daemon.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/log.h"
#include "loader/daemon/queue.h"
#include "loader/daemon/reload.h"
#include "loader/daemon/removal.h"
#include "loader/util/cleanup.h"

#define RETRY_SEC 60 /* after a removal that failed */

static void arm(struct daemon *daemon, int64_t at)
{
	struct itimerspec when = { .it_value.tv_sec = at };

	/* 0 would disarm; any time that has passed fires at once. */
	if (at < 1)
		when.it_value.tv_sec = 1;
	if (at == INT64_MAX)
		when.it_value.tv_sec = 0;
	if (timerfd_settime(daemon->removal.fd,
			    TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when,
			    NULL) < 0)
		log_line(LOG_WARNING, "cannot wait for a removal date: %s",
			 strerror(errno));
}

void removal_arm(struct daemon *daemon)
{
	arm(daemon, installed_next_removal(daemon->installed));
}

static json_t *remove_expired(struct daemon *daemon, const json_t *request)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	int64_t now = time(NULL);
	const char *error;
	int r = 0;

	(void)request;
	if (installed_view(daemon->installed, &view) == 0 &&
	    installed_expire(&view, now) > 0) {
		log_line(LOG_INFO, "a profile's removal date has come");
		r = reload_change(daemon, &view, &error);
	}
	if (r < 0)
		arm(daemon, now + RETRY_SEC);
	else
		removal_arm(daemon);
	return NULL;
}

static void removal_event(void *ctx, uint32_t events)
{
	struct daemon *daemon = ctx;
	uint64_t count;

	(void)events;
	/* ECANCELED: the clock was set. */
	if (read(daemon->removal.fd, &count, sizeof(count)) < 0 &&
	    errno == EAGAIN)
		return;
	if (queue_join(daemon->queue, remove_expired, 0) < 0)
		arm(daemon, time(NULL) + RETRY_SEC);
}

static int remove_old(struct daemon *daemon)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	int r = installed_view(daemon->installed, &view);

	if (r < 0 || installed_expire(&view, time(NULL)) == 0)
		return r;
	log_line(LOG_INFO, "a profile's removal date has come");
	r = installed_commit(daemon->installed, &view);
	if (r == 0)
		installed_sweep(daemon->installed);
	return r;
}

int removal_open(struct daemon *daemon)
{
	int r = remove_old(daemon);

	if (r < 0)
		return r;
	daemon->removal = (struct source){
		timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK),
		removal_event, daemon
	};
	if (daemon->removal.fd < 0)
		return -errno;
	removal_arm(daemon);
	return loop_add(daemon->loop, &daemon->removal, EPOLLIN);
}
