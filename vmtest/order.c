/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to run: from the kernel's command line and the table of suites. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmtest/guest.h"

/* The word behind KEY on the command line, or nothing; -E2BIG: too long. */
static int word_find(const char *line, const char *key, char *ret, size_t size)
{
	const char *at = strstr(line, key);
	size_t len;

	ret[0] = '\0';
	if (!at)
		return 0;
	at += strlen(key);
	len = strcspn(at, " \n");
	if (len >= size)
		return -E2BIG;
	snprintf(ret, size, "%.*s", (int)len, at);
	return 0;
}

int order_read(struct order *ret_order)
{
	FILE *file = fopen("/proc/cmdline", "re");
	char line[2048] = "", seconds[16];
	const struct {
		const char *key;
		char *to;
		size_t size;
	} words[] = {
		{ "splitd.suite=", ret_order->suite, sizeof(ret_order->suite) },
		{ "splitd.break=", ret_order->break_,
		  sizeof(ret_order->break_) },
		{ "splitd.nonce=", ret_order->nonce, sizeof(ret_order->nonce) },
		{ "splitd.seconds=", seconds, sizeof(seconds) },
		{ "splitd.rows=", ret_order->rows, sizeof(ret_order->rows) },
	};
	int r = 0;

	if (!file)
		return -errno;
	fgets(line, sizeof(line), file);
	fclose(file);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words) && r >= 0; i++)
		r = word_find(line, words[i].key, words[i].to, words[i].size);
	if (r < 0)
		return r;
	ret_order->seconds = 0;
	sscanf(seconds, "%u", &ret_order->seconds);
	return ret_order->suite[0] && ret_order->nonce[0] ? 0 : -EINVAL;
}

int suite_add(struct command *command, const char *option, char *value)
{
	if (command->n + 3 > MAX_ARGS)
		return -E2BIG;
	command->argv[command->n++] = (char *)option;
	command->argv[command->n++] = value;
	command->argv[command->n] = NULL;
	return 0;
}

static int command_split(struct command *command, char *words)
{
	for (char *word = strtok(words, " \n"); word;
	     word = strtok(NULL, " \n")) {
		if (command->n + 1 >= MAX_ARGS)
			return -E2BIG;
		command->argv[command->n++] = word;
	}
	command->argv[command->n] = NULL;
	return command->n ? 0 : -EINVAL;
}

int suite_find(const char *name, struct command *ret_command)
{
	FILE *file = fopen("/suites", "re");
	char *line = ret_command->line, found[32];
	int at = 0, r = -ENOENT;

	if (!file)
		return -errno;
	ret_command->n = 0;
	while (r == -ENOENT && fgets(line, sizeof(ret_command->line), file)) {
		if (sscanf(line, "%31s %*s %u %n", found, &ret_command->seconds,
			   &at) == 2 &&
		    strcmp(found, name) == 0)
			r = command_split(ret_command, line + at);
	}
	fclose(file);
	return r;
}
