/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory of a test's own, and the name of a state directory in it. */
#ifndef SPLITD_STATE_FIXTURE_H
#define SPLITD_STATE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[64], state[80];

static int make_state(void **ctx)
{
	(void)ctx;
	strcpy(dir, "/tmp/test_state.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(state, sizeof(state), "%s/state", dir);
	return 0;
}

static int remove_state(void **ctx)
{
	char command[128];

	(void)ctx;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? 0 : -1;
}

#endif
