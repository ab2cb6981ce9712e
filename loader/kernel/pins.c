// SPDX-License-Identifier: GPL-2.0-or-later
/* The pin directory: where kernel objects are found again. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bpf/abi.h"
#include "loader/kernel/pins.h"
#include "loader/util/cleanup.h"

#define CLSACT_SUFFIX "+clsact"
#define FRESH_SUFFIX  "+new"
#define LOCK_TRIES    20
#define LOCK_WAIT_MS  10

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static int make_dir(const char *path)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;

	return 0;
}

static int ensure_root(const char *root)
{
	static const char standard[] = "/sys/fs/bpf";
	int r;

	if (!strncmp(root, standard, sizeof(standard) - 1) &&
	    !is_bpffs(standard) &&
	    mount("bpf", standard, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0700"))
		return -errno;
	r = make_dir(root);
	if (r)
		return r;

	return is_bpffs(root) ? 0 : -EINVAL;
}

__attribute__((format(printf, 3, 4))) static int
set_path(char *path, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(path, size, format, args);
	va_end(args);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int pins_make_dirs(const struct pins *pins)
{
	static const char *const plain[] = { "links", "doors" };
	char path[PATH_MAX];
	int r;

	r = ensure_root(pins->root);
	if (!r)
		r = make_dir(pins->abi);
	if (!r)
		r = make_dir(pins->memory);
	for (size_t i = 0; !r && i < 2; i++) {
		r = set_path(path, sizeof(path), "%s/%s", pins->root, plain[i]);
		if (!r)
			r = make_dir(path);
	}

	return r;
}

/*
 * The lock goes with the last descriptor of it: that of a parser that a killed
 * daemon left, which ends by itself, may live a moment longer.
 */
int pins_lock(const char *root, int *ret_fd)
{
	_cleanup_close_ int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int tries = 0;

	if (fd < 0 && errno != ENOENT)
		return -errno;
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (++tries > LOCK_TRIES)
			return -EBUSY;
		poll(NULL, 0, LOCK_WAIT_MS);
	}
	*ret_fd = TAKE_FD(fd);

	return 0;
}

int pins_relock(struct pins *pins)
{
	struct stat held, now;
	int fd, r;

	if (!fstat(pins->lock, &held) && !stat(pins->root, &now) &&
	    held.st_ino == now.st_ino && held.st_dev == now.st_dev)
		return 0;
	r = pins_lock(pins->root, &fd);
	if (r)
		return r;
	cleanup_close(&pins->lock);
	pins->lock = fd;

	return 0;
}

int pins_open(struct pins *pins, const char *root, uint32_t abi_layout,
	      uint32_t memory_layout, bool *ret_adopted)
{
	int r;

	r = set_path(pins->root, sizeof(pins->root), "%s", root);
	if (!r)
		r = set_path(pins->abi, sizeof(pins->abi), "%s/abi-%d-%08x",
			     root, SP_ABI_VERSION, abi_layout);
	if (!r)
		r = set_path(pins->memory, sizeof(pins->memory),
			     "%s/memory-%d-%08x", root, SP_SOCK_VERSION,
			     memory_layout);
	if (r)
		return r;
	pins->fresh = access(root, F_OK) != 0;
	r = ensure_root(root);
	if (!r)
		r = pins_lock(root, &pins->lock);
	if (r)
		return r;
	*ret_adopted = !access(pins->abi, F_OK);

	return pins_make_dirs(pins);
}

/* In one step, so that a crash leaves the old object pinned or the new one. */
int pins_put(int fd, const char *path)
{
	char fresh[PATH_MAX];
	int r;

	/* a BPF file system refuses names with a dot */
	r = set_path(fresh, sizeof(fresh), "%s" FRESH_SUFFIX, path);
	if (r)
		return r;
	if (unlink(fresh) && errno != ENOENT)
		return -errno;
	if (bpf_obj_pin(fd, fresh) || rename(fresh, path))
		return -errno;

	return 0;
}

