/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy's files: changed by name and text, as an administrator would. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

/* What policy.c wrote; the state goes back to nothing. */
static const char *const files[] = { "policy/vpn.mobileconfig",
				     "policy/apps.plist", "host.plist" };
static const char *const emptied[] = { "policy", "state" };

static void path_of(const struct life *life, const char *name, bool saved,
		    char path[static LAB_PATH + 64])
{
	const char *slash = strrchr(name, '/');

	snprintf(path, LAB_PATH + 64, "%s/%s%.50s", life->lab->dir,
		 saved ? "saved/" : "", saved && slash ? slash + 1 : name);
}

/* The lab's own text of a file; free() it. */
char *file_text(const struct life *life, const char *name)
{
	char path[LAB_PATH + 64];
	_cleanup_close_ int fd = -1;
	struct stat st;
	char *text;
	ssize_t n;

	path_of(life, name, true, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	n = text ? read(fd, text, (size_t)st.st_size) : -1;
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

int files_save(struct life *life)
{
	char from[LAB_PATH + 64], to[LAB_PATH + 64];
	int r = 0;

	snprintf(to, sizeof(to), "%s/saved", life->lab->dir);
	if (mkdir(to, 0755) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files) && r >= 0; i++) {
		path_of(life, files[i], false, from);
		path_of(life, files[i], true, to);
		r = copy_file(from, to, 0644);
	}
	return r;
}

static int remove_below(const char *path, const struct stat *st, int type,
			struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level ? remove(path) : 0;
}

int files_restore(struct life *life)
{
	char path[LAB_PATH + 64];
	int r = 0;

	for (size_t i = 0; i < sizeof(emptied) / sizeof(*emptied); i++) {
		path_of(life, emptied[i], false, path);
		nftw(path, remove_below, 8, FTW_DEPTH | FTW_PHYS);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(*files) && r >= 0; i++)
		r = file_edit(life, files[i], "", "");
	return r;
}

/* Atomically, and seen by the daemon as one change. */
int file_put(struct life *life, const char *name, const char *text)
{
	char path[LAB_PATH + 64], fresh[LAB_PATH + 64];
	int r;

	path_of(life, name, false, path);
	snprintf(fresh, sizeof(fresh), "%s/fresh", life->lab->dir);
	r = write_file(fresh, text);
	if (r >= 0 && rename(fresh, path) < 0)
		r = -errno;
	return r < 0 ? life_no(life, "%s: %s", name, strerror(-r)) : 0;
}

/* The lab's own text, the first "find" replaced. */
int file_edit(struct life *life, const char *name, const char *find,
	      const char *replace)
{
	_cleanup_free_ char *text = file_text(life, name), *edited = NULL;
	char *at = text ? strstr(text, find) : NULL;

	if (!at)
		return life_no(life, "%s: no '%s' in it", name, find);
	if (asprintf(&edited, "%.*s%s%s", (int)(at - text), text, replace,
		     at + strlen(find)) < 0)
		return -ENOMEM;
	return file_put(life, name, edited);
}

/* The lab's profile once more, under other names: a second tunnel, of tun9. */
int file_second(struct life *life, const char *name)
{
	static const char device[] = "<key>Interface</key><string>tun0";
	static const char *const names[] = {
		"d2773557-b535-414f-968a-5447d9c02d52", "com.example.lab"
	};
	_cleanup_free_ char *text = file_text(life, "policy/vpn.mobileconfig");
	char *at = text ? strstr(text, device) : NULL;

	if (!at)
		return life_no(life, "the profile names no interface");
	at[sizeof(device) - 2] = '9';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		while ((at = strstr(text, names[i])))
			at[0] = i ? 'C' : 'e';
	return file_put(life, name, text);
}

void file_remove(struct life *life, const char *name)
{
	char path[LAB_PATH + 64];

	path_of(life, name, false, path);
	unlink(path);
}

#define MAX_MORE 64

int files_more(struct life *life, unsigned prefixes)
{
	static const char listed[] = "<string>1.1.1.1/32</string>";
	char text[MAX_MORE * 40 + sizeof(listed)];
	int n = snprintf(text, sizeof(text), "%s", listed);

	for (unsigned i = 0; i < prefixes && i < MAX_MORE; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "<string>198.18.%u.0/24</string>\n", i);
	return file_edit(life, "policy/vpn.mobileconfig", listed, text);
}
