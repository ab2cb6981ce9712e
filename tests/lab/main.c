/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lab: does exactly the right traffic enter the tunnel? */

/*
 *                        +-------------+  same addresses, both of them:
 *            up0 10.10   | uplink host |  listed    1.1.1.1  203.0.113.10
 *          +-------------+  "uplink"   |  excluded  203.0.113.200
 *   +------+---+ fd10    +-------------+  unlisted  9.9.9.9
 *   |  client  |                          and their IPv6 counterparts
 *   +------+---+ fd20    +-------------+
 *          +-------------+ tunnel host |
 *           tun0 10.20   |  "tunnel"   |
 *                        +-------------+
 *
 * Three network namespaces, joined by two veth pairs (or, with --wireguard, one
 * and a real tunnel across it), joined to nothing else.
 * The client's default routes lead to the uplink host; only splitd can make a
 * packet take tun0. Both far hosts own every destination address and answer
 * with their name and the source address they saw, so an answer tells which
 * way the question went and how it was dressed (far.c). What gives no answer
 * is seen all the same: on each far end's wire a capture counts every packet
 * by source, destination and protocol (sensor.c), and nftables counts again
 * (barrier.c).
 *
 * A test process joins its app's cgroup first, then the client's namespace
 * (proc.c). One row is one way to use a socket; it runs for every app,
 * destination and family that it makes sense for (rows_*.c, matrix.c). What is
 * right is decided in one function, want_side() in names.c.
 *
 *	lab control		no daemon: every row must be seen on the uplink.
 *				A lab whose sensors sleep is green in "matrix"
 *				and red here.
 *	lab matrix --splitd P	starts P in the client, runs every row, purges,
 *				and looks for what was left behind.
 *	lab hooks --splitd P	for every pinned link: kill the daemon, remove
 *				this one, name the rows that turn red. A hook
 *				whose absence nobody notices is not tested.
 *	lab lifecycle --splitd P --splitctl C [--splitd2 Q]
 *				what happens to traffic while tunnels, files
 *				and daemons come and go (life_*.c).
 *	lab faults --splitd P --splitctl C [--splitd2 Q] [--short]
 *				the same runner over accidents and attacks,
 *				each shown to succeed without splitd first
 *				(fault_*.c).
 *	lab probe --splitd P	what this kernel can do, and does every program
 *				load (probe.c)?
 *	lab demo --splitd P --splitctl C
 *				the seed case, for people (demo.c).
 *
 * There are two processes: the runner, which does all this, and above it the
 * supervisor, which only waits and cleans up. So everything is taken away
 * whatever becomes of the runner. Namespaces and bpffs belong to the processes
 * of the run and end with them; the cgroups and the temporary directory carry
 * the supervisor's pid in their names.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"
#include "tests/lab/life.h"

static int trial_make(struct lab *lab)
{
	_cleanup_close_ int fd = memfd_create("trial", 0);

	if (fd < 0 || ftruncate(fd, sizeof(*lab->trial)) < 0 ||
	    dup2(fd, TRIAL_FD) < 0)
		return -errno;
	lab->trial = mmap(NULL, sizeof(*lab->trial), PROT_READ | PROT_WRITE,
			  MAP_SHARED, TRIAL_FD, 0);
	return lab->trial == MAP_FAILED ? -errno : 0;
}

/*
 * A bpffs of our own, in a mount namespace of our own: pins end with the run.
 * And no names of network namespaces: ip(8) asks the kernel about every one,
 * and complains of those that others have made since, for their mounts are not
 * ours. Everything else stays as the machine has it.
 */
static int mounts_make(struct lab *lab)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700") < 0 ||
	    (mount("none", "/run/netns", "tmpfs", 0, "mode=0755") < 0 &&
	     errno != ENOENT))
		return -errno;
	snprintf(lab->bpffs, sizeof(lab->bpffs), "/sys/fs/bpf/splitd-lab-%d",
		 getppid());
	return 0;
}

static int step(const char *what, int r)
{
	if (r < 0)
		fprintf(stderr, "lab: %s: %s\n", what, strerror(-r));
	return r;
}

