/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitctl: the table of commands, which is the help as well. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/ctl/commands.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments, *help;
} commands[] = {
	{ "check", cmd_check, "[--json] FILE...",
	  "say what is wrong with files and what is done with each key" },
	{ "status", cmd_status, "[--json] [--prefixes] [--run DIR]",
	  "show tunnels, apps and what was dropped" },
	{ "explain", cmd_explain,
	  "[--json] [--run DIR | [--policy DIR] [--host FILE] "
	  "[--state DIR]]\n"
	  "\t[--proto tcp|udp|icmp] "
	  "(--app ID | --pid N | --cgroup PATH) ADDR[:PORT]",
	  "say where a flow goes and why" },
	{ "reload", cmd_reload, "[--json] [--plan] [--run DIR]",
	  "read all files again; --plan only says what would change" },
	{ "list", cmd_list, "[--json] [--run DIR]",
	  "show what is installed, and which tunnels are disabled" },
	{ "install", cmd_install, "[--json | --plist] [--run DIR] FILE",
	  "check a profile or command and take it into the store" },
	{ "remove", cmd_remove, "[--json] [--run DIR] IDENTIFIER",
	  "take an installed profile out again" },
	{ "enable", cmd_enable, "[--json] [--run DIR] UUID",
	  "let a disabled tunnel's profile govern again" },
	{ "disable", cmd_disable, "[--json] [--run DIR] UUID",
	  "let a tunnel's apps go direct, its profile stays" },
	{ "purge", cmd_purge, "[--run DIR]",
	  "stop the daemon and take everything away that it made" },
};

static void print_usage(FILE *out, const struct command *command)
{
	fprintf(out, "usage: splitctl %s %s\n", command->name,
		command->arguments);
}

static void print_help(FILE *out)
{
	fprintf(out, "usage: splitctl COMMAND ...\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n`splitctl COMMAND --help' shows its arguments.\n");
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

int usage(const char *name)
{
	const struct command *command = find(name);

	if (command)
		print_usage(stderr, command);
	return EXIT_USAGE;
}

/* An answer that could not be written is none. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	complain("cannot write: %s", strerror(errno));
	return status == EXIT_SUCCESS ? EXIT_FAILED : status;
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc > 1 &&
	    (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))) {
		print_help(stdout);
		return EXIT_SUCCESS;
	}
	command = argc > 1 ? find(argv[1]) : NULL;
	if (!command) {
		if (argc > 1)
			complain("no command '%s'", argv[1]);
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (argc > 2 && !strcmp(argv[2], "--help")) {
		print_usage(stdout, command);
		printf("%s\n", command->help);
		return EXIT_SUCCESS;
	}
	return finish(command->run(argc - 1, argv + 1));
}
