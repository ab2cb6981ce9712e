/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The governed cgroup of this run, and the two apps below it. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

/* A hybrid host mounts cgroup2 beside the v1 controllers: ask the kernel. */
static int mount_find(char *ret_path, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[1024], point[LAB_PATH];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		const char *dash = strstr(line, " - ");

		if (!dash || strncmp(dash, " - cgroup2 ", 11) != 0)
			continue;
		if (sscanf(line, "%*s %*s %*s %*s %159s", point) != 1)
			continue;
		snprintf(ret_path, size, "%s", point);
		return 0;
	}
	return -ENOENT;
}

int cgroup_make(const char *path, int *ret_fd)
{
	int fd;

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (!ret_fd)
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int cgroup_join(const char *path, pid_t pid)
{
	char file[LAB_PATH + 16], text[16];

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	snprintf(text, sizeof(text), "%d", pid);
	return write_file(file, text);
}

/* Where it will be: the supervisor must know, to take it away. */
int cgroup_name(struct lab *lab, pid_t pid)
{
	int r = mount_find(lab->mount, sizeof(lab->mount));

	if (r < 0)
		return r;
	snprintf(lab->cgroup, sizeof(lab->cgroup), "%.120s/splitd-lab-%d",
		 lab->mount, pid);
	memcpy(lab->governed, lab->at_root ? lab->mount : lab->cgroup,
	       sizeof(lab->governed));
	return 0;
}

int cgroup_setup(struct lab *lab)
{
	char path[LAB_PATH + 32];
	int r = cgroup_make(lab->cgroup, NULL);

	snprintf(path, sizeof(path), "%s/apps", lab->cgroup);
	if (r >= 0)
		r = cgroup_make(path, NULL);

	for (enum app app = 0; app < N_APPS && r >= 0; app++) {
		snprintf(path, sizeof(path), "%s/apps/%s", lab->cgroup,
			 app_name(app));
		r = cgroup_make(path, &lab->cgroup_fd[app]);
	}
	return r;
}

/* cgroup.kill is of 5.14 (661ee6280931); the runner reaps its own before. */
static void cgroup_kill(const char *path)
{
	char file[LAB_PATH + 64];
	int64_t end = now_ms() + 5000;

	snprintf(file, sizeof(file), "%s/cgroup.kill", path);
	write_file(file, "1");
	snprintf(file, sizeof(file), "%s/cgroup.events", path);
	while (now_ms() < end) {
		_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		char events[128] = "";

		if (fd < 0 || read(fd, events, sizeof(events) - 1) <= 0)
			return;
		if (strstr(events, "populated 0"))
			return;
		poll(&p, 1, 100);
	}
}

static int directory_remove(const char *path, const struct stat *st, int type,
			    struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_DP)
		rmdir(path);
	return 0;
}

/* Ends what is left in it, and removes it with all below. */
void cgroup_remove(const char *path)
{
	if (access(path, F_OK) < 0)
		return;
	cgroup_kill(path);
	nftw(path, directory_remove, 16, FTW_DEPTH | FTW_PHYS);
}
