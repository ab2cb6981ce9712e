/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running the rows: every case of the matrix, and what the sensors say of it.
 */

/*
 * A case passes when its own process is content (it had answers, from the
 * right side, which had seen the right source) and when the sensors are: every
 * packet that reached a far end must be explained. Its destination is one of
 * the lab's and belongs on this side for this app; its source is the client's
 * address on this side. So "0 leaks" is not "no packet of the kind looked
 * for", but "no packet that should not be there".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lab/lab.h"

/* How often a row may fail before the rest of it is taken for red. */
#define ENOUGH_FAILURES 8
#define MAIMED_FAILURES 2

static void address_format(const struct in6_addr *addr, char *buf, size_t size)
{
	if (IN6_IS_ADDR_V4MAPPED(addr))
		inet_ntop(AF_INET, addr->s6_addr + 12, buf, (socklen_t)size);
	else
		inet_ntop(AF_INET6, addr, buf, (socklen_t)size);
}

static int flow_fail(struct trial *trial, enum fault fault, enum side side,
		     const struct flow *flow, const char *what)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	address_format(&flow->src, src, sizeof(src));
	address_format(&flow->dst, dst, sizeof(dst));
	return trial_fail(trial, fault,
			  "%s: %u packets %s > %s protocol %u on the %s", what,
			  flow->packets, src, dst, flow->protocol,
			  side_name(side));
}

static int flow_check(struct trial *trial, enum side side,
		      const struct flow *flow)
{
	bool v6 = !IN6_IS_ADDR_V4MAPPED(&flow->dst);
	struct in6_addr self = client_address(side, v6);
	enum dst dst;

	if (!dst_from_address(&flow->dst, &dst))
		return flow_fail(
			trial, side == SIDE_TUNNEL ? FAULT_STRAY : FAULT_OTHER,
			side, flow, "unknown destination");
	if (want_side(trial, dst) != side)
		return flow_fail(trial, wrong_side(trial, side, dst), side,
				 flow, "wrong side");
	if (memcmp(&flow->src, &self, sizeof(self)) != 0)
		return flow_fail(trial, FAULT_SOURCE, side, flow,
				 "wrong source");
	return 0;
}

/* Every packet at either far end belongs there and has its side's source. */
int check_sources(struct trial *trial, const struct reading *readings)
{
	int r = 0;

	for (enum side s = 0; s < N_SIDES; s++) {
		if (readings[s].lost)
			r = trial_fail(trial, FAULT_OTHER,
				       "the sensor at the %s lost packets",
				       side_name(s));
		for (uint32_t i = 0; i < readings[s].n; i++) {
			int one = flow_check(trial, s, &readings[s].flows[i]);

			r = one < 0 ? one : r;
		}
	}
	return r;
}

static int seen_check(struct trial *trial, const struct reading *readings,
		      enum dst dst)
{
	struct in6_addr addr = dst_address(dst, family_is_v6(trial->family));
	enum side want = want_side(trial, dst);

	if (packets_to(&readings[want], &addr))
		return 0;
	return trial_fail(trial, FAULT_OTHER, "nothing for %s on the %s",
			  dst_name(dst), side_name(want));
}

/* The usual check: all is explained, and what was sent was seen. */
int check_steered(const struct lab *lab, struct trial *trial,
		  const struct reading *readings)
{
	int r = check_sources(trial, readings);

	(void)lab;
	return r < 0 ? r : seen_check(trial, readings, trial->dst);
}

static int row_run(struct lab *lab, const struct row *row, struct trial *trial)
{
	enum app home = row->flags & ROW_GUEST ? APP_UNLISTED : trial->app;
	pid_t pid;
	int r;

	if (row->drive)
		return row->drive(lab, trial);

	pid = proc_fork(lab, lab->cgroup_fd[home], NS_CLIENT);
	if (pid == 0)
		_exit(proc_uid(row->uid) < 0 || row->run(trial) < 0);
	if (pid < 0)
		return trial_fail(trial, FAULT_OTHER, "fork: %s",
				  strerror((int)-pid));
	r = proc_wait(pid, trial->deadline_ms * 10 + 5000);
	if (r == 0 || trial->skip)
		return 0;
	return trial_fail(trial, FAULT_OTHER, "the client ended with %d", r);
}

static void trial_begin(struct lab *lab, const struct row *row, enum app app,
			enum dst dst, enum family family)
{
	struct trial *trial = lab->trial;

	memset(trial, 0, sizeof(*trial));
	trial->app = app;
	trial->dst = dst;
	trial->family = family;
	trial->control = lab->control;
	trial->maimed = lab->maimed;
	trial->confines = lab->confines;
	trial->emulated = lab->emulated;
	trial->forced = row->flags & ROW_VIA;
	trial->via = row->via;
	trial->arg = row->arg;
	trial->deadline_ms = lab->deadline_ms;
	trial->serial = lab->nonce << 12;
	memcpy(trial->ifindex, lab->ifindex, sizeof(trial->ifindex));
	memcpy(trial->dir, lab->dir, sizeof(trial->dir));
	memcpy(trial->cgroup, lab->cgroup, sizeof(trial->cgroup));
	memcpy(trial->bpffs, lab->bpffs, sizeof(trial->bpffs));
}

static void trial_report(struct lab *lab, const struct row *row)
{
	const struct trial *trial = lab->trial;

	if (trial->skip) {
		lab->score.skipped++;
		memcpy(lab->skipped, trial->why, sizeof(lab->skipped));
		printf("skip %s: %s\n", row->name, trial->why);
		return;
	}
	lab->score.faults[trial->fault]++;
	if (trial->fault == FAULT_NONE) {
		lab->score.passed++;
		if (!lab->verbose)
			return;
	} else {
		lab->score.failed++;
		lab->score.astray += trial->fault <= FAULT_STRAY &&
				     !(row->flags & ROW_HANDS);
	}
	if (lab->maimed && !lab->verbose)
		return;
	printf("%s %s app, %s, %s: %s%s%s\n", row->name, app_name(trial->app),
	       dst_name(trial->dst), family_name(trial->family),
	       fault_name(trial->fault), trial->why[0] ? ": " : "", trial->why);
}

