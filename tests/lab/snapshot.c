/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a host looks like: taken before the start, compared after the purge. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

#define OUTPUT_SIZE 65536

/* In the client's namespace. Counters and ages would differ by themselves. */
static char *const *const programs[] = {
	(char *const[]){ "ip", "-4", "rule", NULL },
	(char *const[]){ "ip", "-6", "rule", NULL },
	(char *const[]){ "ip", "-4", "route", "show", "table", "all", NULL },
	(char *const[]){ "ip", "-6", "route", "show", "table", "all", NULL },
	(char *const[]){ "ip", "-details", "link", NULL },
	(char *const[]){ "tc", "qdisc", NULL },
	(char *const[]){ "tc", "filter", "show", "dev", "tun0", "egress",
			 NULL },
	(char *const[]){ "tc", "filter", "show", "dev", "tun0", "ingress",
			 NULL },
	(char *const[]){ "nft", "list", "ruleset", NULL },
};

static const char *const sysctl_dirs[] = {
	"/proc/sys/net/ipv4/conf/all",	"/proc/sys/net/ipv4/conf/default",
	"/proc/sys/net/ipv4/conf/tun0", "/proc/sys/net/ipv4/conf/up0",
	"/proc/sys/net/ipv6/conf/all",	"/proc/sys/net/ipv6/conf/default",
	"/proc/sys/net/ipv6/conf/tun0", "/proc/sys/net/ipv6/conf/up0",
	"/proc/sys/net/ipv4",		"/proc/sys/net/ipv6",
};

static void file_write(FILE *out, const char *dir, const char *name)
{
	char path[LAB_PATH + 256], text[256];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%.150s/%.200s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	fprintf(out, "%s = %s\n", path, text);
}

static void sysctls_write(FILE *out)
{
	for (size_t i = 0; i < sizeof(sysctl_dirs) / sizeof(*sysctl_dirs);
	     i++) {
		DIR *dir = opendir(sysctl_dirs[i]);
		struct dirent *entry;

		while (dir && (entry = readdir(dir)))
			if (entry->d_type == DT_REG)
				file_write(out, sysctl_dirs[i], entry->d_name);
		if (dir)
			closedir(dir);
	}
}

static void pins_write(const struct lab *lab, FILE *out)
{
	if (access(lab->bpffs, F_OK) == 0)
		fprintf(out, "pins below %s\n", lab->bpffs);
}

/*
 * The kernel says a second later that a link is UP, and of a device such as
 * WireGuard's never: that is not ours to compare.
 */
static void states_drop(char *text)
{
	static const char *const states[] = { " state UNKNOWN", " state UP" };

	for (size_t i = 0; i < 2; i++)
		for (char *at = text; (at = strstr(at, states[i]));) {
			size_t n = strlen(states[i]);

			memmove(at, at + n, strlen(at + n) + 1);
		}
}

/* The text of everything splitd could have touched; free() it. */
char *snapshot_take(const struct lab *lab)
{
	_cleanup_free_ char *output = malloc(OUTPUT_SIZE);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out || !output)
		return NULL;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		if (proc_run(programs[i], lab->ns[NS_CLIENT], NULL, output,
			     OUTPUT_SIZE) < 0)
			continue;
		states_drop(output);
		fprintf(out, "# %s %s\n%s\n", programs[i][0], programs[i][1],
			output);
	}
	sysctls_write(out);
	pins_write(lab, out);
	fclose(out);
	return text;
}

static bool line_in(const char *text, const char *line, size_t len)
{
	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, line, len) == 0 && (p[len] == '\n' || !p[len]))
			return true;
	}
	return false;
}

/* Prints the lines of one that the other lacks; how many. */
static unsigned lines_missing(const char *one, const char *other,
			      const char *what, bool print)
{
	unsigned n = 0;

	for (const char *p = one; *p;) {
		size_t len = strcspn(p, "\n");

		if (len && !line_in(other, p, len)) {
			if (print)
				printf("purge: %s: %.*s\n", what, (int)len, p);
			n++;
		}
		p += len + (p[len] == '\n');
	}
	return n;
}

/* How many lines differ, each printed if wanted. */
unsigned snapshot_compare(const char *before, const char *after, bool print)
{
	return lines_missing(after, before, "left behind", print) +
	       lines_missing(before, after, "taken away", print);
}
