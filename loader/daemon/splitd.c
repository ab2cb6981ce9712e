/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * splitd: the order in which things start, and one event loop.
 *
 * The run directory's lock comes first, so that everything after it is done by
 * one instance. The policy is read before the first kernel object is made, so
 * that files nobody can govern by change nothing; READY comes when traffic is
 * governed. Nobody is served before that, so the first policy's parsers are
 * simply waited for; later ones are not (queue.c). Stopping lets go of handles
 * only: programs, maps, rules and routes stay.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/daemon/answers.h"
#include "loader/daemon/check.h"
#include "loader/daemon/control.h"
#include "loader/daemon/daemon.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/isolate.h"
#include "loader/daemon/log.h"
#include "loader/daemon/notify.h"
#include "loader/daemon/probe.h"
#include "loader/daemon/queue.h"
#include "loader/daemon/reload.h"
#include "loader/daemon/removal.h"
#include "loader/daemon/requests.h"
#include "loader/daemon/store.h"
#include "loader/daemon/watch.h"
#include "loader/util/cleanup.h"

/* ---- events ------------------------------------------------------------ */

static void files_changed(void *ctx)
{
	reload_if_news(ctx);
}

static void signal_event(void *ctx, uint32_t events)
{
	struct signalfd_siginfo info;
	struct daemon *daemon = ctx;

	(void)events;
	if (read(daemon->signals.fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload(daemon);
	else
		daemon->stop = true;
}

static void kernel_event(void *ctx, uint32_t events)
{
	struct daemon *daemon = ctx;
	int r = engine_dispatch(daemon->engine);

	(void)events;
	if (r < 0)
		log_line(LOG_ERR, "%s: %s", engine_error(daemon->engine),
			 strerror(-r));
}

static void engine_log(void *ctx, int priority, const char *line)
{
	(void)ctx;
	log_line(priority, "%s", line);
}

/* ---- start ------------------------------------------------------------- */

static int take_signals(struct daemon *daemon)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	/* Whoever ignored it for us would keep the parsers' fate from us. */
	signal(SIGCHLD, SIG_DFL);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	daemon->signals =
		(struct source){ signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
				 signal_event, daemon };
	return daemon->signals.fd < 0 ? -errno : 0;
}

static int fail(const char *what, int r)
{
	log_line(LOG_ERR, "cannot %s: %s", what, strerror(-r));
	return EXIT_FAILED;
}

static int lock(struct daemon *daemon)
{
	const char *run = daemon->options.run;
	pid_t holder = 0;
	int r = instance_open(run, &daemon->instance, &holder);

	if (r == -EBUSY) {
		log_line(LOG_ERR, "%s is in use by another splitd, process %d",
			 run, (int)holder);
		return EXIT_FAILED;
	}
	return r < 0 ? fail("make and lock the run directory", r) : 0;
}

/* Two run directories with the same pins would undo each other's work. */
static const char in_use[] = "%s is in use by another splitd, whose run "
			     "directory is another one";

/* The kernel side; what was in force before this start stays until apply. */
static int start_engine(struct daemon *daemon)
{
	int r = engine_open(&daemon->options.engine, &daemon->engine);

	if (r == -EBUSY) {
		log_line(LOG_ERR, in_use, daemon->options.engine.bpffs);
		return EXIT_FAILED;
	}
	if (r < 0) {
		log_line(LOG_ERR, "cannot govern: %s: %s",
			 daemon->engine ? engine_error(daemon->engine) :
					  "no engine",
			 strerror(-r));
		return EXIT_FAILED;
	}
	engine_set_log(daemon->engine, engine_log, daemon);
	r = instance_record(&daemon->instance, &daemon->options);
	if (r < 0)
		return fail("record the settings", r);

	daemon->kernel = (struct source){ engine_fd(daemon->engine),
					  kernel_event, daemon };
	r = loop_add(daemon->loop, &daemon->kernel, EPOLLIN);
	return r < 0 ? fail("wait for events", r) : 0;
}

/* Before the files are read, so that no change of theirs is missed. */
static int start_events(struct daemon *daemon)
{
	const struct options *options = &daemon->options;
	int r;

	daemon->loop = r = loop_new();
	if (r >= 0)
		r = loop_add(daemon->loop, &daemon->signals, EPOLLIN);
	if (r == 0)
		r = watch_open(options->policy, options->host, daemon->loop,
			       files_changed, daemon, &daemon->watch);
	return r < 0 ? fail("wait for events", r) : 0;
}

static int open_state(struct daemon *daemon)
{
	int r = store_open(daemon->options.state, &daemon->store);

	if (r == 0)
		r = installed_open(daemon->options.state, &daemon->installed);
	if (r < 0)
		return fail("open the state directory", r);
	daemon->answers = answers_open();
	if (!daemon->answers)
		return fail("remember parsers' answers", -ENOMEM);
	r = removal_open(daemon);
	return r < 0 ? fail("remove what is to be gone by now", r) : 0;
}

static int start_policy(struct daemon *daemon)
{
	int r = reload_prepare(daemon);

	if (r < 0)
		return r == -ENOSPC ? EXIT_USAGE : EXIT_FAILED;
	r = start_engine(daemon);
	if (r != 0)
		return r;
	r = queue_open(daemon, &daemon->queue);
	if (r < 0)
		return fail("make a queue", r);
	r = control_open(daemon->options.run, daemon->loop, request_answer,
			 daemon, &daemon->control);
	if (r < 0)
		return fail("make the control socket", r);
	return reload_first(daemon) < 0 ? EXIT_FAILED : 0;
}

static int start(struct daemon *daemon)
{
	int r;

	r = take_signals(daemon);
	if (r < 0)
		return fail("take signals", r);
	r = lock(daemon);
	if (r == 0)
		r = start_events(daemon);
	if (r == 0)
		r = open_state(daemon);
	return r != 0 ? r : start_policy(daemon);
}

static int serve(struct daemon *daemon)
{
	int r = isolate_memory();

	if (r < 0)
		return fail("protect memory", r);
	r = start(daemon);
	if (r != 0)
		return r;
	notify_manager("READY=1\nSTATUS=governing");
	r = loop_run(daemon->loop, &daemon->stop);
	if (r < 0)
		return fail("wait for events", r);
	notify_manager("STOPPING=1");
	log_line(LOG_INFO, "stopped serving; what is in force stays in force");
	return EXIT_SUCCESS;
}

static void stop(struct daemon *daemon)
{
	queue_close(daemon->queue);
	control_close(daemon->control);
	watch_close(daemon->watch);
	engine_close(daemon->engine);
	policy_free(daemon->policy);
	candidate_clear(&daemon->first);
	store_close(daemon->store);
	installed_close(daemon->installed);
	answers_close(daemon->answers);
	alarm_close(&daemon->removal);
	report_clear(&daemon->report);
	cleanup_close(&daemon->loop);
	cleanup_close(&daemon->signals.fd);
	instance_close(&daemon->instance);
}

/* ---- other modes ------------------------------------------------------- */

static int purge(struct daemon *daemon)
{
	_cleanup_close_ int pins = -1;
	int r = lock(daemon);

	if (r != 0)
		return r;
	r = engine_lock(&daemon->options.engine, &pins);
	if (r == -EBUSY) {
		log_line(LOG_ERR, in_use, daemon->options.engine.bpffs);
		return EXIT_FAILED;
	}
	r = engine_purge(&daemon->options.engine);
	if (r < 0)
		return fail("take everything away", r);
	instance_remove(&daemon->instance, daemon->options.run);
	return EXIT_SUCCESS;
}

/* What is installed; a store that cannot be read is none, and that is said. */
static int look_at_store(struct daemon *daemon, struct installed_view *ret_view)
{
	const char *state = daemon->options.state;
	int r = installed_peek(state, &daemon->installed);

	if (r == -EACCES || r == -EPERM) {
		log_line(LOG_WARNING,
			 "cannot look into %s: %s; what is installed is left "
			 "out",
			 state, strerror(-r));
		return 0;
	}
	return r < 0 ? r : installed_view(daemon->installed, ret_view);
}

static int check_all(struct daemon *daemon, struct check *checked,
		     struct input_list *inputs)
{
	_cleanup_(installed_view_clear) struct installed_view view = { 0 };
	const struct options *options = &daemon->options;
	int r;

	r = look_at_store(daemon, &view);
	if (r < 0)
		return r;
	r = inputs_add_dir(inputs, options->policy, INPUT_TRUSTED,
			   &checked->report);
	if (r == 0)
		r = inputs_add_file(inputs, options->host, true, INPUT_TRUSTED,
				    &checked->report);
	if (r < 0 && r != -EBADMSG)
		return r;
	return check_run(checked, inputs, view.index ? &view : NULL);
}

static int check(struct daemon *daemon)
{
	struct input_list inputs = { 0 };
	struct check checked = { 0 };
	int r = check_all(daemon, &checked, &inputs);

	if (r == 0)
		check_print(&checked, stdout);
	else
		fail("check", r);
	r = r == 0 && check_valid(&checked) ? EXIT_SUCCESS : EXIT_FAILED;
	check_clear(&checked);
	inputs_clear(&inputs);
	return r;
}

static int run(struct daemon *daemon)
{
	switch (daemon->options.mode) {
	case MODE_SERVE:
		return serve(daemon);
	case MODE_CHECK:
		return check(daemon);
	case MODE_PURGE:
		return purge(daemon);
	case MODE_PROBE:
		return probe_print(stdout) ? EXIT_FAILED : EXIT_SUCCESS;
	case MODE_SELFTEST:
		fprintf(stderr, "splitd: not in this build\n");
		return EXIT_FAILED;
	}
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct daemon daemon = {
		.instance = { -1, -1 },
		.loop = -1,
		.signals = { .fd = -1 },
		.removal = { .source.fd = -1 },
		.from = INT64_MIN,
		.until = INT64_MAX,
	};
	int r = options_parse(argc, argv, &daemon.options);

	if (r == -EINVAL)
		return EXIT_USAGE;
	if (r < 0) {
		fprintf(stderr, "splitd: %s\n",
			r == -ENOENT ? "no cgroup2 hierarchy is mounted" :
				       strerror(-r));
		return EXIT_FAILED;
	}

	umask(0022);
	r = run(&daemon);
	stop(&daemon);
	options_clear(&daemon.options);
	return r;
}
