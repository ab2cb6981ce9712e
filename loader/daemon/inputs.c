/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files a policy is made of, as bytes: nothing in here looks inside.
 *
 * A policy decides where other users' traffic goes, so a file counts only if
 * nobody but root (or whoever runs the daemon) can have written it. The checks
 * are made on the opened descriptor, never on a name that may be replaced
 * meanwhile, and O_NONBLOCK keeps a FIFO from holding the daemon.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/daemon/inputs.h"
#include "loader/util/cleanup.h"
#include "loader/util/file.h"
#include "loader/util/path.h"
#include "loader/util/plain.h"
#include "policy/read/cms.h"
#include "policy/read/report.h"

#define MAX_FILES 65536

static const char *const suffixes[] = { ".mobileconfig", ".plist", ".xml" };

bool input_name_counts(const char *name)
{
	size_t len = strlen(name);

	if (name[0] == '.')
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		size_t n = strlen(suffixes[i]);

		if (len > n && !strcmp(name + len - n, suffixes[i]))
			return true;
	}
	return false;
}

/* Reports and returns -EBADMSG, or -ENOMEM. */
static int refuse(struct report *report, const char *path, const char *code,
		  const char *why)
{
	const struct place place = { .file = path, .path = "" };
	int r = report_add(report, code, &place, NULL, "%s", why);

	return r < 0 ? r : -EBADMSG;
}

static int refuse_unread(struct report *report, const char *path, int error)
{
	char why[160];

	snprintf(why, sizeof(why), "cannot be read: %s", strerror(error));
	return refuse(report, path, "E102", why);
}

/* What is wrong with this owner or mode; NULL: nothing. */
static const char *distrust(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "is not owned by root";
	if (st->st_mode & S_IWOTH)
		return "is writable by everybody";
	if (st->st_mode & S_IWGRP)
		return "is writable by its group";
	return NULL;
}

static bool changed(const struct stat *a, const struct stat *b)
{
	return a->st_size != b->st_size ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	       a->st_mtim.tv_nsec != b->st_mtim.tv_nsec ||
	       a->st_ctim.tv_sec != b->st_ctim.tv_sec ||
	       a->st_ctim.tv_nsec != b->st_ctim.tv_nsec;
}

static int read_checked(int fd, struct input *input, enum input_trust trust,
			struct report *report)
{
	/* What anybody's file is only parsing tells. */
	bool large = input->host || trust == INPUT_ANYONE;
	size_t max = large ? INPUT_MAX_HOST : INPUT_MAX_PROFILE;
	const char *path = input->path, *why;
	struct stat before, after;
	char text[96];
	int r;

	if (fstat(fd, &before) < 0)
		return refuse_unread(report, path, errno);
	if (!S_ISREG(before.st_mode))
		return refuse(report, path, "E102", "is not a regular file");
	why = trust == INPUT_TRUSTED ? distrust(&before) : NULL;
	if (why)
		return refuse(report, path, "E102", why);

	r = file_read_fd(fd, max, &input->bytes, &input->len);
	if (r == -EFBIG) {
		snprintf(text, sizeof(text),
			 "file is %lld bytes, the limit is %zu",
			 (long long)before.st_size, max);
		return refuse(report, path, "E100", text);
	}
	if (r < 0)
		return refuse_unread(report, path, -r);

	if (fstat(fd, &after) < 0 || changed(&before, &after)) {
		free(TAKE_PTR(input->bytes));
		return refuse(report, path, "E102",
			      "changed while it was being read");
	}
	return 0;
}

/* Opens and reads; with an error input->bytes stays NULL. */
static int fill(struct input *input, enum input_trust trust,
		struct report *report)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	_cleanup_close_ int fd = -1;

	/* Messages, answers and the parser's pipe carry the name as text. */
	if (!plain_is_utf8(input->path))
		return refuse(report, input->path, "E102",
			      "has a name that is not UTF-8");
	if (trust == INPUT_TRUSTED)
		flags |= O_NOFOLLOW;
	fd = open(input->path, flags);
	if (fd < 0) {
		if (errno != ELOOP)
			return refuse_unread(report, input->path, errno);
		return refuse(report, input->path, "E102",
			      "is a symbolic link");
	}
	return read_checked(fd, input, trust, report);
}

