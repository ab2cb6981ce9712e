/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a bare kernel to a machine on which the lab can run. */

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmtest/guest.h"

static const struct {
	const char *type, *place, *options;
} mounts[] = {
	{ "devtmpfs", "/dev", "" },
	{ "proc", "/proc", "" },
	{ "sysfs", "/sys", "" },
	{ "tmpfs", "/run", "mode=0755" },
	{ "tmpfs", "/tmp", "mode=1777" },
	{ "cgroup2", "/sys/fs/cgroup", "" },
	{ "bpf", "/sys/fs/bpf", "mode=0700" },
	{ "debugfs", "/sys/kernel/debug", "" },
	{ "tracefs", "/sys/kernel/tracing", "" },
};

static const char *const settings[][2] = {
	/* What oopses must not go on and be green. */
	{ "/proc/sys/kernel/panic_on_oops", "1" },
	{ "/proc/sys/kernel/hung_task_timeout_secs", "60" },
	{ "/proc/sys/kernel/sysrq", "1" },
	{ "/proc/sys/kernel/printk", "3" },
};

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		n = -errno;
	close(fd);
	return n < 0 ? (int)n : 0;
}

/* The console did not exist when the kernel wanted to give it to us. */
static int console_open(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return -errno;
	for (int to = 0; to < 3; to++)
		if (fd != to && dup2(fd, to) < 0)
			return -errno;
	if (fd > 2)
		close(fd);
	setvbuf(stdout, NULL, _IOLBF, 0);
	return 0;
}

int setup_mounts(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		mkdir(mounts[i].place, 0755);
		if (mount(mounts[i].type, mounts[i].place, mounts[i].type, 0,
			  mounts[i].options) < 0)
			return -errno;
	}
	symlink("/proc/self/fd", "/dev/fd");
	return console_open();
}

static int module_load(const char *name)
{
	char path[128];
	int fd, r = 0;

	snprintf(path, sizeof(path), "/mod/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
		r = -errno;
	close(fd);
	return r;
}

/* In the order that the host found out: a module after those it needs. */
static int modules_load(void)
{
	FILE *order = fopen("/mod/order", "re");
	char name[96];
	int r = 0;

	if (!order)
		return -errno;
	while (fscanf(order, "%95s", name) == 1) {
		int one = module_load(name);

		if (one < 0) {
			report("red module %s: %s", name, strerror(-one));
			r = one;
		}
	}
	fclose(order);
	return r;
}

static int loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		r = -errno;
	close(fd);
	return r;
}

int setup_machine(void)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		int r = write_text(settings[i][0], settings[i][1]);

		/* Not every kernel has every one of them. */
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return modules_load() < 0 ? -EIO : loopback_up();
}
