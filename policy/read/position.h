/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where in a file a value stands: two numbers, and what they count. */
#ifndef SPLITD_POLICY_POSITION_H
#define SPLITD_POLICY_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A position travels as "line" and "column" through values, facts, the
 * sandbox's pipe and origins. In a binary property list they are the number of
 * the object and its byte offset. The two upper bits of the first number tell;
 * the lower ones suffice for a file of 64 MiB.
 */
#define POSITION_OBJECT (1U << 31) /* object and offset */
#define POSITION_INNER	(1U << 30) /* in the content of a signed message */

static inline uint32_t position_number(uint32_t line)
{
	return line & ~(POSITION_OBJECT | POSITION_INNER);
}

static inline bool position_is_object(uint32_t line)
{
	return line & POSITION_OBJECT;
}

/* Room for the longest position, NUL included. */
#define POSITION_MAX 48

/*
 * "3:14", "object #12 @0x1f4", "inner 3:14", "inner object #12 @0x1f4"; ""
 * when it is unknown (line 0).
 */
void position_format(uint32_t line, uint32_t column, char *buf, size_t size);

#endif
