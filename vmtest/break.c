/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The self-test: every way we know in which a run can go wrong. */

/*
 * Each must be red on the host. The list of names is the self-test's as well
 * (vmtest/selftest): a way that is missing on one side is an error there.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmtest/guest.h"

bool break_mute, break_drop;
const char *break_forge;

static void panic_now(pid_t suite)
{
	(void)suite;
	write_text("/proc/sysrq-trigger", "c");
}

/* Only the watchdog in the guest can end this ... */
static void hang(pid_t suite)
{
	kill(suite, SIGSTOP);
}

/* ... and only the host this. */
static void freeze(pid_t suite)
{
	(void)suite;
	for (;;)
		pause();
}

static void crash(pid_t suite)
{
	kill(suite, SIGSEGV);
}

static void mute(pid_t suite)
{
	(void)suite;
	break_mute = true;
}

static void drop(pid_t suite)
{
	(void)suite;
	break_drop = true;
}

static void bad_result(pid_t suite)
{
	(void)suite;
	break_forge = "not ok forged";
}

static void skip_result(pid_t suite)
{
	(void)suite;
	break_forge = "skip forged: nobody expects it";
}

/* nft does nothing any more, and says that it went well. */
static void sensor_dead(pid_t suite)
{
	(void)suite;
	mount("/usr/bin/true", "/usr/sbin/nft", NULL, MS_BIND, NULL);
	mount("/usr/bin/true", "/usr/bin/nft", NULL, MS_BIND, NULL);
}

/* The kernel prints a stack, as it does in every splat. */
static void splat(pid_t suite)
{
	(void)suite;
	write_text("/proc/sysrq-trigger", "l");
}

static void taint(pid_t suite)
{
	(void)suite;
	write_text("/proc/sys/kernel/tainted", "512");
}

/* A program that crashes unasked. */
static void segfault(pid_t suite)
{
	volatile int *volatile nowhere = NULL;
	pid_t pid = fork();

	(void)suite;
	if (pid == 0) {
		*nowhere = 1;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void blind(pid_t suite)
{
	(void)suite;
	kmsg_break();
}

static void init_dies(pid_t suite)
{
	(void)suite;
	_exit(0);
}

/* Green in the second judgement, but not by the first. */
static void exit_silent(pid_t suite)
{
	(void)suite;
	machine_end(true);
}

static void reboot_now(pid_t suite)
{
	(void)suite;
	report("closing forged green");
	reboot(RB_AUTOBOOT);
}

static const struct {
	const char *name;
	enum stage stage;
	void (*run)(pid_t suite);
} ways[] = {
	{ "panic", STAGE_RESULT, panic_now },
	{ "hang", STAGE_RESULT, hang },
	{ "freeze", STAGE_RESULT, freeze },
	{ "crash", STAGE_RESULT, crash },
	{ "truncated", STAGE_RESULT, mute },
	{ "fewer", STAGE_RESULT, drop },
	{ "failed", STAGE_RESULT, bad_result },
	{ "skipped", STAGE_RESULT, skip_result },
	{ "sensor", STAGE_START, sensor_dead },
	{ "splat", STAGE_RESULT, splat },
	{ "taint", STAGE_RESULT, taint },
	{ "segfault", STAGE_RESULT, segfault },
	{ "unscanned", STAGE_START, blind },
	{ "init", STAGE_RESULT, init_dies },
	{ "unclosed", STAGE_END, exit_silent },
	{ "reboot", STAGE_END, reboot_now },
};

static size_t chosen = sizeof(ways) / sizeof(*ways);

/* "": none. */
int break_set(const char *name)
{
	if (!name[0])
		return 0;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (strcmp(ways[i].name, name) == 0) {
			chosen = i;
			return 0;
		}
	}
	return -ENOENT;
}

void break_at(enum stage stage, pid_t suite)
{
	if (chosen < sizeof(ways) / sizeof(*ways) &&
	    ways[chosen].stage == stage)
		ways[chosen].run(suite);
}
