/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitctl's commands, and what they have in common. */
#ifndef SPLITD_COMMANDS_H
#define SPLITD_COMMANDS_H

#include <stdbool.h>

#include <jansson.h>

/* Exit statuses (contract). */
#define EXIT_FAILED	 1
#define EXIT_USAGE	 2
#define EXIT_UNREACHABLE 3

#define DEFAULT_RUN	 "/run/splitd"

/* argv[0] is the command's name; the exit status is returned. */
int cmd_check(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_purge(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_install(int argc, char **argv);
int cmd_remove(int argc, char **argv);
int cmd_enable(int argc, char **argv);
int cmd_disable(int argc, char **argv);

/*
 * A command's options, told by the table's help text alone: "--json" and
 * "--run DIR" as listed by the command. Values point into argv.
 */
struct option_spec {
	const char *name;   /* without the dashes */
	const char **value; /* takes a value; else NULL */
	bool *flag;
};

/*
 * Sets what is given and moves the other arguments to the front of argv,
 * behind argv[0]. Their number; -EINVAL after an error has been printed.
 */
int parse_options(int argc, char **argv, const struct option_spec *specs);

/* Prints one JSON document and a newline; takes the reference. */
void print_json(json_t *json);

/* "splitctl: ..." on stderr, escaped. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How the command is used, on stderr; returns EXIT_USAGE. */
int usage(const char *command);

#endif
