/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * splitctl purge: stops a running daemon, then has the splitd beside this
 * program take everything away, with the settings the instance recorded.
 *
 * The daemon is found by the run directory's lock rather than by its socket,
 * so one that no longer answers is stopped as well. Rules and routes belong to
 * a network namespace: a live daemon's is entered, a dead one's has to be ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loader/ctl/commands.h"
#include "loader/util/cleanup.h"
#include "loader/util/path.h"

#define TERM_MS 10000 /* for a reload under way to end */
#define KILL_MS 5000

/* ---- the running daemon ------------------------------------------------ */

/* Who holds the run directory's lock; 0: nobody. */
static pid_t lock_holder(const char *run)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (path_join(run, "lock", &path) < 0)
		return 0;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

static int signal_and_wait(int pidfd, int sig, int ms)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0)
		return errno == ESRCH ? 0 : -errno;
	return poll(&poll_fd, 1, ms) == 1 ? 0 : -ETIMEDOUT;
}

static int enter_netns(pid_t pid)
{
	_cleanup_close_ int fd = -1;
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &theirs) < 0 ||
	    stat("/proc/self/ns/net", &ours) < 0)
		return -errno;
	if (ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)
		return 0;
	return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

/* 1: a daemon was stopped; 0: there was none. */
static int stop_daemon(const char *run)
{
	_cleanup_close_ int pidfd = -1;
	pid_t pid = lock_holder(run);
	int r;

	if (pid <= 0)
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return errno == ESRCH ? 0 : -errno;
	/* The number may have passed on before we had the descriptor. */
	if (lock_holder(run) != pid)
		return 0;

	r = enter_netns(pid);
	if (r < 0)
		return r;
	r = signal_and_wait(pidfd, SIGTERM, TERM_MS);
	if (r == -ETIMEDOUT)
		r = signal_and_wait(pidfd, SIGKILL, KILL_MS);
	return r < 0 ? r : 1;
}

/* ---- its settings ------------------------------------------------------ */

static bool other_netns(const json_t *settings)
{
	const char *netns =
		json_string_value(json_object_get(settings, "netns"));
	struct stat ours;
	char text[32];

	if (!netns || stat("/proc/self/ns/net", &ours) < 0)
		return false;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)ours.st_ino);
	return strcmp(text, netns) != 0;
}

/* NULL: there are none; *ret_error is set when that cannot be overcome. */
static json_t *read_settings(const char *run, bool *ret_error)
{
	_cleanup_free_ char *path = NULL;
	json_t *settings = NULL;
	bool missing;

	*ret_error = true;
	if (path_join(run, "settings.json", &path) < 0)
		return NULL;
	missing = access(path, F_OK) < 0 && errno == ENOENT;
	if (!missing) {
		settings = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
		if (!settings)
			complain("cannot read %s", path);
		*ret_error = !settings;
		return settings;
	}
	if (strcmp(run, DEFAULT_RUN)) {
		complain("no settings are recorded in %s; run `splitd --purge' "
			 "with the options the instance had",
			 run);
		return NULL;
	}
	*ret_error = false;
	return NULL;
}

struct arguments {
	char *argv[24];
	int n;
};

static void arguments_clear(struct arguments *arguments)
{
	for (int i = 0; i < arguments->n; i++)
		free(arguments->argv[i]);
}

/* "--name=value"; a value that is not recorded is left to the default. */
static int add(struct arguments *arguments, const char *name,
	       const json_t *value)
{
	char *arg = NULL;
	int n = 0;

	if (json_is_string(value))
		n = asprintf(&arg, "--%s=%s", name, json_string_value(value));
	else if (json_is_integer(value))
		n = asprintf(&arg, "--%s=%lld", name,
			     (long long)json_integer_value(value));
	if (n < 0)
		return -ENOMEM;
	if (arg)
		arguments->argv[arguments->n++] = arg;
	return 0;
}

static int add_settings(struct arguments *arguments, const json_t *settings)
{
	static const struct {
		const char *option, *key;
	} table[] = {
		{ "policy", "policy" },
		{ "host", "host" },
		{ "state", "state" },
		{ "cgroup", "cgroup" },
		{ "bpffs", "bpffs" },
		{ "mark", "mark" },
		{ "table-base", "table_base" },
		{ "rule-priority", "rule_priority" },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table) && r == 0; i++)
		r = add(arguments, table[i].option,
			json_object_get(settings, table[i].key));
	return r;
}

/* DIR/splitd, where DIR is this program's directory; free(). */
static char *splitd_beside(void)
{
	char self[PATH_MAX], *slash, *path;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return path_join(*self ? self : "/", "splitd", &path) < 0 ? NULL : path;
}

/* Does not return when all is well. */
static int run_splitd(const char *run, const json_t *settings)
{
	_cleanup_(arguments_clear) struct arguments arguments = { 0 };
	json_t *run_text = json_string(run);
	char *splitd = splitd_beside();
	int r;

	if (!splitd || !run_text)
		return -ENOMEM;
	arguments.argv[arguments.n++] = splitd;
	arguments.argv[arguments.n] = strdup("--purge");
	if (!arguments.argv[arguments.n++])
		return -ENOMEM;
	r = add(&arguments, "run", run_text);
	json_decref(run_text);
	if (r == 0)
		r = add_settings(&arguments, settings);
	if (r < 0)
		return r;

	execv(splitd, arguments.argv);
	r = -errno;
	complain("cannot run %s: %s", splitd, strerror(-r));
	return r;
}

static int purge(const char *run)
{
	json_t *settings;
	bool error;
	int r;

	settings = read_settings(run, &error);
	if (error)
		return EXIT_FAILED;
	r = stop_daemon(run);
	if (r < 0) {
		complain("cannot stop the daemon of %s: %s", run, strerror(-r));
	} else if (other_netns(settings)) {
		complain("the instance ran in another network namespace; "
			 "run purge in there, its rules and routes are not "
			 "here");
		r = -EXDEV;
	} else {
		r = run_splitd(run, settings);
	}
	json_decref(settings);
	return r < 0 ? EXIT_FAILED : EXIT_SUCCESS;
}

int cmd_purge(int argc, char **argv)
{
	const char *run = DEFAULT_RUN;
	const struct option_spec specs[] = {
		{ "run", &run, NULL },
		{ 0 },
	};
	_cleanup_free_ char *resolved = NULL;
	int n = parse_options(argc, argv, specs);

	if (n < 0)
		return EXIT_USAGE;
	if (n > 0)
		return usage(argv[0]);
	if (path_resolve(run, &resolved) < 0)
		return usage(argv[0]);
	return purge(resolved);
}
