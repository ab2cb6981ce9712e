/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's two ways to say something to the host. */

/*
 * One is the second serial port, for text. The other is QEMU's isa-debug-exit
 * device: a write of N to its port ends the emulator with status 2 N + 1. A
 * machine that panics, or is powered off in any other way, ends it with 0, and
 * no accident makes it 85.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/io.h>
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

#include "vmtest/guest.h"

#define EXIT_PORT  0xf4
#define EXIT_GREEN 42 /* 85 on the host */
#define EXIT_RED   1

static FILE *channel;

int report_open(void)
{
	struct termios t;
	int fd = open("/dev/ttyS1", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || tcgetattr(fd, &t) < 0)
		return -errno;
	cfmakeraw(&t);
	if (tcsetattr(fd, TCSANOW, &t) < 0)
		return -errno;
	channel = fdopen(fd, "w");
	if (!channel)
		return -errno;
	setvbuf(channel, NULL, _IOLBF, 0);
	return 0;
}

/* A line; the newline is added. */
void report(const char *format, ...)
{
	va_list ap;

	if (!channel)
		return;
	va_start(ap, format);
	vfprintf(channel, format, ap);
	va_end(ap);
	fputc('\n', channel);
}

void machine_end(bool green)
{
	fflush(NULL);
	if (channel)
		tcdrain(fileno(channel));
	tcdrain(STDOUT_FILENO);
	if (ioperm(EXIT_PORT, 4, 1) == 0)
		outl(green ? EXIT_GREEN : EXIT_RED, EXIT_PORT);
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
