/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzz target over files: all that the named directories hold. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

#define FILE_MAX ((size_t)8 * 1024 * 1024)

/* 0 or a negative errno. */
static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *bytes = malloc(FILE_MAX), *exact;
	size_t len;

	if (!f || !bytes) {
		free(bytes);
		return f ? -ENOMEM : -errno;
	}
	len = fread(bytes, 1, FILE_MAX, f);
	fclose(f);
	exact = malloc(len + !len); /* no byte more, for ASan */
	if (exact) {
		memcpy(exact, bytes, len);
		LLVMFuzzerTestOneInput((const uint8_t *)exact, len);
	}
	free(exact);
	free(bytes);
	return exact ? 0 : -ENOMEM;
}

static int run_directory(const char *name, unsigned int *n)
{
	DIR *dir = opendir(name);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir))) {
		char path[4096];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		r = run_file(path);
		++*n;
	}
	closedir(dir);
	return r;
}

int main(int argc, char **argv)
{
	unsigned int n = 0;

	for (int i = 1; i < argc; i++) {
		int r = run_directory(argv[i], &n);

		if (r < 0) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
			return 1;
		}
	}
	printf("%u inputs\n", n);
	return n == 0;
}