static int case_run(struct lab *lab, const struct row *row)
{
	struct reading readings[N_SIDES];
	struct trial *trial = lab->trial;
	int r = row_run(lab, row, trial);
	int s;

	if (!connections_end(lab, FAREWELL_MS) && lab->verbose)
		printf("%s: connections are left\n", row->name);
	s = sensors_read(lab, readings);
	if (s < 0)
		return s;
	if (trial->skip) {
		trial_report(lab, row);
		return 0;
	}
	if (row->check)
		row->check(lab, trial, readings);
	else if (r < 0 || (row->flags & ROW_SILENT && !lab->control))
		check_sources(trial, readings);
	else
		check_steered(lab, trial, readings);
	if (r >= 0 && row->flags & ROW_BOTH)
		seen_check(trial, readings, dst_opposite(trial->dst));
	trial_report(lab, row);
	return 0;
}

/* Rows that mean nothing in this mode are no part of it. */
static bool row_meant(const struct lab *lab, const struct row *row)
{
	if (lab->glob && fnmatch(lab->glob, row->name, FNM_EXTMATCH) != 0)
		return false;
	if (lab->control)
		return !(row->flags &
			 (ROW_UNCONTROLLED | ROW_DAEMON | ROW_MEMORY));
	return lab->daemon.pid > 0 || !(row->flags & ROW_DAEMON);
}

static int row_cases(struct lab *lab, const struct row *row)
{
	unsigned apps = row->apps ? row->apps : ALL_APPS;
	unsigned dsts = row->dsts ? row->dsts : ALL_DSTS;
	unsigned families = row->families ? row->families : ALL_FAMS;
	unsigned enough = lab->score.failed +
			  (lab->maimed ? MAIMED_FAILURES : ENOUGH_FAILURES);
	int r = 0;

	for (unsigned i = 0; i < N_APPS * N_DSTS * N_FAMILIES && r >= 0; i++) {
		enum app app = i / (N_DSTS * N_FAMILIES);
		enum dst dst = i / N_FAMILIES % N_DSTS;
		enum family family = i % N_FAMILIES;

		if (!(apps & BIT(app)) || !(dsts & BIT(dst)) ||
		    !(families & BIT(family)))
			continue;
		if (lab->score.failed >= enough) {
			if (!lab->maimed)
				printf("%s: the rest of it not run\n",
				       row->name);
			break;
		}
		trial_begin(lab, row, app, dst, family);
		r = case_run(lab, row);
	}
	return r;
}

static int row_counters(struct lab *lab, const struct row *row)
{
	char why[128] = "";
	int r = counters_agree(lab, why, sizeof(why));

	if (r < 0)
		return r;
	if (r == 0) {
		lab->score.failed++;
		printf("%s: the sensors disagree: %s\n", row->name, why);
	}
	return 0;
}

static void row_red(struct lab *lab, const struct row *row, size_t index)
{
	if (index < MAX_ROWS)
		lab->score.red_rows[index] = true;
	lab->score.red++;
	lab->score.red_inner += !(row->flags & ROW_ESCAPE);
	if (lab->maimed)
		printf("  red: %s\n", row->name);
}

/* A row is skipped as soon as one case of it is. */
static void row_report(const struct lab *lab, const struct row *row,
		       const struct score *before)
{
	if (lab->maimed)
		return;
	if (lab->score.failed == before->failed &&
	    lab->score.skipped != before->skipped)
		report_skip(lab, row->name, lab->skipped);
	else
		report_result(lab, row->name,
			      lab->score.failed == before->failed);
}

static int row_all(struct lab *lab, const struct row *row, size_t index)
{
	struct score before = lab->score;
	int64_t start = now_ms();
	int r = row_cases(lab, row);

	if (r >= 0)
		r = row_counters(lab, row);
	if (lab->score.failed != before.failed)
		row_red(lab, row, index);
	if (r >= 0)
		row_report(lab, row, &before);
	if (lab->verbose)
		printf("%s: %lld ms\n", row->name,
		       (long long)(now_ms() - start));
	return r;
}

static bool row_runs(const struct lab *lab, const struct row *row, size_t i)
{
	return row_meant(lab, row) && (!lab->only || lab->only[i]);
}

static void rows_plan(const struct lab *lab)
{
	const struct row *row;
	unsigned n = 0;

	for (size_t i = 0; (row = rows_at(i)); i++)
		n += row_runs(lab, row, i);
	if (!lab->maimed)
		report_plan(lab, n);
}

/* Runs every row once; the score says how it went, the return if it could. */
int matrix_run(struct lab *lab)
{
	struct reading readings[N_SIDES];
	const struct row *row;
	bool told = lab->control || lab->maimed;
	char why[128];
	int r = sensors_read(lab, readings);

	rows_plan(lab);
	if (r >= 0)
		r = counters_agree(lab, why, sizeof(why));
	for (size_t i = 0; r >= 0 && (row = rows_at(i)); i++) {
		if (!row_runs(lab, row, i))
			continue;
		/* These purge: the counts so far would be gone. */
		if (row->flags & ROW_DAEMON && !told) {
			stats_print(lab);
			told = true;
		}
		r = row_all(lab, row, i);
	}
	if (!told)
		stats_print(lab);
	return r;
}
