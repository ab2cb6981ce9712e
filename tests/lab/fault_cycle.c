/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: start and stop, over and over: nothing piles up. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define CYCLES	200
#define WARM	10 /* so many before the first look */
#define MARK_MS 1000
#define HELD_MS 1000
#define LOOKS	20

/* How many objects of each kind the daemon holds, and descriptors in all. */
struct holdings {
	unsigned programs, maps, links, fds;
};

static void fd_count(struct holdings *holdings, const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[256];

	holdings->fds++;
	while (file && fgets(line, sizeof(line), file)) {
		holdings->programs += strncmp(line, "prog_tag:", 9) == 0;
		holdings->maps += strncmp(line, "map_id:", 7) == 0;
		holdings->links += strncmp(line, "link_id:", 8) == 0;
	}
}

static void holdings_take(const struct life *life, struct holdings *holdings)
{
	char path[64 + NAME_MAX];
	struct dirent *entry;
	DIR *dir;

	memset(holdings, 0, sizeof(*holdings));
	snprintf(path, sizeof(path), "/proc/%d/fdinfo", life->lab->daemon.pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s",
			 life->lab->daemon.pid, entry->d_name);
		fd_count(holdings, path);
	}
	if (dir)
		closedir(dir);
}

/*
 * As at first, or what it holds after a second: a descriptor of the moment (a
 * connection of its control socket, a process that it looks at) is none.
 */
static void holdings_again(const struct life *life,
			   const struct holdings *first,
			   struct holdings *ret_last)
{
	int64_t end = now_ms() + fault_ms(life, HELD_MS);

	do
		holdings_take(life, ret_last);
	while (memcmp(first, ret_last, sizeof(*first)) != 0 && now_ms() < end);
}

/* The fewest of some looks: see above. */
static void holdings_least(const struct life *life, struct holdings *ret_first)
{
	struct holdings more;

	holdings_take(life, ret_first);
	for (unsigned i = 0; i < LOOKS; i++) {
		holdings_take(life, &more);
		if (more.fds < ret_first->fds)
			*ret_first = more;
	}
}

static int cycle(struct life *life)
{
	int r = daemon_stop(life->lab, SIGTERM);

	if (r >= 0)
		r = daemon_start(life->lab);
	return r < 0 ? life_no(life, "start or stop: %s", strerror(-r)) : 0;
}

/* Under traffic, which must not notice any of it. */
static int cycles(struct life *life)
{
	unsigned n = fault_count(life, CYCLES), warm = n < WARM ? n : WARM;
	_cleanup_free_ char *early = NULL;
	struct holdings first, last;
	struct traffic traffic;
	int64_t start = now_ms();
	int r = traffic_start(life, &traffic);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < n && r >= 0; i++) {
		r = cycle(life);
		if (i + 1 < warm || early)
			continue;
		early = look_take(life);
		holdings_least(life, &first);
	}
	holdings_again(life, &first, &last);
	life_say(life,
		 "cycles=%u in %lldms programs=%u maps=%u links=%u fds=%u", n,
		 (long long)(now_ms() - start), last.programs, last.maps,
		 last.links, last.fds);
	if (r >= 0 && memcmp(&first, &last, sizeof(first)) != 0)
		r = life_no(life,
			    "%u programs, %u maps, %u links, %u descriptors "
			    "after %u cycles, %u, %u, %u, %u after %u",
			    first.programs, first.maps, first.links, first.fds,
			    warm, last.programs, last.maps, last.links,
			    last.fds, n);
	if (r >= 0)
		r = look_same(life, early, "after all cycles");
	if (r >= 0)
		return traffic_end(&traffic, 500, NULL);
	traffic_drop(&traffic);
	return r;
}

/* ---- what the kernel says of all this ---------------------------------- */

static const char *const splats[] = {
	"BUG:",	       "WARNING:",
	"Oops",	       "general protection fault",
	"KASAN",       "UBSAN",
	"Call Trace:", "self-detected stall",
	"lockdep",     "refcount_t:",
	"hung task",   "waiting for lo to become free",
};

static int splat_look(struct life *life, const char *record)
{
	for (size_t i = 0; i < sizeof(splats) / sizeof(*splats); i++)
		if (strstr(record, splats[i]))
			return life_no(life, "%.200s", record);
	return 0;
}

/*
 * Where this run begins in the kernel's log. A whole line: without its end the
 * record stays open for more, and no reader gets it before the next one comes,
 * which on a quiet machine may be never (since 5.10, 4cfc7258f876).
 */
void kernel_log_mark(const struct lab *lab)
{
	_cleanup_close_ int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char text[LAB_PATH + 16];
	int n = snprintf(text, sizeof(text), "%s begins\n", lab->dir);

	if (fd >= 0 && write(fd, text, (size_t)n) != n)
		fprintf(stderr, "lab: /dev/kmsg: %s\n", strerror(errno));
}

/* Everything behind the mark, which is the positive control. */
static int splats_find(struct life *life, int fd)
{
	char record[8192], mark[LAB_PATH + 16];
	bool marked = false;
	ssize_t n;
	int r = 0;

	snprintf(mark, sizeof(mark), "%s begins", life->lab->dir);
	while (r >= 0) {
		n = read(fd, record, sizeof(record) - 1);
		/* EPIPE: some were overwritten before they were read */
		if (n < 0 && errno != EPIPE &&
		    (marked || sock_wait(fd, POLLIN, MARK_MS) < 0))
			break;
		record[n > 0 ? n : 0] = '\0';
		marked |= strstr(record, mark) != NULL;
		r = marked ? splat_look(life, record) : 0;
	}
	if (r >= 0 && !marked)
		r = life_no(life, "the kernel's log does not show our mark");
	return r;
}

static int kernel_log(struct life *life)
{
	_cleanup_close_ int fd =
		open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return splats_find(life, fd);
	life_say(life, "/dev/kmsg: %s", strerror(errno));
	return 1;
}

const struct life_test fault_cycle_tests[] = {
	{ "fault-47-cycles", cycles, 0 },
	{ "fault-45-kernel-log", kernel_log, 0 }, /* last: of all before it */
	{ 0 }
};
