/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profiles that end by themselves.
 *
 * An installed one is removed; one in the policy directory, which is not ours
 * to change, is left out of the policy from its date on, and is back when the
 * clock turns out to have been wrong. So whatever is in force holds from some
 * time until another, and beyond either it is made anew.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "loader/daemon/daemon.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/log.h"
#include "loader/daemon/moment.h"
#include "loader/daemon/queue.h"
#include "loader/daemon/reload.h"
#include "loader/daemon/removal.h"
#include "loader/util/cleanup.h"

#define RETRY_SEC 60 /* after a removal that failed */

static void arm(struct daemon *daemon, int64_t at)
{
	int r = alarm_set(&daemon->removal, at);

	if (r < 0)
		log_line(LOG_WARNING, "cannot wait for a removal date: %s",
			 strerror(-r));
}

void removal_arm(struct daemon *daemon)
{
	struct moment now;
	int64_t next;

	moment_now(&now);
	next = installed_next_removal(daemon->installed, &now);
	arm(daemon, daemon->until < next ? daemon->until : next);
}

static bool is_out_of_date(const struct daemon *daemon)
{
	struct moment now;

	moment_now(&now);
	return now.wall < daemon->from || now.wall >= daemon->until;
}

/* What is to be gone is taken out of the view; true if that changed it. */
static bool bring_up_to_date(struct installed_view *view, size_t *ret_expired)
{
	struct moment now;
	bool adjusted;

	moment_now(&now);
	adjusted = installed_adjust(view, &now);
	*ret_expired = installed_expire(view, &now);
	if (*ret_expired)
		log_line(LOG_INFO, "the end of an installed profile has come");
	return adjusted || *ret_expired;
}

static int update_installed(struct daemon *daemon)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	int r = installed_view(daemon->installed, &view);
	const char *error;
	size_t expired;

	if (r < 0 || !bring_up_to_date(&view, &expired))
		return r;
	return expired ? reload_change(daemon, &view, &error) :
			 installed_commit(daemon->installed, &view);
}

/* For the queue. */
static json_t *look_again(struct daemon *daemon, const json_t *request)
{
	int r = update_installed(daemon);
	struct moment now;

	if (is_out_of_date(daemon)) {
		log_line(LOG_INFO, "a removal date has come, or is to come "
				   "again: the clock was set");
		json_decref(reload_answer(daemon, request));
	}
	if (r == 0 && !is_out_of_date(daemon)) {
		removal_arm(daemon);
		return NULL;
	}
	moment_now(&now);
	arm(daemon, now.wall + RETRY_SEC);
	return NULL;
}

static void removal_event(void *ctx)
{
	struct daemon *daemon = ctx;
	struct moment now;

	if (queue_join(daemon->queue, look_again, 0) == 0)
		return;
	moment_now(&now);
	arm(daemon, now.wall + RETRY_SEC);
}

static int remove_old(struct daemon *daemon)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	int r = installed_view(daemon->installed, &view);
	size_t expired;

	if (r < 0 || !bring_up_to_date(&view, &expired))
		return r;
	r = installed_commit(daemon->installed, &view);
	if (r == 0)
		installed_sweep(daemon->installed);
	return r;
}

int removal_open(struct daemon *daemon)
{
	int r = remove_old(daemon);

	if (r == 0)
		r = alarm_open(&daemon->removal, daemon->loop, removal_event,
			       daemon);
	if (r == 0)
		removal_arm(daemon);
	return r;
}
