/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: new programs under the same links, under a flood of new sockets. */

/*
 * What an upgrade does once is done 2,000 times: each link of the governed
 * cgroup goes to and fro between the programs of two starts, which share their
 * maps. Meanwhile a process of each app makes sockets as fast as it can,
 * connects each, and says one word: a socket that no program looked at would
 * say it on the wrong side.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define UPDATES	   2000
#define AT_ONCE	   100
#define RESTARTS   10
#define CONNECTS   100000u
#define FLOOD_MS   120000
#define MAX_LINKS  32
#define PORT_QUIET 9 /* discard: nobody answers, not even that it is closed */

struct flood {
	volatile bool stop;
	volatile uint32_t done[N_APPS], errors[N_APPS];
	volatile int error;
};

/* Whose is where: each destination is asked by one app only. */
static const struct {
	enum dst dst;
	enum side side;
} floods[N_APPS] = {
	[APP_LISTED] = { DST_LISTED, SIDE_TUNNEL },
	[APP_UNLISTED] = { DST_INSIDE, SIDE_UPLINK },
};

static int one_word(const struct sockaddr_storage *sa, socklen_t len)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)sa, len) < 0 ||
	    send(fd, "!", 1, 0) < 0)
		return -errno;
	return 0;
}

static void flood_main(struct flood *flood, enum app app)
{
	struct in6_addr addr = dst_address(floods[app].dst, false);
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, AF_INET, &addr, PORT_QUIET);

	while (!flood->stop) {
		int r = one_word(&sa, len);

		if (r < 0) {
			flood->error = -r;
			flood->errors[app]++;
		}
		flood->done[app]++;
	}
}

static pid_t flood_start(const struct life *life, struct flood *flood,
			 enum app app)
{
	pid_t pid = proc_fork(life->lab, life->lab->cgroup_fd[app], NS_CLIENT);

	if (pid != 0)
		return pid;
	flood_main(flood, app);
	_exit(0);
}

/* ---- updates ----------------------------------------------------------- */

struct links {
	unsigned n, updates;
	int link[MAX_LINKS], program[2][MAX_LINKS];
};

static int link_take(void *ctx, const char *name, int fd)
{
	struct links *links = ctx;

	(void)name;
	if (links->n == MAX_LINKS)
		return -ENOSPC;
	links->program[0][links->n] = link_program(fd);
	links->link[links->n++] = dup(fd);
	return 0;
}

static void links_close(struct links *links)
{
	for (unsigned i = 0; i < links->n; i++) {
		close(links->link[i]);
		close(links->program[0][i]);
		close(links->program[1][i]);
	}
}

/* The programs of this start, and of the next: what the links run now. */
static int links_take(struct life *life, struct links *links)
{
	int r = link_pins(life, link_take, links);

	if (r >= 0)
		r = daemon_stop(life->lab, SIGKILL);
	if (r >= 0)
		r = daemon_start(life->lab);
	/* it would look after its links while we play with them */
	if (r >= 0)
		r = daemon_stop(life->lab, SIGKILL);
	for (unsigned i = 0; i < links->n && r >= 0; i++) {
		links->program[1][i] = link_program(links->link[i]);
		if (links->program[1][i] < 0)
			r = -EBADF;
	}
	return r < 0 || !links->n ? life_no(life, "no links: %d", r) : 0;
}

/* Some more: link by link, to the other program each time. */
static int updates(struct life *life, struct links *links)
{
	for (unsigned end = links->updates + AT_ONCE; links->updates < end;) {
		unsigned at = links->updates % links->n;
		unsigned to = links->updates++ / links->n % 2;
		LIBBPF_OPTS(bpf_link_update_opts, options,
			    .flags = BPF_F_REPLACE);

		options.old_prog_fd = (uint32_t)links->program[1 - to][at];
		if (bpf_link_update(links->link[at], links->program[to][at],
				    &options) < 0)
			return life_no(life, "update %u: %s", links->updates,
				       strerror(errno));
		/* and once more, with what it does not run any more */
		if (bpf_link_update(links->link[at], links->program[to][at],
				    &options) == 0 ||
		    errno != EPERM)
			return life_no(life,
				       "a wrong old program: %s, not EPERM",
				       strerror(errno));
	}
	return 0;
}

/* ---- the test ---------------------------------------------------------- */

