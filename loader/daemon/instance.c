/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One instance per run directory, and what it was started with. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "loader/daemon/instance.h"
#include "loader/daemon/options.h"
#include "loader/util/cleanup.h"
#include "loader/util/file.h"

/*
 * A record lock, since unlike flock() it says who holds it: that is how a
 * daemon that no longer answers is found. It goes with any descriptor of the
 * file, so the file is opened only here.
 */
static int take_lock(int fd, pid_t *ret_holder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EACCES && errno != EAGAIN)
		return -errno;

	lock = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
	*ret_holder = fcntl(fd, F_GETLK, &lock) == 0 ? lock.l_pid : 0;
	return -EBUSY;
}

int instance_open(const char *run, struct instance *ret_instance,
		  pid_t *ret_holder)
{
	_cleanup_close_ int dir = -1, lock = -1;
	int r;

	r = dir_make(run, 0755, &dir);
	if (r < 0)
		return r;
	lock = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		      0600);
	if (lock < 0)
		return -errno;
	r = take_lock(lock, ret_holder);
	if (r < 0)
		return r;

	*ret_instance = (struct instance){ TAKE_FD(dir), TAKE_FD(lock) };
	return 0;
}

static json_t *settings(const struct options *options)
{
	const struct engine_options *engine = &options->engine;
	struct stat netns = { 0 };
	char mark[32], cookie[32];

	snprintf(mark, sizeof(mark), "0x%08x/0x%08x", engine->mark_value,
		 engine->mark_mask);
	if (stat("/proc/self/ns/net", &netns) < 0)
		netns.st_ino = 0;
	snprintf(cookie, sizeof(cookie), "%llu",
		 (unsigned long long)netns.st_ino);

	return json_pack("{s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, "
			 "s:I, s:b, s:s}",
			 "version", 1, "pid", (int)getpid(), "policy",
			 options->policy, "host", options->host, "state",
			 options->state, "run", options->run, "cgroup",
			 options->cgroup, "bpffs", options->bpffs, "mark", mark,
			 "table_base", (json_int_t)engine->table_base,
			 "rule_priority", (json_int_t)engine->rule_priority,
			 "shadow", engine->shadow, "netns", cookie);
}

int instance_record(const struct instance *instance,
		    const struct options *options)
{
	_cleanup_free_ char *text = NULL;
	json_t *json = settings(options);

	/* A path that is not UTF-8 cannot be written down. */
	if (!json)
		return -EILSEQ;
	text = json_dumps(json, JSON_INDENT(2));
	json_decref(json);
	if (!text)
		return -ENOMEM;
	return file_replace_at(instance->dir, "settings.json", text,
			       strlen(text), 0644);
}

void instance_remove(struct instance *instance, const char *run)
{
	static const char *const names[] = { "control.sock", "settings.json",
					     "lock" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlinkat(instance->dir, names[i], 0);
	instance_close(instance);
	rmdir(run);
}

void instance_close(struct instance *instance)
{
	cleanup_close(&instance->lock);
	cleanup_close(&instance->dir);
	*instance = (struct instance){ -1, -1 };
}
