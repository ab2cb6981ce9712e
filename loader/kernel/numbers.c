// SPDX-License-Identifier: GPL-2.0-or-later
/* Names to numbers: an app keeps its class, a tunnel its slot, for life. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/abi.h"
#include "loader/kernel/maps.h"
#include "loader/kernel/numbers.h"
#include "loader/util/cleanup.h"

struct name {
	char name[SP_NAME_SIZE];
	uint32_t number;
};

struct numbers {
	int map_fd;
	uint32_t max;
	uint32_t next; /* where the search for a free one starts */
	void *tree;    /* of struct name, by name */
	struct name **by_number;
};

static int compare(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int remember(struct numbers *numbers, const char *name, uint32_t number)
{
	struct name *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	strncpy(entry->name, name, sizeof(entry->name) - 1);
	entry->number = number;
	if (!tsearch(entry, &numbers->tree, compare)) {
		free(entry);
		return -ENOMEM;
	}
	numbers->by_number[number] = entry;
	if (number >= numbers->next)
		numbers->next = number % numbers->max + 1;

	return 0;
}

int numbers_open(int map_fd, uint32_t max, struct numbers **ret_numbers)
{
	struct numbers *numbers = calloc(1, sizeof(*numbers));
	char name[SP_NAME_SIZE];
	uint32_t zero = 0;
	int r = 0;

	if (!numbers)
		return -ENOMEM;
	numbers->map_fd = map_fd;
	numbers->max = max;
	numbers->next = 1;
	numbers->by_number = calloc(max + 1, sizeof(*numbers->by_number));
	if (!numbers->by_number)
		r = -ENOMEM;
	for (uint32_t i = 1; !r && i <= max; i++) {
		r = map_get(map_fd, &i, name);
		name[sizeof(name) - 1] = '\0';
		if (!r && *name)
			r = remember(numbers, name, i);
	}
	if (!r)
		r = map_get(map_fd, &zero, name);
	if (r) {
		numbers_free(numbers);
		return r;
	}
	/* entry 0 is nobody's: it says where the search goes on */
	name[sizeof(name) - 1] = '\0';
	if (*name)
		numbers->next =
			((uint32_t)strtoul(name, NULL, 10) - 1) % max + 1;
	*ret_numbers = numbers;

	return 0;
}

void numbers_free(struct numbers *numbers)
{
	if (!numbers)
		return;
	tdestroy(numbers->tree, free);
	free(numbers->by_number);
	free(numbers);
}

uint32_t numbers_find(const struct numbers *numbers, const char *name)
{
	struct name key = { 0 }, **found;

	strncpy(key.name, name, sizeof(key.name) - 1);
	found = tfind(&key, &numbers->tree, compare);

	return found ? (*found)->number : 0;
}

int numbers_give(struct numbers *numbers, const char *name,
		 uint32_t *ret_number)
{
	uint32_t number = numbers_find(numbers, name);
	char padded[SP_NAME_SIZE] = { 0 };
	uint32_t zero = 0;
	int r;

	if (number) {
		*ret_number = number;
		return 0;
	}
	if (strlen(name) >= SP_NAME_SIZE)
		return -ENAMETOOLONG;
	for (uint32_t i = 0; i < numbers->max && !number; i++) {
		uint32_t at = (numbers->next - 1 + i) % numbers->max + 1;

		if (!numbers->by_number[at])
			number = at;
	}
	if (!number)
		return -ENOSPC;
	strcpy(padded, name);
	r = map_put(numbers->map_fd, &number, padded);
	if (!r)
		r = remember(numbers, name, number);
	if (r)
		return r;
	memset(padded, 0, sizeof(padded));
	snprintf(padded, sizeof(padded), "%u", numbers->next);
	r = map_put(numbers->map_fd, &zero, padded);
	if (!r)
		*ret_number = number;

	return r;
}

int numbers_take_back(struct numbers *numbers, uint32_t number)
{
	static const char empty[SP_NAME_SIZE];
	struct name *entry = numbers->by_number[number];
	int r;

	if (!entry)
		return 0;
	r = map_put(numbers->map_fd, &number, empty);
	if (r)
		return r;
	tdelete(entry, &numbers->tree, compare);
	numbers->by_number[number] = NULL;
	free(entry);

	return 0;
}

const char *numbers_name(const struct numbers *numbers, uint32_t number)
{
	return number <= numbers->max && numbers->by_number[number] ?
		       numbers->by_number[number]->name :
		       NULL;
}

uint32_t numbers_max(const struct numbers *numbers)
{
	return numbers->max;
}
