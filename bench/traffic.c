/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes traffic by command, and measures it. */

/*
 *	traffic serve SIDE	a far end; SIDE is the letter it answers with
 *	traffic client		reads "ROW WHERE MS [COUNT]" lines, answers each
 *				with "OPS NS CPU_NS", or "error NUMBER"
 *
 * A client lives as long as its cgroup and namespace: so rounds of some ten
 * milliseconds can go back and forth between the ways that are compared, which
 * is what a machine with other people's load on it needs. WHERE is an IPv4
 * address or, for rows of the file system, a directory. "side ADDRESS" asks
 * which far end answers, over TCP and over UDP.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench/traffic.h"

static const struct {
	const char *name;
	row_fn *run;
} rows[] = {
	{ "connect", row_connect }, { "udp-connect", row_udp_connect },
	{ "sendto", row_sendto },   { "sendmmsg", row_sendmmsg },
	{ "send", row_send },	    { "rr", row_rr },
	{ "stream", row_stream },   { "flows", row_flows },
	{ "gap", row_gap },	    { "roam", row_roam },
	{ "exec", row_exec },	    { "fork", row_fork },
	{ "mkdir", row_mkdir },
};

static uint64_t clock_read(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t clock_ns(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/* Children that were waited for count: what they cost is the row's cost. */
static uint64_t cpu_ns(void)
{
	uint64_t own = clock_read(CLOCK_PROCESS_CPUTIME_ID);
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return own + 1000U * (uint64_t)(usage.ru_utime.tv_usec +
					usage.ru_stime.tv_usec +
					1000000 * (usage.ru_utime.tv_sec +
						   usage.ru_stime.tv_sec));
}

void sample_begin(struct sample *sample, unsigned ms)
{
	sample->ops = 0;
	sample->cpu = cpu_ns();
	sample->begun = clock_ns();
	sample->end = sample->begun + ms * 1000000ULL;
}

bool sample_over(const struct sample *sample)
{
	return sample->ops && clock_ns() >= sample->end;
}

static void side_print(const char *where)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	char tcp = '-', udp = '-';

	inet_pton(AF_INET, where, &to.sin_addr);
	side_ask(to, SOCK_STREAM, &tcp);
	side_ask(to, SOCK_DGRAM, &udp);
	printf("%c %c\n", tcp, udp);
}

static int row_run(const char *name, struct sample *sample, unsigned ms)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].run(sample, ms);
	return -EINVAL;
}

static void line_answer(const char *line)
{
	struct sample sample = { .to.sin_family = AF_INET };
	char name[32], where[256];
	unsigned ms = 0;
	uint64_t ns, cpu;
	int r;

	if (sscanf(line, "%31s %255s %u %u", name, where, &ms, &sample.count) <
	    2) {
		printf("error %d\n", EINVAL);
		return;
	}
	if (strcmp(name, "side") == 0) {
		side_print(where);
		return;
	}
	inet_pton(AF_INET, where, &sample.to.sin_addr);
	sample.where = where;
	r = row_run(name, &sample, ms);
	ns = sample.ns ? sample.ns : clock_ns() - sample.begun;
	cpu = cpu_ns() - sample.cpu;
	if (r < 0)
		printf("error %d\n", -r);
	else
		printf("%llu %llu %llu\n", (unsigned long long)sample.ops,
		       (unsigned long long)ns, (unsigned long long)cpu);
}

static int client(void)
{
	struct rlimit files;
	char line[512];

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	while (fgets(line, sizeof(line), stdin)) {
		line_answer(line);
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "nothing") == 0)
		return 0;		  /* what row_exec starts */
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* ends with its driver */
	if (argc == 2 && strcmp(argv[1], "client") == 0)
		return client();
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2][0]) < 0;
	fprintf(stderr, "usage: traffic client | traffic serve SIDE\n");
	return 2;
}
