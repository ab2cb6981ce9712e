/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitctl as a user runs it: its status, its two outputs, its JSON. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define MAX_ARGS 24

void ctl_clear(struct ctl *ctl)
{
	free(ctl->out);
	free(ctl->err);
}

static char *output_read(int fd)
{
	struct stat st;
	char *text;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	n = text ? pread(fd, text, (size_t)st.st_size, 0) : -1;
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

static int ctl_exec(struct life *life, uid_t uid, char *const argv[], int out,
		    int err)
{
	pid_t pid = proc_fork(life->lab, -1, NS_CLIENT);

	if (pid != 0)
		return pid < 0 ? (int)pid : proc_wait(pid, 30000);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (proc_uid(uid) < 0)
		_exit(97);
	execv(argv[0], argv);
	_exit(98);
}

/*
 * The arguments end with NULL; --run is added. With --check for the first it
 * is splitd that runs. ctl_clear() afterwards.
 */
int ctl_run(struct life *life, uid_t uid, struct ctl *ret_ctl, ...)
{
	_cleanup_close_ int out = memfd_create("out", MFD_CLOEXEC);
	_cleanup_close_ int err = memfd_create("err", MFD_CLOEXEC);
	char run[LAB_PATH + 8], *argv[MAX_ARGS + 4];
	const char *arg;
	unsigned n = 0;
	va_list ap;

	argv[n++] = (char *)life->lab->daemon.ctl;
	va_start(ap, ret_ctl);
	while ((arg = va_arg(ap, const char *)) && n < MAX_ARGS)
		argv[n++] = (char *)arg;
	va_end(ap);
	snprintf(run, sizeof(run), "%s/run", life->lab->dir);
	if (strcmp(argv[1], "--check") == 0)
		argv[0] = (char *)life->lab->daemon.path;
	if (strcmp(argv[1], "check") != 0) {
		argv[n++] = "--run";
		argv[n++] = run;
	}
	argv[n] = NULL;

	ret_ctl->status = ctl_exec(life, uid, argv, out, err);
	ret_ctl->out = output_read(out);
	ret_ctl->err = output_read(err);
	if (ret_ctl->status < 0 || !ret_ctl->out || !ret_ctl->err)
		return life_no(life, "splitctl %s: cannot run", argv[1]);
	return 0;
}

/* Reloads; the status must be this one. */
int ctl_reload(struct life *life, int status)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	int r = ctl_run(life, 0, &ctl, "reload", NULL);

	if (r >= 0 && ctl.status != status)
		r = life_no(life, "reload exits %d, not %d: %.300s", ctl.status,
			    status, ctl.err);
	return r;
}

int ctl_json(struct life *life, const struct ctl *ctl, json_t **ret_json)
{
	json_error_t error;

	*ret_json = json_loads(ctl->out, 0, &error);
	if (!*ret_json)
		return life_no(life, "no JSON (%s): %.100s%.200s", error.text,
			       ctl->out, ctl->err);
	return 0;
}

static bool type_fits(const json_t *value, const char *type)
{
	for (; *type; type++) {
		if ((*type == 's' && json_is_string(value)) ||
		    (*type == 'i' && json_is_integer(value)) ||
		    (*type == 'b' && json_is_boolean(value)) ||
		    (*type == 'a' && json_is_array(value)) ||
		    (*type == 'o' && json_is_object(value)) ||
		    (*type == '0' && json_is_null(value)))
			return true;
	}
	return false;
}

/*
 * "verdict:s app:s0 ...": these keys are there, each of one of its types (s, i,
 * b, a, o, 0 for null).
 */
int ctl_keys(struct life *life, const json_t *json, const char *spec)
{
	char key[64], type[8];
	int used;

	while (sscanf(spec, " %63[^:]:%7s%n", key, type, &used) == 2) {
		json_t *value = json_object_get(json, key);

		if (!value)
			return life_no(life, "no key '%s'", key);
		if (!type_fits(value, type))
			return life_no(life, "'%s' is not of type %s", key,
				       type);
		spec += used;
	}
	return 0;
}

static bool state_is(struct life *life, const char *state)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	_cleanup_json_ json_t *json = NULL;
	const char *now = NULL;

	if (ctl_run(life, 0, &ctl, "status", "--json", NULL) < 0 ||
	    ctl_json(life, &ctl, &json) < 0)
		return false;
	json_unpack(json, "{s:[{s:s}]}", "tunnels", "state", &now);
	return now && strcmp(now, state) == 0;
}

/* Until status says this of the first tunnel. */
int ctl_state(struct life *life, const char *state, int deadline_ms)
{
	int64_t end = now_ms() + deadline_ms;

	while (!state_is(life, state)) {
		if (now_ms() > end)
			return life_no(life, "the tunnel is not %s after %d ms",
				       state, deadline_ms);
		poll(NULL, 0, 1);
	}
	return 0;
}
