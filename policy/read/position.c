/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where in a file a value stands: two numbers, and what they count. */
#include <stdio.h>

#include "policy/read/position.h"

void position_format(uint32_t line, uint32_t column, char *buf, size_t size)
{
	const char *inner = line & POSITION_INNER ? "inner " : "";
	uint32_t number = position_number(line);

	if (position_is_object(line))
		snprintf(buf, size, "%sobject #%u @0x%x", inner, number,
			 column);
	else if (number)
		snprintf(buf, size, "%s%u:%u", inner, number, column);
	else
		snprintf(buf, size, "%s", "");
}