int pins_link_path(const struct pins *pins, const char *hook,
		   char ret_path[PATH_MAX])
{
	return set_path(ret_path, PATH_MAX, "%s/links/%s", pins->root, hook);
}

/* ---- doors ------------------------------------------------------------- */

static int door_path(const char *root, unsigned int ifindex, bool clsact,
		     char ret_path[PATH_MAX])
{
	return set_path(ret_path, PATH_MAX, "%s/doors/%u%s", root, ifindex,
			clsact ? CLSACT_SUFFIX : "");
}

bool pins_made_clsact(const struct pins *pins, unsigned int ifindex)
{
	char path[PATH_MAX];

	return !door_path(pins->root, ifindex, true, path) &&
	       !access(path, F_OK);
}

int pins_note_door(const struct pins *pins, int program_fd,
		   unsigned int ifindex, bool made_clsact)
{
	char path[PATH_MAX];
	int r;

	/* where an earlier daemon made it, that stays on record */
	if (!made_clsact && pins_made_clsact(pins, ifindex))
		return 0;
	r = door_path(pins->root, ifindex, made_clsact, path);
	if (r || !access(path, F_OK))
		return r;

	if (bpf_obj_pin(program_fd, path))
		return -errno;
	/* one record an interface */
	if (made_clsact && !door_path(pins->root, ifindex, false, path))
		(void)unlink(path);

	return 0;
}

void pins_forget_door(const char *root, unsigned int ifindex)
{
	char path[PATH_MAX];

	for (int clsact = 0; clsact < 2; clsact++)
		if (!door_path(root, ifindex, clsact, path))
			(void)unlink(path);
}

int pins_each_door(const char *root, pins_door_fn fn, void *ctx)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX], *end;
	struct dirent *entry;
	int r;

	r = set_path(path, sizeof(path), "%s/doors", root);
	if (r)
		return r;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		unsigned long ifindex = strtoul(entry->d_name, &end, 10);
		int s;

		if (end == entry->d_name)
			continue;
		s = fn((unsigned int)ifindex, !strcmp(end, CLSACT_SUFFIX), ctx);
		if (s && !r)
			r = s;
	}

	return r;
}

/* ---- removal ----------------------------------------------------------- */

/* One level of pins, then the directory. */
static int remove_dir(const char *path)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) && !r)
			r = -errno;
	}
	if (rmdir(path) && !r)
		r = -errno;

	return r;
}

static bool is_map_dir(const char *name)
{
	return !strncmp(name, "abi-", 4) || !strncmp(name, "memory-", 7);
}

/* All directories below root; with keep only the maps of other versions. */
static int remove_dirs(const char *root, const struct pins *keep)
{
	_cleanup_closedir_ DIR *dir = opendir(root);
	struct dirent *entry;
	char path[PATH_MAX];
	int r = 0, s;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		s = set_path(path, sizeof(path), "%s/%s", root, entry->d_name);
		if (!s && keep &&
		    (!is_map_dir(entry->d_name) || !strcmp(path, keep->abi) ||
		     !strcmp(path, keep->memory)))
			continue;
		if (!s)
			s = remove_dir(path);
		if (s && !r)
			r = s;
	}

	return r;
}

/* What pins_put() was about to rename when its daemon was killed. */
static int drop_fresh(const char *path)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		const char *plus = strchr(entry->d_name, '+');

		if (plus && !strcmp(plus, FRESH_SUFFIX) &&
		    unlinkat(dirfd(dir), entry->d_name, 0) && !r)
			r = -errno;
	}

	return r;
}

int pins_drop_others(const struct pins *pins)
{
	char links[PATH_MAX];
	int r;

	r = set_path(links, sizeof(links), "%s/links", pins->root);
	if (!r)
		r = drop_fresh(links);
	if (!r)
		r = drop_fresh(pins->abi);
	if (!r)
		r = drop_fresh(pins->memory);

	return r ? r : remove_dirs(pins->root, pins);
}

int pins_purge(const char *root)
{
	int r = remove_dirs(root, NULL);

	if (rmdir(root) && errno != ENOENT && !r)
		r = -errno;

	return r;
}
