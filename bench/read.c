/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reading and compiling a policy's files takes, and nothing else. */

/*
 *	read FILE...	prints "READ_NS COMPILE_NS PREFIXES"
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policy/model/document.h"
#include "policy/plan/compile.h"
#include "policy/plan/policy.h"
#include "policy/read/report.h"

static unsigned long long clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long long)now.tv_sec * 1000000000U +
	       (unsigned long long)now.tv_nsec;
}

static struct document *file_parse(const char *path, struct report *report)
{
	struct document *document = NULL;
	FILE *file = fopen(path, "re");
	char *bytes;
	long len;

	if (!file || fseek(file, 0, SEEK_END) < 0 || (len = ftell(file)) < 0) {
		perror(path);
		exit(1);
	}
	rewind(file);
	bytes = malloc((size_t)len + 1);
	if (!bytes || fread(bytes, 1, (size_t)len, file) != (size_t)len ||
	    document_parse(path, bytes, (size_t)len, report, &document) < 0) {
		fprintf(stderr, "%s does not parse\n", path);
		exit(1);
	}
	fclose(file);
	free(bytes);
	return document;
}

int main(int argc, char **argv)
{
	struct document **documents = calloc((size_t)argc, sizeof(*documents));
	struct report report = { 0 };
	struct policy *policy = NULL;
	unsigned long long begun = clock_ns(), parsed;
	size_t n = 0;

	for (int i = 1; documents && i < argc; i++)
		documents[i - 1] = file_parse(argv[i], &report);
	parsed = clock_ns();
	if (!documents ||
	    policy_compile(documents, (size_t)argc - 1, &report, &policy) < 0) {
		fprintf(stderr, "the files do not compile\n");
		return 1;
	}
	for (size_t i = 0; i < policy->n_tunnels; i++)
		n += policy->tunnels[i].n_included;
	printf("%llu %llu %zu\n", parsed - begun, clock_ns() - parsed, n);
	return 0;
}
