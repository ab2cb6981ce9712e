/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to run: from the kernel's command line and the table of suites. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmtest/guest.h"

/* The word behind KEY on the command line, or nothing. */
static void word_find(const char *line, const char *key, char *ret, size_t size)
{
	const char *at = strstr(line, key);
	size_t len;

	ret[0] = '\0';
	if (!at)
		return;
	at += strlen(key);
	len = strcspn(at, " \n");
	if (len < size)
		snprintf(ret, size, "%.*s", (int)len, at);
}

int order_read(struct order *ret_order)
{
	FILE *file = fopen("/proc/cmdline", "re");
	char line[2048] = "", seconds[16];

	if (!file)
		return -errno;
	fgets(line, sizeof(line), file);
	fclose(file);
	word_find(line, "splitd.suite=", ret_order->suite,
		  sizeof(ret_order->suite));
	word_find(line, "splitd.break=", ret_order->break_,
		  sizeof(ret_order->break_));
	word_find(line, "splitd.nonce=", ret_order->nonce,
		  sizeof(ret_order->nonce));
	word_find(line, "splitd.seconds=", seconds, sizeof(seconds));
	ret_order->seconds = 0;
	sscanf(seconds, "%u", &ret_order->seconds);
	return ret_order->suite[0] && ret_order->nonce[0] ? 0 : -EINVAL;
}

static int command_split(char *command, char **ret_argv)
{
	unsigned n = 0;

	for (char *word = strtok(command, " \n"); word;
	     word = strtok(NULL, " \n")) {
		if (n + 3 >= MAX_ARGS)
			return -E2BIG;
		ret_argv[n++] = word;
	}
	if (n == 0)
		return -EINVAL;
	ret_argv[n++] = "--report";
	ret_argv[n++] = "3";
	ret_argv[n] = NULL;
	return 0;
}

int suite_find(const char *name, char *line, size_t size, char **ret_argv,
	       unsigned *ret_seconds)
{
	FILE *file = fopen("/suites", "re");
	char found[32];
	int at, r = -ENOENT;

	if (!file)
		return -errno;
	while (r == -ENOENT && fgets(line, (int)size, file)) {
		if (sscanf(line, "%31s %*s %u %n", found, ret_seconds, &at) ==
			    2 &&
		    strcmp(found, name) == 0)
			r = command_split(line + at, ret_argv);
	}
	fclose(file);
	return r;
}
