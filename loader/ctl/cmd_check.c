/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitctl check: offline, by anybody, profiles, commands and host files. */
#include <stdlib.h>
#include <string.h>

#include "loader/ctl/commands.h"
#include "loader/daemon/check.h"

static int check_files(char **files, int n, struct check *check)
{
	struct input_list inputs = { 0 };
	int r = 0;

	for (int i = 0; i < n && r == 0; i++)
		r = inputs_add_file(&inputs, files[i], false, INPUT_ANYONE,
				    &check->report);
	if (r == 0)
		r = check_run(check, &inputs, NULL);
	inputs_clear(&inputs);
	return r;
}

int cmd_check(int argc, char **argv)
{
	struct check check = { 0 };
	bool json = false;
	const struct option_spec specs[] = {
		{ "json", NULL, &json },
		{ 0 },
	};
	int n = parse_options(argc, argv, specs), r;

	if (n < 0)
		return EXIT_USAGE;
	if (n == 0)
		return usage(argv[0]);

	r = check_files(argv + 1, n, &check);
	if (r < 0)
		complain("check: %s", strerror(-r));
	else if (json)
		print_json(check_json(&check));
	else
		check_print(&check, stdout);
	r = r == 0 && check_valid(&check) ? EXIT_SUCCESS : EXIT_FAILED;
	check_clear(&check);
	return r;
}