static int lab_setup(struct lab *lab)
{
	int r = step("trial memory", trial_make(lab));

	if (r >= 0)
		r = step("mounts", mounts_make(lab));
	if (r >= 0)
		r = step("cgroups", cgroup_setup(lab));
	if (r >= 0)
		r = step("namespaces", net_setup(lab));
	if (r >= 0)
		r = step("counters", counters_setup(lab));
	if (r >= 0)
		r = step("policy", policy_write(lab));
	for (enum side s = 0; s < N_SIDES && r >= 0; s++)
		r = step(side_name(s), far_start(lab, s));
	if (r >= 0)
		connections_end(lab, 0); /* what is open now is no connection */
	return r;
}

/* The kernel takes devices and routes down a little later: 5 s are enough. */
static int left_behind(const struct lab *lab, const char *before)
{
	int64_t end = now_ms() + 5000;
	unsigned lines;

	do {
		_cleanup_free_ char *after = snapshot_take(lab);
		bool last = now_ms() >= end;

		if (!after)
			return -ENOMEM;
		lines = snapshot_compare(before, after, last);
		if (last)
			break;
	} while (lines);
	return (int)lines;
}

static int matrix_mode(struct lab *lab)
{
	_cleanup_free_ char *before = snapshot_take(lab);
	struct objects objects;
	int r = before ? 0 : -ENOMEM;

	if (r >= 0)
		r = step("start of splitd", daemon_start(lab));
	if (r >= 0)
		r = step("matrix", matrix_run(lab));
	objects_note(lab, &objects);
	if (r >= 0)
		r = step("stop of splitd", daemon_stop(lab, SIGTERM));
	if (r >= 0)
		r = step("purge", daemon_purge(lab));
	if (r >= 0)
		r = left_behind(lab, before);
	if (r >= 0)
		r += (int)objects_left(&objects);
	if (r > 0)
		lab->score.failed++;
	return r;
}

static int lifecycle_mode(struct lab *lab)
{
	return life_run(lab, life_tables);
}

static int faults_mode(struct lab *lab)
{
	kernel_log_mark(lab);
	return life_run(lab, fault_tables);
}

static int control_mode(struct lab *lab)
{
	return step("control", matrix_run(lab));
}

static const struct mode {
	const char *name;
	int (*run)(struct lab *lab);
	bool daemon;	/* needs --splitd */
	bool wireguard; /* may have a real tunnel */
	bool people;	/* says itself how it went */
} modes[] = {
	{ "control", control_mode, false, true, false },
	{ "matrix", matrix_mode, true, true, false },
	{ "hooks", hooks_run, true, true, false },
	{ "lifecycle", lifecycle_mode, true, false, false },
	{ "faults", faults_mode, true, false, false },
	{ "probe", probe_run, true, false, false },
	{ "demo", demo_run, true, false, true },
};

static const struct mode *mode_find(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	return NULL;
}

