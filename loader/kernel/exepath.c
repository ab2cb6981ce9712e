// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's key of an executable: directory and name. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loader/kernel/exepath.h"
#include "loader/util/cleanup.h"

/*
 * The device as the superblock has it. stat() tells another one on overlayfs
 * and btrfs; mountinfo does not (5.8 and newer tell the mount in statx()).
 */
static int superblock_dev(uint64_t mount_id, uint32_t *ret_dev)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[8192];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		unsigned int major, minor;
		uint64_t id;

		if (sscanf(line, "%" SCNu64 " %*d %u:%u", &id, &major,
			   &minor) != 3 ||
		    id != mount_id)
			continue;
		*ret_dev = major << 20 | minor;
		return 0;
	}

	return -ENOENT;
}

static int directory_key(const char *directory, struct sp_exe_key *ret_key)
{
	struct statx st;
	int r;

	if (statx(AT_FDCWD, directory, 0, STATX_INO | STATX_MNT_ID, &st))
		return -errno;
	if (!S_ISDIR(st.stx_mode))
		return -ENOENT;
	ret_key->dir = st.stx_ino;
	ret_key->dev = st.stx_dev_major << 20 | st.stx_dev_minor;
	if (!(st.stx_mask & STATX_MNT_ID))
		return 0;
	r = superblock_dev(st.stx_mnt_id, &ret_key->dev);

	/* a mount that mountinfo does not show: keep what stat said */
	return r == -ENOENT ? 0 : r;
}

/* Where the name would be of a file that is not there. */
static int real_missing(const char *path, char **ret_real)
{
	_cleanup_free_ char *directory = strdup(path), *real = NULL;
	char *name = directory ? strrchr(directory, '/') : NULL, *found;

	if (!directory)
		return -ENOMEM;
	if (!name)
		return -EINVAL;
	*name++ = '\0';
	real = realpath(*directory ? directory : "/", NULL);
	if (!real)
		return -errno;

	if (asprintf(&found, "%s/%s", real[1] ? real : "", name) < 0)
		return -ENOMEM;
	*ret_real = found;

	return 0;
}

int exepath_key(const char *path, struct sp_exe_key *ret_key, bool *ret_linked)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	struct sp_exe_key key = { 0 };
	bool linked;
	char *name;
	int r = 0;

	if (!real)
		r = errno == ENOENT ? real_missing(path, &real) : -errno;
	if (r)
		return r == -ENOTDIR ? -ENOENT : r;
	linked = strcmp(real, path) != 0;
	name = strrchr(real, '/');
	*name++ = '\0';
	/* a longer name would be cut off in the kernel, and match */
	if (strlen(name) >= sizeof(key.name) - 1)
		return -ENAMETOOLONG;
	strcpy(key.name, name);
	r = directory_key(*real ? real : "/", &key);
	if (r)
		return r == -ENOTDIR ? -ENOENT : r;
	*ret_key = key;
	*ret_linked = linked;

	return 0;
}
