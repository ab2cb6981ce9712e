/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How Linux recognises an app, as text. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "policy/model/model.h"
#include "policy/model/selector.h"

static int fail(struct selector_parse *parse, const char *code,
		const char *problem)
{
	parse->code = code;
	parse->problem = problem;
	return -EINVAL;
}

/* Absolute, no "//", "." or "..", no slash at the end, nothing unprintable. */
static const char *path_problem(const char *path, size_t len)
{
	if (!len || path[0] != '/')
		return "path is not absolute";
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)path[i] < ' ' || path[i] == 0x7f)
			return "path has a control character";
	if (len == 1)
		return NULL;
	if (path[len - 1] == '/')
		return "path ends in a slash";

	for (size_t i = 0; i < len;) {
		const char *name = path + i + 1;
		const char *end = memchr(name, '/', len - i - 1);
		size_t n = end ? (size_t)(end - name) : len - i - 1;

		if (!n)
			return "path has an empty component";
		if (n <= 2 && memcmp(name, "..", n) == 0)
			return "path has a \".\" or \"..\" component";
		i += n + 1;
	}
	return NULL;
}

static int parse_cgroup(const char *rest, struct selector_parse *parse)
{
	size_t len = strlen(rest);
	const char *problem;

	parse->kind = SELECTOR_CGROUP;
	if (len >= 3 && strcmp(rest + len - 3, "/**") == 0) {
		parse->kind = SELECTOR_CGROUP_TREE;
		len -= len == 3 ? 2 : 3;
	}
	parse->path = rest;
	parse->path_len = len;

	problem = path_problem(rest, len);
	if (problem)
		return fail(parse, "E490", problem);
	if (memchr(rest, '*', len))
		return fail(parse, "E490",
			    "\"*\" stands only in a final \"/**\"");
	if (len > CGROUP_PATH_MAX)
		return fail(parse, "E490",
			    "cgroup path is longer than 255 bytes");
	return 0;
}

static int parse_exe(const char *rest, struct selector_parse *parse)
{
	const char *problem;
	size_t len = strlen(rest);

	parse->kind = SELECTOR_EXE;
	parse->path = rest;
	parse->path_len = len;

	problem = path_problem(rest, len);
	if (problem)
		return fail(parse, "E490", problem);
	if (len == 1)
		return fail(parse, "E490", "path names no file");
	if (len > EXE_PATH_MAX)
		return fail(parse, "E490", "path is longer than 4095 bytes");
	if (strlen(strrchr(rest, '/') + 1) > EXE_NAME_MAX)
		return fail(parse, "E490",
			    "file name is longer than 126 bytes");
	return 0;
}

static const struct {
	const char *name;
	int (*parse)(const char *rest, struct selector_parse *parse);
} kinds[] = {
	{ "cgroup", parse_cgroup }, { "exe", parse_exe }, { "exe-tree", NULL },
	{ "flatpak", NULL },	    { "snap", NULL },	  { "desktop", NULL },
	{ "unit", NULL },	    { "uid", NULL },	  { "gid", NULL },
	{ "container", NULL },
};

int selector_parse(const char *text, struct selector_parse *ret)
{
	size_t n = strcspn(text, ":");

	memset(ret, 0, sizeof(*ret));
	if (!text[n])
		return fail(ret, "E490", "selector is not KIND:VALUE");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].name) != n ||
		    strncmp(text, kinds[i].name, n) != 0)
			continue;
		if (!kinds[i].parse)
			return fail(ret, "E491",
				    "selector of a kind that is not recognised "
				    "by this build yet");
		return kinds[i].parse(text + n + 1, ret);
	}
	return fail(ret, "E492",
		    "unknown kind of selector (cgroup: and exe: are known)");
}
