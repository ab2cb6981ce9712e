/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PID 1 of a test machine: runs one suite and says how it went. */

/*
 * The host believes nothing but this: on the second serial port the control of
 * the sensors, a plan, as many results as planned, a clean log, a closing line
 * with the number that it gave; and the emulator's exit status 85. This program
 * gives the status only after all of it was so in its own eyes, and the host
 * counts again. Whatever else happens (a panic, a hang, a full pipe, our own
 * death) lacks one of them and is red. break.c tries.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmtest/guest.h"

static bool step(const char *what, int r)
{
	if (r < 0) {
		report("red %s: %s", what, strerror(-r));
		printf("init: %s: %s\n", what, strerror(-r));
	}
	return r >= 0;
}

static void outcome_tell(const char *name, const struct outcome *outcome)
{
	if (outcome->late)
		report("red %s took too long", name);
	if (WIFSIGNALED(outcome->status))
		report("red %s was ended by signal %d", name,
		       WTERMSIG(outcome->status));
	else if (WEXITSTATUS(outcome->status))
		report("red %s ended with %d", name,
		       WEXITSTATUS(outcome->status));
	if (!outcome->closed)
		report("red %s has no closing line", name);
	if (outcome->ok + outcome->bad + outcome->skipped != outcome->planned)
		report("red %s: %u results of %u", name,
		       outcome->ok + outcome->bad + outcome->skipped,
		       outcome->planned);
}

/* order: of the host, for the suite that it asked for; NULL: the control. */
static bool suite_green(const char *name, struct order *order)
{
	struct outcome outcome;
	struct command command;
	int r = suite_find(name, &command);

	if (r >= 0 && order && order->rows[0])
		r = suite_add(&command, "--rows", order->rows);
	if (r >= 0)
		r = suite_add(&command, "--report", "3");
	if (r >= 0 && order && order->seconds)
		command.seconds = order->seconds;
	if (r >= 0)
		r = suite_run(command.argv, command.seconds, order, &outcome);
	if (!step(name, r))
		return false;
	outcome_tell(name, &outcome);
	return outcome_green(&outcome);
}

/* The control first: a suite whose sensors sleep may be green. */
static bool all_green(struct order *order)
{
	break_at(STAGE_START, 0);
	if (!suite_green("sensors", NULL)) {
		report("red the sensors are dead");
		return false;
	}
	report("sensors ok");
	return suite_green(order->suite, order);
}

int main(void)
{
	struct order order = { 0 };
	struct utsname uts;
	bool green, clean;

	if (getpid() != 1)
		return 2;
	if (setup_mounts() < 0 || report_open() < 0)
		machine_end(false);
	uname(&uts);
	report("kernel %s", uts.release);
	if (!step("the kernel's log", kmsg_open()) ||
	    !step("command line", order_read(&order)) ||
	    !step("way to break", break_set(order.break_)) ||
	    !step("machine", setup_machine()))
		machine_end(false);

	if (strcmp(order.suite, "none") == 0)
		machine_end(true);
	green = all_green(&order);
	clean = kmsg_clean();
	break_at(STAGE_END, 0);
	report("closing %s %s", order.nonce, green && clean ? "green" : "red");
	machine_end(green && clean);
}
