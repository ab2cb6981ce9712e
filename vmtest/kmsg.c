/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's log: has it complained? */

/*
 * /dev/kmsg gives one record a read, "LEVEL,NUMBER,TIME,FLAGS;TEXT", where
 * LEVEL / 8 is the facility: 0 is the kernel, and what a program writes there
 * gets another. Records that were overwritten before they were read (EPIPE)
 * may have held anything: a log with a hole is no clean log.
 *
 * The taint flags are a second witness: they remember a warning whose text was
 * not understood.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmtest/guest.h"

/* A boot without a word in it was not read. */
#define LEAST_RECORDS 50

/* Died or oopsed (7), warned (9), soft lockup (14): see tainted-kernels.rst. */
#define TAINTS (1ul << 7 | 1ul << 9 | 1ul << 14)

static const char *const splats[] = {
	"BUG:",
	"WARNING: CPU", /* up to 6.18; "WARNING:" also begins advice */
	"------------[ cut here ]",
	"Call Trace:",
	"Oops",
	"general protection fault",
	"Kernel panic",
	"rcu_sched detected stalls",
	"detected stalls on CPUs",
	"self-detected stall",
	"blocked for more than",
	"soft lockup",
	"hard LOCKUP",
	"refcount_t:",
	"UBSAN:",
	"possible recursive locking",
	"possible circular locking",
	"suspicious RCU usage",
	"unregister_netdevice: waiting for",
	"Out of memory",
	"page allocation failure",
	"segfault at", /* a program of ours */
	"trap invalid opcode",
};

static int kmsg = -1;
static unsigned records, bad, lost;

int kmsg_open(void)
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return kmsg < 0 ? -errno : 0;
}

int kmsg_fd(void)
{
	return kmsg;
}

/* For the self-test: a log that says nothing. */
void kmsg_break(void)
{
	close(kmsg);
	kmsg = open("/dev/null", O_RDONLY | O_CLOEXEC);
	records = 0;
}

static void record_check(const char *record)
{
	const char *text = strchr(record, ';');

	records++;
	if (!text || strtoul(record, NULL, 10) / 8 != 0)
		return;
	for (size_t i = 0; i < sizeof(splats) / sizeof(*splats); i++) {
		if (!strstr(text, splats[i]))
			continue;
		bad++;
		report("splat %.*s", (int)strcspn(text + 1, "\n"), text + 1);
		return;
	}
}

void kmsg_read(void)
{
	char record[8192];
	ssize_t n;

	for (;;) {
		n = read(kmsg, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE) {
			lost++;
			continue;
		}
		if (n <= 0)
			return;
		record[n] = '\0';
		record_check(record);
	}
}

static bool taints_clean(void)
{
	unsigned long taints = TAINTS;
	FILE *file = fopen("/proc/sys/kernel/tainted", "re");

	if (file) {
		if (fscanf(file, "%lu", &taints) != 1)
			taints = TAINTS;
		fclose(file);
	}
	if (!(taints & TAINTS))
		return true;
	report("splat the kernel is tainted: %lu", taints);
	return false;
}

bool kmsg_clean(void)
{
	bool clean = taints_clean();

	kmsg_read();
	if (records < LEAST_RECORDS)
		report("red the log could not be scanned: %u records", records);
	else if (lost)
		report("red the log has %u holes", lost);
	else
		report("log %u records, %u complaints", records, bad);
	return clean && records >= LEAST_RECORDS && !lost && !bad;
}
