/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: two daemons at once. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define SECOND_MS 20000

/* Where the second differs from the first. */
struct second {
	bool run, bpffs, all; /* all: a separate instance */
	const char *mode;     /* NULL: to serve */
};

static void second_log(const struct lab *lab)
{
	char path[LAB_PATH + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/second.log", lab->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd >= 0)
		dup2(fd, STDERR_FILENO);
}

/* A separate one lives in another namespace and governs another cgroup. */
static pid_t second_fork(const struct life *life, const struct second *second)
{
	const struct lab *lab = life->lab;
	char policy[LAB_PATH + 32], state[LAB_PATH + 32], run[LAB_PATH + 32];
	char host[LAB_PATH + 32], bpffs[LAB_PATH + 32], cgroup[LAB_PATH + 32];
	char *argv[] = { (char *)lab->daemon.path,
			 "--policy",
			 policy,
			 "--state",
			 state,
			 "--run",
			 run,
			 "--host",
			 host,
			 "--bpffs",
			 bpffs,
			 "--cgroup",
			 cgroup,
			 second->all ? "--mark" : NULL,
			 "0x00010000/0x00ff0000",
			 "--table-base",
			 "61000",
			 "--rule-priority",
			 "6100",
			 (char *)second->mode,
			 NULL };
	pid_t pid;

	if (!second->all)
		argv[13] = (char *)second->mode;
	if (!second->all)
		argv[14] = NULL;
	snprintf(policy, sizeof(policy), "%s/policy", lab->dir);
	snprintf(state, sizeof(state), "%s/state2", lab->dir);
	snprintf(run, sizeof(run), "%s/run%s", lab->dir,
		 second->run || second->all ? "2" : "");
	snprintf(host, sizeof(host), "%s/host%s.plist", lab->dir,
		 second->all ? "2" : "");
	snprintf(bpffs, sizeof(bpffs), "%s%s", lab->bpffs,
		 second->bpffs || second->all ? "-2" : "");
	snprintf(cgroup, sizeof(cgroup), "%s%s", lab->cgroup,
		 second->all ? "/apps/unlisted" : "");
	pid = proc_fork(lab, -1, second->all ? NS_UPLINK : NS_CLIENT);
	if (pid != 0)
		return pid;
	second_log(lab);
	close(TRIAL_FD);
	execv(argv[0], argv);
	_exit(127);
}

static bool second_says(const struct life *life, const char *words)
{
	char path[LAB_PATH + 32], text[4096] = "";
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "%s/second.log", life->lab->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0 &&
	       strstr(text, words);
}

/* ---- refused ----------------------------------------------------------- */

static int refused(struct life *life, const struct second *second)
{
	pid_t pid = second_fork(life, second);
	int r = pid < 0 ? (int)pid : proc_wait(pid, fault_ms(life, SECOND_MS));

	if (r != 1)
		return life_no(life, "the second%s%s%s ends with %d",
			       second->run ? ", other run directory" : "",
			       second->bpffs ? ", other pins" : "",
			       second->mode ? ", purging" : "", r);
	if (!second_says(life, "is in use by another splitd"))
		return life_no(life, "it does not say why");
	return 0;
}

/* Same run directory, or same pins: no start and no purge, nothing touched. */
static int two_refused(struct life *life)
{
	static const struct second seconds[] = {
		{ 0 },
		{ .bpffs = true },
		{ .run = true },
		{ .mode = "--purge" },
		{ .run = true, .mode = "--purge" },
	};
	_cleanup_free_ char *before = NULL;
	struct traffic traffic;
	int r = traffic_control(life);

	if (r >= 0 && daemon_start(life->lab) < 0)
		r = life_no(life, "splitd does not start");
	before = look_take(life);
	if (r >= 0)
		r = traffic_start(life, &traffic);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds) && r >= 0;
	     i++)
		r = refused(life, &seconds[i]);
	if (r >= 0)
		r = look_same(life, before, "refused");
	if (r < 0) {
		traffic_drop(&traffic);
		return r;
	}
	r = traffic_end(&traffic, 200, NULL);
	return r < 0 ? r : life_governed(life);
}

/* ---- separate ---------------------------------------------------------- */

/* An app of its own, by an executable that nobody runs. */
static int second_host(const struct life *life)
{
	char path[LAB_PATH + 32], text[1024];

	snprintf(path, sizeof(path), "%s/host2.plist", life->lab->dir);
	snprintf(text, sizeof(text),
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		 "<plist version=\"1.0\"><dict><key>Apps</key><dict>"
		 "<key>com.example.listed</key><array><string>exe:%s/bin/plain"
		 "</string></array></dict></dict></plist>\n",
		 life->lab->dir);
	return write_file(path, text);
}

static bool is_pinned(const struct life *life)
{
	char path[LAB_PATH + 64];

	snprintf(path, sizeof(path), "%s-2/links/egress", life->lab->bpffs);
	return access(path, F_OK) == 0;
}

static int second_governs(struct life *life)
{
	int64_t end = now_ms() + fault_ms(life, SECOND_MS);

	while (!second_says(life, "governing: ") || !is_pinned(life))
		if (now_ms() > end)
			return life_no(life, "the second does not govern");
	return 0;
}

/* Started, killed, purged beside the first, which does not notice. */
static int second_life(struct life *life, const char *before)
{
	const struct second serving = { .all = true };
	const struct second purging = { .all = true, .mode = "--purge" };
	pid_t pid = second_fork(life, &serving);
	int r = pid < 0 ? (int)pid : second_governs(life);

	if (pid > 0) {
		kill(pid, SIGKILL);
		proc_wait(pid, 5000);
	}
	if (r >= 0)
		r = look_same(life, before, "beside another");
	pid = second_fork(life, &purging);
	if (pid < 0 || proc_wait(pid, fault_ms(life, SECOND_MS)) != 0)
		return life_no(life, "the second cannot be purged");
	return r < 0 ? r : look_same(life, before, "after another");
}

static int two_separate(struct life *life)
{
	_cleanup_free_ char *before = NULL;
	struct traffic traffic;
	int r = traffic_control(life);

	if (r >= 0 && daemon_start(life->lab) < 0)
		r = life_no(life, "splitd does not start");
	before = look_take(life);
	if (r >= 0)
		r = second_host(life);
	if (r >= 0)
		r = traffic_start(life, &traffic);
	if (r < 0)
		return life_no(life, "cannot begin: %d", r);
	r = second_life(life, before);
	if (r < 0) {
		traffic_drop(&traffic);
		return r;
	}
	r = traffic_end(&traffic, 200, NULL);
	return r < 0 ? r : life_governed(life);
}

/* The lock goes with its directory: with the new one it must come again. */
static int two_relocked(struct life *life)
{
	static const struct second second = { .run = true };
	unsigned told = log_count(life, "pinned again");
	int r;

	/* stopped: else it fills the directory again before it is gone */
	kill(life->lab->daemon.pid, SIGSTOP);
	r = pins_remove(life, "");
	kill(life->lab->daemon.pid, SIGCONT);
	if (r < 0)
		return life_no(life, "cannot remove the pins");
	r = log_wait(life, "pinned again", told, fault_ms(life, 2000));
	if (r >= 0)
		r = daemon_settle(life->lab);
	if (r >= 0)
		r = refused(life, &second);
	return r < 0 ? r : life_governed(life);
}

const struct life_test fault_two_tests[] = {
	{ "fault-28-relocked", two_relocked, 0 },
	{ "fault-28-two-refused", two_refused, LIFE_STOPPED },
	{ "fault-28-two-separate", two_separate, LIFE_STOPPED },
	{ 0 }
};