static int flood_judge(struct life *life, const struct flood *flood)
{
	struct reading readings[N_SIDES];
	char why[200];
	int r = sensors_read(life->lab, readings);

	if (r < 0)
		return life_no(life, "sensors: %s", strerror(-r));
	for (enum app app = 0; app < N_APPS; app++) {
		struct in6_addr addr = dst_address(floods[app].dst, false);
		enum side side = floods[app].side;
		uint32_t right = packets_to(&readings[side], &addr);
		uint32_t wrong = packets_to(&readings[1 - side], &addr);

		if (wrong)
			return life_no(life, "%u %s of %u", wrong,
				       app == APP_LISTED ? "leaks" : "strays",
				       flood->done[app]);
		if (flood->errors[app])
			return life_no(life, "%u of %u refused: %s",
				       flood->errors[app], flood->done[app],
				       strerror(flood->error));
		if (right != flood->done[app])
			return life_no(life, "%u of %u came", right,
				       flood->done[app]);
	}
	if (readings[SIDE_UPLINK].lost + readings[SIDE_TUNNEL].lost)
		return life_no(life, "the sensors lost packets");
	r = counters_agree(life->lab, why, sizeof(why));
	return r > 0 ? 0 : life_no(life, "counters: %s", why);
}

/* Floods, and does something with the n-th round of it until it is enough. */
static int flooded(struct life *life, struct flood *flood,
		   int (*round)(struct life *life, struct links *links),
		   struct links *links, unsigned rounds)
{
	uint32_t least = fault_count(life, CONNECTS);
	int patience = fault_ms(life, FLOOD_MS);
	int64_t end = now_ms() + patience;
	pid_t pids[N_APPS];
	char why[200];
	int r = life_forget(life);

	counters_agree(life->lab, why, sizeof(why));
	for (enum app app = 0; app < N_APPS; app++)
		pids[app] = flood_start(life, flood, app);
	/* on and on, so that no connect is without a change beside it */
	for (unsigned i = 0;
	     r >= 0 && (i < rounds || flood->done[0] + flood->done[1] < least);
	     i++) {
		r = round(life, links);
		if (now_ms() > end)
			r = life_no(life, "%u connects in %d ms",
				    flood->done[0] + flood->done[1], patience);
	}
	flood->stop = true;
	for (enum app app = 0; app < N_APPS; app++)
		if (proc_wait(pids[app], 5000) != 0)
			r = life_no(life, "no flood");
	life_say(life, "connects=%u", flood->done[0] + flood->done[1]);
	return r < 0 ? r : flood_judge(life, flood);
}

static int flood_run(struct life *life,
		     int (*round)(struct life *life, struct links *links),
		     struct links *links, unsigned rounds)
{
	struct flood *flood = mmap(NULL, sizeof(*flood), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	if (flood == MAP_FAILED)
		return -errno;
	r = flooded(life, flood, round, links, rounds);
	munmap(flood, sizeof(*flood));
	return r < 0 ? r : life_governed(life);
}

static int update_flood(struct life *life)
{
	struct links links = { 0 };
	int r = traffic_control(life);

	if (r >= 0 && daemon_start(life->lab) < 0)
		r = life_no(life, "splitd does not start");
	if (r >= 0)
		r = links_take(life, &links);
	if (r >= 0)
		r = flood_run(life, updates, &links,
			      fault_count(life, UPDATES) / AT_ONCE);
	life_say(life, "updates=%u", links.updates);
	links_close(&links);
	return r;
}

/* The daemon's own way of doing it: killed and started, to and fro. */
static int restart(struct life *life, struct links *links)
{
	struct daemon *daemon = &life->lab->daemon;
	const char *path = daemon->path;
	int r = daemon_stop(life->lab, SIGKILL);

	if (daemon->changed && links->updates++ % 2)
		daemon->path = daemon->changed;
	if (r >= 0)
		r = daemon_start(life->lab);
	daemon->path = path;
	return r < 0 ? life_no(life, "it does not start again") : 0;
}

static int restart_flood(struct life *life)
{
	struct links links = { 0 };
	int r = traffic_control(life);

	if (r >= 0 && daemon_start(life->lab) < 0)
		r = life_no(life, "splitd does not start");
	return r < 0 ? r :
		       flood_run(life, restart, &links,
				 fault_count(life, RESTARTS) / 2);
}

const struct life_test fault_update_tests[] = {
	{ "fault-23-update-flood", update_flood, LIFE_STOPPED },
	{ "fault-23-restart-flood", restart_flood, LIFE_STOPPED },
	{ 0 }
};
