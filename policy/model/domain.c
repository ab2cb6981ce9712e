/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domain names as profiles write them. */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "policy/model/domain.h"

#define NAME_MAX_LEN  253
#define LABEL_MAX_LEN 63

static const char *label_problem(const char *label, size_t n)
{
	if (!n)
		return "domain has an empty label";
	if (n > LABEL_MAX_LEN)
		return "domain has a label of more than 63 characters";
	if (label[0] == '-' || label[n - 1] == '-')
		return "domain has a label that begins or ends with \"-\"";
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)label[i];

		if (c >= 0x80)
			return "domain is not ASCII: write it as \"xn--...\"";
		if (!isalnum(c) && c != '-' && c != '_')
			return "not a domain (no scheme, port or path, \"*\" "
			       "only as \"*.\" in front)";
	}
	return NULL;
}

static const char *name_problem(const char *name, size_t n)
{
	if (n > NAME_MAX_LEN)
		return "domain is longer than 253 characters";
	for (size_t i = 0; i <= n;) {
		const char *dot = memchr(name + i, '.', n - i);
		size_t len = dot ? (size_t)(dot - name) - i : n - i;
		const char *problem = label_problem(name + i, len);

		if (problem)
			return problem;
		i += len + 1;
	}
	return NULL;
}

int domain_parse(const char *text, char ret_name[DOMAIN_MAX + 1],
		 const char **ret_problem)
{
	size_t skip = strncmp(text, "*.", 2) == 0 ? 2 : 0;
	size_t n = strlen(text) - skip;
	const char *problem;

	if (n > 1 && text[skip + n - 1] == '.')
		n--;
	problem = name_problem(text + skip, n);
	if (problem) {
		*ret_problem = problem;
		return -EINVAL;
	}
	for (size_t i = 0; i < skip + n; i++)
		ret_name[i] = (char)tolower((unsigned char)text[i]);
	ret_name[skip + n] = '\0';
	return 0;
}
