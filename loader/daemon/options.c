/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitd's command line. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/daemon/options.h"
#include "loader/util/cleanup.h"
#include "loader/util/path.h"

enum {
	KEY_POLICY = 256,
	KEY_STATE,
	KEY_RUN,
	KEY_CGROUP,
	KEY_BPFFS,
	KEY_HOST,
	KEY_MARK,
	KEY_TABLE,
	KEY_RULE,
	KEY_SHADOW,
	KEY_CHECK,
	KEY_PURGE,
	KEY_PROBE,
	KEY_SELFTEST,
	KEY_WITHOUT,
};

static const struct argp_option argp_options[] = {
	{ "policy", KEY_POLICY, "DIR", 0,
	  "profiles and commands (/etc/splitd/policy.d)", 0 },
	{ "host", KEY_HOST, "FILE", 0, "host file (/etc/splitd/host.plist)",
	  0 },
	{ "state", KEY_STATE, "DIR", 0, "what survives (/var/lib/splitd)", 0 },
	{ "run", KEY_RUN, "DIR", 0, "lock and control socket (/run/splitd)",
	  0 },
	{ "cgroup", KEY_CGROUP, "DIR", 0,
	  "govern processes below (the cgroup2 mount)", 0 },
	{ "bpffs", KEY_BPFFS, "DIR", 0, "pins (/sys/fs/bpf/splitd)", 0 },
	{ "mark", KEY_MARK, "VALUE/MASK", 0,
	  "bits of the packet mark that are ours (0x01000000/0xff000000)", 0 },
	{ "table-base", KEY_TABLE, "N", 0,
	  "first of 512 routing tables (51000)", 0 },
	{ "rule-priority", KEY_RULE, "N", 0,
	  "of our routing rules, and the next (5100)", 0 },
	{ "shadow", KEY_SHADOW, NULL, 0,
	  "judge and count, steer and drop nothing", 0 },
	{ "check", KEY_CHECK, NULL, 0, "check the policy and exit", 1 },
	{ "purge", KEY_PURGE, NULL, 0, "take everything away and exit", 1 },
	{ "probe", KEY_PROBE, NULL, 0, "what this kernel can do", 1 },
	{ "selftest", KEY_SELFTEST, NULL, 0, "the lab on this kernel", 1 },
	{ "without", KEY_WITHOUT, "HOOK", OPTION_HIDDEN, NULL, 1 },
	{ 0 },
};

int options_parse_mark(const char *text, uint32_t *ret_value,
		       uint32_t *ret_mask)
{
	unsigned long value, mask;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 0);
	if (end[0] != '/' || end[1] < '0' || end[1] > '9')
		return -EINVAL;
	mask = strtoul(end + 1, &end, 0);
	if (*end || errno || mask == 0 || mask > UINT32_MAX || value == 0 ||
	    value & ~mask)
		return -EINVAL;

	*ret_value = (uint32_t)value;
	*ret_mask = (uint32_t)mask;
	return 0;
}

unsigned int options_mark_room(uint32_t value, uint32_t mask)
{
	uint64_t low = mask & -mask, mark = value;
	unsigned int n = 0;

	while (n < SP_MAX_TUNNELS && !(mark & ~(uint64_t)mask)) {
		mark += low;
		n++;
	}
	return n;
}

static uint32_t parse_number(const struct argp_state *state, const char *option,
			     const char *text, uint32_t min, uint32_t max)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 0);
	if (errno || *text < '0' || *text > '9' || *end || number < min ||
	    number > max)
		argp_error(state, "--%s: '%s' is not a number from %u to %u",
			   option, text, min, max);
	return (uint32_t)number;
}

static void set_path(const struct argp_state *state, char **path,
		     const char *text)
{
	char *resolved;
	int r = path_resolve(text, &resolved);

	if (r < 0) {
		argp_error(state, "cannot resolve '%s': %s", text,
			   strerror(-r));
		return;
	}
	free(*path);
	*path = resolved;
}

