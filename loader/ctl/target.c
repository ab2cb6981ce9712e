/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A destination on the command line: ADDR[:PORT]. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "loader/ctl/target.h"
#include "policy/plan/explain.h"

static int parse_port(const char *text, uint16_t *ret_port)
{
	unsigned int port = 0;

	if (!*text || strlen(text) > 5)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		port = port * 10 + (unsigned int)(*text - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

/* Where address and port part: at the bracket, or at an only colon. */
static int split(const char *text, const char **ret_addr, size_t *ret_len,
		 const char **ret_port)
{
	const char *colon = strchr(text, ':'), *end;

	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		*ret_addr = text + 1;
		*ret_port = end[1] ? end + 2 : NULL;
	} else if (colon && !strchr(colon + 1, ':')) {
		end = colon;
		*ret_addr = text;
		*ret_port = colon + 1;
	} else {
		end = text + strlen(text);
		*ret_addr = text;
		*ret_port = NULL;
	}
	*ret_len = (size_t)(end - *ret_addr);
	return 0;
}

int target_parse(const char *text, struct target *ret_target)
{
	struct target target = { .port = 0 };
	char addr[INET6_ADDRSTRLEN];
	const char *start, *port;
	size_t len;
	int r;

	r = split(text, &start, &len, &port);
	if (r < 0 || len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, start, len);
	addr[len] = '\0';
	/* Brackets are for IPv6. */
	if (*text == '[' && !strchr(addr, ':'))
		return -EINVAL;

	r = address_parse(addr, &target.addr);
	if (r == 0 && port)
		r = parse_port(port, &target.port);
	if (r < 0)
		return -EINVAL;
	*ret_target = target;
	return 0;
}
