// SPDX-License-Identifier: GPL-2.0-or-later
/* --probe: what this kernel can do, and what our programs cost it to accept. */
#include <errno.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "loader/daemon/probe.h"
#include "loader/kernel/feature.h"
#include "loader/kernel/measure.h"

static int print_features(FILE *out)
{
	const struct feature *feature;
	int r = 0;

	for (size_t i = 0; (feature = feature_at(i)); i++) {
		bool present = feature_present(feature);

		fprintf(out, "feature %s: %s (since %s; without it: %s)\n",
			feature->name,
			present		  ? "yes" :
			feature->required ? "missing" :
					    "no",
			feature->since, feature->lost);
		if (!present && feature->required)
			r = -EOPNOTSUPP;
	}

	return r;
}

static int print_programs(FILE *out)
{
	struct measurement *list;
	size_t n;
	int r = measure_programs(&list, &n);

	if (r)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!list[i].complaint[0]) {
			fprintf(out, "program %s: %u instructions\n",
				list[i].program, list[i].instructions);
			continue;
		}
		fprintf(out, "program %s: does not load: %s\n", list[i].program,
			list[i].complaint);
		r = -EOPNOTSUPP;
	}
	free(list);

	return r;
}

int probe_print(FILE *out)
{
	struct utsname name;
	int r, s;

	if (uname(&name))
		return -errno;
	fprintf(out, "kernel %s %s\n", name.release, name.machine);
	r = print_features(out);
	s = print_programs(out);

	return r ? r : s;
}
