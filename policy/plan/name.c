/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses and prefixes as text. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/model/prefix.h"
#include "policy/plan/explain.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

int address_parse(const char *text, struct in6_addr *ret_addr)
{
	struct in6_addr addr;

	memcpy(addr.s6_addr, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, addr.s6_addr + 12) != 1 &&
	    inet_pton(AF_INET6, text, &addr) != 1)
		return -EINVAL;
	*ret_addr = addr;
	return 0;
}

int address_format(const struct in6_addr *addr, char *buf, size_t size)
{
	bool is_ipv4 = memcmp(addr, mapped, sizeof(mapped)) == 0;
	char text[INET6_ADDRSTRLEN];

	if (is_ipv4)
		inet_ntop(AF_INET, addr->s6_addr + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, addr, text, sizeof(text));
	return snprintf(buf, size, "%s", text);
}

int prefix_format(const struct prefix *prefix, char *buf, size_t size)
{
	bool is_ipv4 = prefix->len >= MAPPED_BITS &&
		       memcmp(&prefix->addr, mapped, sizeof(mapped)) == 0;
	char text[INET6_ADDRSTRLEN];

	if (is_ipv4)
		inet_ntop(AF_INET, prefix->addr.s6_addr + 12, text,
			  sizeof(text));
	else
		inet_ntop(AF_INET6, &prefix->addr, text, sizeof(text));
	return snprintf(buf, size, "%s/%d", text,
			is_ipv4 ? prefix->len - MAPPED_BITS : prefix->len);
}
