/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does every program load on this kernel, and is all there that must be? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

#define PROBE_SIZE   16384
#define MIN_PROGRAMS 21 /* the objects that every kernel has to take */

/* "program NAME: N instructions", or what the verifier said. */
static bool program_line(const char *line, char ret_name[32], bool *ret_loads)
{
	unsigned n;
	int end = 0;

	if (sscanf(line, "program %31[^:]: %n", ret_name, &end) != 1 || !end)
		return false;
	*ret_loads = sscanf(line + end, "%u instructions", &n) == 1 && n > 0;
	return true;
}

static unsigned programs_count(const char *text)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, "\nprogram ")); at++)
		n++;
	return n;
}

static void result(struct lab *lab, const char *name, bool ok)
{
	report_result(lab, name, ok);
	lab->score.passed += ok;
	lab->score.failed += !ok;
	if (!ok)
		printf("not ok %s\n", name);
}

/* What splitd --probe prints is printed again: whoever watches reads it. */
int probe_run(struct lab *lab)
{
	char *argv[] = { (char *)lab->daemon.path, "--probe", NULL };
	_cleanup_free_ char *text = calloc(1, PROBE_SIZE);
	char *line, *rest = text, name[32];
	bool loads;
	int r;

	if (!text)
		return -ENOMEM;
	r = proc_run(argv, lab->ns[NS_CLIENT], NULL, text, PROBE_SIZE);
	fputs(text, stdout);
	report_plan(lab, programs_count(text) + 2);
	result(lab, "probe-ends-well", r >= 0);
	result(lab, "probe-all-programs", programs_count(text) >= MIN_PROGRAMS);
	while ((line = strsep(&rest, "\n")))
		if (program_line(line, name, &loads))
			result(lab, name, loads);
	return 0;
}
