// SPDX-License-Identifier: GPL-2.0-or-later
/* What the verifier says of each program on the running kernel. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/feature.h"
#include "loader/kernel/measure.h"
#include "loader/kernel/programs.h"

#define MAX_PROGRAMS 64
#define LOG_STATS    4	   /* BPF_LOG_STATS: a summary, 06ee7115b0d1, 5.2 */
#define LOG_SIZE     65536 /* room for the verifier's reasons, too */

/*
 * The summary in the log and not verified_insns of the program's information,
 * which is only there since aba64c7da983, 5.16.
 */
struct measuring {
	struct measurement *list;
	size_t n;
	char *logs[MAX_PROGRAMS];
	const struct sp_features *features;
};

static void read_sum(const char *log, struct measurement *m)
{
	const char *sum = strstr(log, "processed ");

	if (sum)
		(void)sscanf(sum, "processed %u insns", &m->instructions);
}

/* The line before the summary. */
static void read_complaint(const char *log, struct measurement *m)
{
	const char *sum = strstr(log, "\nprocessed "), *line = sum;

	while (line && line > log && line[-1] != '\n')
		line--;
	if (line)
		snprintf(m->complaint, sizeof(m->complaint), "%.*s",
			 (int)(sum - line), line);
	else
		snprintf(m->complaint, sizeof(m->complaint),
			 "its maps cannot be made");
}

static int ask_for_logs(struct measuring *all, struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		char *log;

		if (all->n == MAX_PROGRAMS)
			return -E2BIG;
		log = calloc(1, LOG_SIZE);
		if (!log)
			return -ENOMEM;
		all->logs[all->n] = log;
		snprintf(all->list[all->n].program,
			 sizeof(all->list[all->n].program), "%s",
			 bpf_program__name(program));
		all->n++;
		if (bpf_program__set_log_buf(program, log, LOG_SIZE))
			return -ENOMEM;
	}

	return 0;
}

/* libbpf stops at the first that fails: the last one with a log. */
static void read_failure(struct measuring *all, size_t first)
{
	size_t at = all->n;

	while (at > first + 1 && !all->logs[at - 1][0])
		at--;
	read_complaint(all->logs[at - 1], &all->list[at - 1]);
	for (size_t i = first; i < all->n; i++)
		if (i != at - 1)
			snprintf(all->list[i].complaint,
				 sizeof(all->list[i].complaint),
				 "given up for %s", all->list[at - 1].program);
}

static int measure(struct measuring *all, struct bpf_object *object)
{
	size_t first = all->n;
	int r = ask_for_logs(all, object);

	if (r || first == all->n)
		return r;
	if (bpf_object__load(object))
		read_failure(all, first);
	else
		for (size_t i = first; i < all->n; i++)
			read_sum(all->logs[i], &all->list[i]);

	return 0;
}

static int measure_all(struct measuring *all)
{
	struct programs programs = { 0 };
	int r = programs_open(all->features, LOG_STATS, &programs);

	for (int i = 0; i < OBJECT_MAX && programs.objects[i] && !r; i++)
		r = measure(all, programs.objects[i]);
	programs_close(&programs);

	return r;
}

int measure_programs(struct measurement **ret, size_t *ret_n)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct sp_features features;
	struct measuring all = { .features = &features };
	int r = -ENOMEM;

	features_probe(&features);
	all.list = calloc(MAX_PROGRAMS, sizeof(*all.list));
	if (all.list)
		r = measure_all(&all);
	for (size_t i = 0; i < all.n; i++)
		free(all.logs[i]);
	libbpf_set_print(print);
	if (r) {
		free(all.list);
		return r;
	}
	*ret = all.list;
	*ret_n = all.n;

	return 0;
}
