// SPDX-License-Identifier: GPL-2.0-or-later
/* How much memory the kernel says something takes, in bytes. */
#include <stdio.h>

#include "bench/usage.h"

long usage_map(int map)
{
	long bytes = 0;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "memlock: %ld", &bytes);
	if (file)
		fclose(file);
	return bytes;
}

long usage_read(const char *path)
{
	FILE *file = fopen(path, "re");
	long bytes = -1;

	if (file && fscanf(file, "%ld", &bytes) != 1)
		bytes = -1;
	if (file)
		fclose(file);
	return bytes;
}
