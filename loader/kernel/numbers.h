/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names to numbers: an app keeps its class, a tunnel its slot, for life. */
#ifndef SPLITD_NUMBERS_H
#define SPLITD_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

/*
 * A table of names in a pinned map, so that a restarted daemon gives the same
 * numbers to the same names: live sockets carry them. Numbers start at 1; a
 * freed one is the last to be given again.
 */
struct numbers;

/* Reads what the map (char[SP_NAME_SIZE] by number) remembers. */
int numbers_open(int map_fd, uint32_t max, struct numbers **ret_numbers);
void numbers_free(struct numbers *numbers);

/* 0 when the name has none. */
uint32_t numbers_find(const struct numbers *numbers, const char *name);
/* The one it has or a new one; -ENOSPC when all are given. */
int numbers_give(struct numbers *numbers, const char *name,
		 uint32_t *ret_number);
int numbers_take_back(struct numbers *numbers, uint32_t number);
/* NULL when the number is free. */
const char *numbers_name(const struct numbers *numbers, uint32_t number);
uint32_t numbers_max(const struct numbers *numbers);

#endif