static int runner_main(struct lab *lab, const struct mode *mode)
{
	int r = lab_setup(lab);
	_cleanup_close_ int stats = -1;

	if (r < 0)
		return r;
	stats = stats_enable();
	r = mode->run(lab);
	if (mode->people)
		return r;
	if (r < 0)
		lab->score.failed++;
	printf("%u passed, %u failed, %u skipped\n", lab->score.passed,
	       lab->score.failed, lab->score.skipped);
	report_score(lab);
	return lab->score.failed ? -EPROTO : 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* The supervisor: wait, hand signals down, clean up behind the runner. */
static int runner_wait(struct lab *lab, pid_t runner)
{
	sigset_t set;
	int status = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	while (waitpid(runner, &status, WNOHANG) == 0) {
		int signal = sigwaitinfo(&set, NULL);

		if (signal > 0 && signal != SIGCHLD)
			kill(runner, SIGKILL);
	}

	cgroup_remove(lab->cgroup);
	nftw(lab->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (!WIFEXITED(status)) {
		printf("0 passed, 1 failed, 0 skipped\n");
		return 1;
	}
	return WEXITSTATUS(status);
}

static void signals_block(bool block)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/*
 * What a supervisor that was killed itself could not take away: directories
 * with the number of a process that no longer exists.
 */
static void stale_remove(const char *parent,
			 void (*remove_tree)(const char *path))
{
	DIR *dir = opendir(parent);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[LAB_PATH + 32];
		int pid;

		if (sscanf(entry->d_name, "splitd-lab-%d", &pid) != 1 ||
		    kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		snprintf(path, sizeof(path), "%.150s/splitd-lab-%d", parent,
			 pid);
		remove_tree(path);
	}
	if (dir)
		closedir(dir);
}

static void dir_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int supervise(struct lab *lab, const struct mode *mode)
{
	pid_t runner;

	snprintf(lab->dir, sizeof(lab->dir), "/tmp/splitd-lab-%d", getpid());
	if (mkdir(lab->dir, 0755) < 0 || cgroup_name(lab, getpid()) < 0) {
		perror("lab");
		return 1;
	}
	stale_remove("/tmp", dir_remove);
	stale_remove(lab->mount, cgroup_remove);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signals_block(true);
	runner = fork();
	if (runner == 0) {
		/* A client that died is a red row, not the end of the run. */
		signal(SIGPIPE, SIG_IGN);
		signals_block(false);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exit(runner_main(lab, mode) < 0);
	}
	if (runner < 0)
		return 1;
	return runner_wait(lab, runner);
}

static int usage(void)
{
	fputs("usage: lab control|matrix|hooks|lifecycle|faults|probe|demo "
	      "[--splitd "
	      "PATH] "
	      "[--rows GLOB] [--verbose]\n"
	      "control, matrix, hooks: [--wireguard], a real tunnel\n"
	      "lifecycle, faults, demo: --splitctl PATH\n"
	      "lifecycle, faults: [--splitd2 PATH], another ABI version\n"
	      "faults: [--short], a tenth of the rounds\n"
	      "demo: [--seed DIR] [--without HOOK]\n"
	      "in a machine of its own: [--root-cgroup] [--emulated] [--report "
	      "FD]\n",
	      stderr);
	return 2;
}

/* For the daemon: leave this hook out. */
static void option_without(struct lab *lab, const char *hook)
{
	lab->daemon.extra[0] = "--without";
	lab->daemon.extra[1] = hook;
}

static void option_emulated(struct lab *lab)
{
	lab->emulated = true;
	lab->deadline_ms = patient(true, lab->deadline_ms);
}

static int options_parse(struct lab *lab, int argc, char **argv)
{
	static const struct option options[] = {
		{ "splitd", required_argument, NULL, 's' },
		{ "rows", required_argument, NULL, 'r' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "splitctl", required_argument, NULL, 'c' },
		{ "splitd2", required_argument, NULL, '2' },
		{ "seed", required_argument, NULL, 'd' },
		{ "short", no_argument, NULL, 't' },
		{ "without", required_argument, NULL, 'w' },
		{ "wireguard", no_argument, NULL, 'g' },
		{ "root-cgroup", no_argument, NULL, 'R' },
		{ "emulated", no_argument, NULL, 'e' },
		{ "report", required_argument, NULL, 'p' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			lab->daemon.path = optarg;
		else if (c == 'r')
			lab->glob = optarg;
		else if (c == 'v')
			lab->verbose = true;
		else if (c == 'c')
			lab->daemon.ctl = optarg;
		else if (c == '2')
			lab->daemon.changed = optarg;
		else if (c == 'd')
			lab->seed = optarg;
		else if (c == 'w')
			option_without(lab, optarg);
		else if (c == 'g')
			lab->wireguard = true;
		else if (c == 't')
			lab->divisor = 10;
		else if (c == 'R')
			lab->at_root = true;
		else if (c == 'e')
			option_emulated(lab);
		else if (c != 'p' || report_open(lab, optarg) < 0)
			return -EINVAL;
	}
	return optind == argc - 1 ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct lab lab = { .ns = { -1, -1, -1 },
			   .cgroup_fd = { -1, -1 },
			   .divisor = 1,
			   .deadline_ms = LAB_DEADLINE_MS };
	const struct mode *mode;

	if (argc > 1 && strcmp(argv[1], "@op") == 0)
		return proc_op(argc, argv);
	if (argc > 1 && strcmp(argv[1], "@ask") == 0)
		return demo_client(argc, argv);
	if (options_parse(&lab, argc, argv) < 0)
		return usage();
	mode = mode_find(argv[optind]);
	if (!mode || mode->daemon != !!lab.daemon.path ||
	    (lab.wireguard && !mode->wireguard))
		return usage();
	lab.control = !mode->daemon;
	return supervise(&lab, mode);
}
