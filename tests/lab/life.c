/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the tests of an instance's life, one after the other. */

/*
 * Every test begins alike: the tunnel's device is there, the files are those
 * of policy.c, nothing of splitd is in the kernel but what a new daemon has
 * just put there. It prints one line, "ok NAME figures" or "not ok NAME: why",
 * and whatever it left is purged. So no test can spoil the next, and any of
 * them runs alone by --rows.
 */
#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/lab/life.h"

const struct life_test *const life_tables[] = {
	life_tunnel_tests,  life_traffic_tests, life_reload_tests,
	life_purge_tests,   life_input_tests,	life_answer_tests,
	life_repair_tests,  life_other_tests,	life_routing_tests,
	life_inbound_tests, life_store_tests,	life_busy_tests,
	life_secret_tests,  life_bare_tests,	life_restart_tests,
	life_number_tests,  life_back_tests,	NULL,
};

int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Keeps the first sentence: what follows is its consequence. */
int life_no(struct life *life, const char *format, ...)
{
	va_list ap;

	if (strncmp(life->text, "\1", 1) == 0)
		return -EPROTO;
	life->text[0] = '\1';
	va_start(ap, format);
	vsnprintf(life->text + 1, sizeof(life->text) - 1, format, ap);
	va_end(ap);
	return -EPROTO;
}

/* Figures for the "ok" line, separated by blanks. */
void life_say(struct life *life, const char *format, ...)
{
	size_t len = strlen(life->text);
	va_list ap;

	if (life->text[0] == '\1' || len + 2 > sizeof(life->text))
		return;
	life->text[len++] = ' ';
	va_start(ap, format);
	vsnprintf(life->text + len, sizeof(life->text) - len, format, ap);
	va_end(ap);
}

static int begin(struct life *life, const struct life_test *test)
{
	int r;

	life->text[0] = '\0';
	talk_clear(life);
	r = tunnel_restore(life);
	if (r >= 0)
		r = files_restore(life);
	if (r >= 0)
		r = life_forget(life);
	if (r >= 0 && !(test->flags & LIFE_STOPPED))
		r = daemon_start(life->lab);
	return r < 0 ? life_no(life, "cannot begin: %s", strerror(-r)) : 0;
}

/* A daemon that cannot be purged would spoil the rest: give up. */
static int end(struct life *life)
{
	int r;

	talk_end(life, 0);
	r = daemon_stop(life->lab, SIGKILL);
	return r < 0 ? r : daemon_purge(life->lab);
}

/* What was refused on the way says more than that an errno was seen. */
static void drops_print(struct life *life)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	_cleanup_json_ json_t *json = NULL;
	char *text;

	if (life->lab->daemon.pid <= 0 ||
	    ctl_run(life, 0, &ctl, "status", "--json", NULL) < 0 ||
	    ctl_json(life, &ctl, &json) < 0)
		return;
	text = json_dumps(json_object_get(json, "drops"), JSON_COMPACT);
	printf("    drops: %s\n", text ? text : "none told");
	free(text);
}

static int run_one(struct life *life, const struct life_test *test)
{
	struct score *score = &life->lab->score;
	int64_t start = now_ms();
	int r = begin(life, test), s;

	if (r >= 0)
		r = test->run(life);
	if (r == 0) {
		score->passed++;
		report_result(life->lab, test->name, true);
		printf("ok %s%s\n", test->name, life->text);
	} else if (r > 0) {
		score->skipped++;
		report_skip(life->lab, test->name,
			    life->text + (life->text[0] == ' '));
		printf("skip %s:%s\n", test->name, life->text);
	} else {
		score->failed++;
		report_result(life->lab, test->name, false);
		printf("not ok %s: %s\n", test->name,
		       life->text[0] == '\1' ? life->text + 1 : strerror(-r));
		drops_print(life);
	}
	s = end(life);
	if (life->lab->verbose)
		printf("%s: %lld ms\n", test->name,
		       (long long)(now_ms() - start));
	return s;
}

static bool wanted(const struct life *life, const struct life_test *test)
{
	const char *glob = life->lab->glob;

	return !glob || fnmatch(glob, test->name, FNM_EXTMATCH) == 0;
}

static void plan(const struct life *life, const struct life_test *const *tables)
{
	unsigned n = 0;

	for (; *tables; tables++)
		for (const struct life_test *test = *tables; test->name; test++)
			n += wanted(life, test);
	report_plan(life->lab, n);
}

static int run_all(struct life *life, const struct life_test *const *tables)
{
	int r = 0;

	plan(life, tables);
	for (; *tables; tables++)
		for (const struct life_test *test = *tables;
		     test->name && r >= 0; test++)
			if (wanted(life, test))
				r = run_one(life, test);
	return r;
}

int life_run(struct lab *lab, const struct life_test *const *tables)
{
	struct life life = { .lab = lab };
	int r;

	if (!lab->daemon.ctl) {
		fprintf(stderr, "lab: this mode needs --splitctl\n");
		return -EINVAL;
	}
	life.shared = mmap(NULL, sizeof(*life.shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (life.shared == MAP_FAILED)
		return -errno;
	r = files_save(&life);
	return r < 0 ? r : run_all(&life, tables);
}