static struct input *append(struct input_list *list, const char *path)
{
	struct input *grown =
		realloc(list->inputs, (list->n + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	list->inputs = grown;

	grown[list->n] = (struct input){ .path = strdup(path) };
	return grown[list->n].path ? &grown[list->n++] : NULL;
}

int inputs_add_file(struct input_list *list, const char *path, bool host,
		    enum input_trust trust, struct report *report)
{
	struct input *input;
	int r;

	if (host && access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	list->had_host |= host;

	input = append(list, path);
	if (!input)
		return -ENOMEM;
	input->host = host;

	r = fill(input, trust, report);
	return r == -EBADMSG ? 0 : r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* Sorted. */
static int list_names(DIR *dir, char ***ret_names, size_t *ret_n)
{
	char **names = NULL;
	struct dirent *entry;
	size_t n = 0;
	int r = 0;

	while (r == 0 && (errno = 0, entry = readdir(dir))) {
		char **grown;

		if (!input_name_counts(entry->d_name))
			continue;
		grown = realloc(names, (n + 1) * sizeof(*grown));
		if (grown) {
			names = grown;
			names[n] = strdup(entry->d_name);
		}
		r = !grown || !names[n++] ? -ENOMEM :
		    n > MAX_FILES	  ? -E2BIG :
					    0;
	}
	if (r == 0 && errno)
		r = -errno;
	if (r < 0) {
		free_names(names, n);
		return r;
	}

	if (n > 0)
		qsort(names, n, sizeof(*names), compare_names);
	*ret_names = names;
	*ret_n = n;
	return 0;
}

static int open_dir(const char *path, enum input_trust trust,
		    struct report *report, DIR **ret_dir)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	const char *why = NULL;
	struct stat st;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir || fstat(dirfd(dir), &st) < 0)
		return refuse_unread(report, path, errno);
	if (trust == INPUT_TRUSTED)
		why = distrust(&st);
	if (why)
		return refuse(report, path, "E102", why);

	*ret_dir = TAKE_PTR(dir);
	return 0;
}

int inputs_add_dir(struct input_list *list, const char *path,
		   enum input_trust trust, struct report *report)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char **names = NULL;
	size_t n = 0;
	int r;

	r = open_dir(path, trust, report, &dir);
	if (r < 0 || !dir)
		return r;
	list->had_dir = true;
	r = list_names(dir, &names, &n);
	if (r < 0) {
		refuse_unread(report, path, -r);
		return r;
	}

	for (size_t i = 0; i < n && r == 0; i++) {
		_cleanup_free_ char *file = NULL;

		r = path_join(path, names[i], &file);
		if (r == 0)
			r = inputs_add_file(list, file, false, trust, report);
	}
	free_names(names, n);
	return r;
}

/* One file's name and bytes, each by its digest. */
struct trace {
	unsigned char path[INPUTS_DIGEST], bytes[INPUTS_DIGEST];
};

_Static_assert(INPUTS_DIGEST == CMS_DIGEST, "digests");

int inputs_digest(const struct input_list *list,
		  unsigned char ret_digest[INPUTS_DIGEST])
{
	_cleanup_free_ struct trace *traces =
		calloc(list->n + 1, sizeof(*traces));
	int r = traces ? 0 : -ENOMEM;

	for (size_t i = 0; i < list->n && r == 0; i++) {
		const struct input *input = &list->inputs[i];

		r = cms_digest(input->path, strlen(input->path),
			       traces[i].path);
		if (r == 0 && input->bytes)
			r = cms_digest(input->bytes, input->len,
				       traces[i].bytes);
	}
	if (r < 0)
		return r;
	return cms_digest(traces, list->n * sizeof(*traces), ret_digest);
}

void inputs_clear(struct input_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->inputs[i].path);
		free(list->inputs[i].bytes);
	}
	free(list->inputs);
	*list = (struct input_list){ 0 };
}
