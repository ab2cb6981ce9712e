/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The running daemon: what its event handlers share. */
#ifndef SPLITD_DAEMON_H
#define SPLITD_DAEMON_H

#include <stdbool.h>

#include "loader/daemon/alarm.h"
#include "loader/daemon/candidate.h"
#include "loader/daemon/instance.h"
#include "loader/daemon/loop.h"
#include "loader/daemon/options.h"
#include "policy/read/report.h"

struct answers;
struct control;
struct installed;
struct policy;
struct queue;
struct store;
struct watch;

struct daemon {
	struct options options;
	struct instance instance;
	struct store *store;
	struct installed *installed;
	struct answers *answers;
	struct engine *engine;
	struct candidate first; /* until it is in force */
	struct policy *policy;	/* in force; the engine refers to it */
	bool had_dir, had_host; /* what it was made of */
	int64_t from, until;	/* of it, by the wall clock */
	unsigned char digest[INPUTS_DIGEST]; /* of its files ... */
	bool complete;	      /* ... all of which were good, and read last */
	struct report report; /* of the last reload */
	int loop;
	struct source signals, kernel;
	struct alarm removal;
	struct queue *queue;
	struct control *control;
	struct watch *watch;
	bool stop;
};

#endif