static void set_mode(const struct argp_state *state, enum mode mode)
{
	struct options *options = state->input;

	if (options->mode != MODE_SERVE && options->mode != mode)
		argp_error(state, "only one of --check, --purge, --probe and "
				  "--selftest");
	options->mode = mode;
}

static void set_mark(const struct argp_state *state, const char *text)
{
	struct options *options = state->input;

	if (options_parse_mark(text, &options->engine.mark_value,
			       &options->engine.mark_mask) < 0)
		argp_error(state,
			   "--mark: '%s' is not VALUE/MASK with a value other "
			   "than 0 inside the mask",
			   text);
}

/* Where a path option goes; NULL for other options. */
static char **path_of(struct options *options, int key)
{
	switch (key) {
	case KEY_POLICY:
		return &options->policy;
	case KEY_STATE:
		return &options->state;
	case KEY_RUN:
		return &options->run;
	case KEY_CGROUP:
		return &options->cgroup;
	case KEY_BPFFS:
		return &options->bpffs;
	case KEY_HOST:
		return &options->host;
	default:
		return NULL;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	char **path = path_of(options, key);

	if (path) {
		set_path(state, path, arg);
		return 0;
	}
	switch (key) {
	case KEY_MARK:
		set_mark(state, arg);
		return 0;
	case KEY_TABLE:
		/* Above the kernel's own 253-255; 512 tables follow. */
		options->engine.table_base = parse_number(
			state, "table-base", arg, 256, UINT32_MAX - 512);
		return 0;
	case KEY_RULE:
		/* Main's rule has 32766: later ones would come too late. */
		options->engine.rule_priority =
			parse_number(state, "rule-priority", arg, 1, 32764);
		return 0;
	case KEY_SHADOW:
		options->engine.shadow = true;
		return 0;
	case KEY_WITHOUT:
		options->engine.without = arg;
		return 0;
	case KEY_CHECK:
	case KEY_PURGE:
	case KEY_PROBE:
	case KEY_SELFTEST:
		set_mode(state, MODE_CHECK + (key - KEY_CHECK));
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

_Static_assert(KEY_SELFTEST - KEY_CHECK == MODE_SELFTEST - MODE_CHECK,
	       "modes and their options have the same order");

static int set_default(char **path, const char *value)
{
	if (!*path)
		*path = strdup(value);
	return *path ? 0 : -ENOMEM;
}

static int set_defaults(struct options *options)
{
	if (set_default(&options->policy, "/etc/splitd/policy.d") < 0 ||
	    set_default(&options->host, "/etc/splitd/host.plist") < 0 ||
	    set_default(&options->state, "/var/lib/splitd") < 0 ||
	    set_default(&options->run, "/run/splitd") < 0 ||
	    set_default(&options->bpffs, "/sys/fs/bpf/splitd") < 0)
		return -ENOMEM;
	/* Whoever only checks files needs none. */
	if (options->cgroup || options->mode == MODE_CHECK)
		return 0;
	return path_cgroup2_mount(NULL, &options->cgroup);
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "Steers listed apps' listed destinations into their "
		       "tunnel, and nothing else.",
	};
	struct options options = {
		.engine = {
			.mark_value = 0x01000000,
			.mark_mask = 0xff000000,
			.table_base = 51000,
			.rule_priority = 5100,
		},
	};
	int r;

	argp_err_exit_status = EXIT_USAGE;
	r = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &options);
	if (r == 0)
		r = set_defaults(&options);
	else
		r = -r;
	if (r < 0) {
		options_clear(&options);
		return r;
	}

	options.engine.cgroup = options.cgroup;
	options.engine.bpffs = options.bpffs;
	*ret_options = options;
	return 0;
}

void options_clear(struct options *options)
{
	free(options->policy);
	free(options->state);
	free(options->run);
	free(options->cgroup);
	free(options->bpffs);
	free(options->host);
	*options = (struct options){ 0 };
}
