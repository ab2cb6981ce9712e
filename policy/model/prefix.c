/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes and interface names as text. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "policy/model/model.h"
#include "policy/model/prefix.h"
#include "policy/plan/explain.h"

/* Digits only, no leading zero, at most three. -1: not a length. */
static int parse_length(const char *text)
{
	int len = 0;
	size_t n = strspn(text, "0123456789");

	if (!n || n > 3 || text[n] || (text[0] == '0' && n > 1))
		return -1;
	for (; *text; text++)
		len = len * 10 + (*text - '0');
	return len;
}

bool address_mask(struct in6_addr *addr, unsigned int len)
{
	bool had = false;

	for (unsigned int i = len / 8; i < 16; i++) {
		uint8_t keep = i == len / 8 ? (uint8_t)(0xff00 >> len % 8) : 0;

		had |= addr->s6_addr[i] & (uint8_t)~keep;
		addr->s6_addr[i] &= keep;
	}
	return had;
}

bool address_matches(const struct in6_addr *a, const struct in6_addr *b,
		     unsigned int len)
{
	unsigned int bytes = len / 8, bits = len % 8;

	if (memcmp(a->s6_addr, b->s6_addr, bytes) != 0)
		return false;
	return !bits ||
	       !((a->s6_addr[bytes] ^ b->s6_addr[bytes]) >> (8 - bits));
}

int prefix_parse(const char *text, struct in6_addr *ret_addr, uint8_t *ret_len,
		 bool *ret_had_host_bits, const char **ret_problem)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	char address[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	bool is_ipv4;
	int len;

	*ret_problem = "not an IPv4 or IPv6 prefix";
	if (!n || n >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, n);
	address[n] = '\0';
	if (address_parse(address, &addr) < 0)
		return -EINVAL;

	*ret_problem = "prefix without a length (one address is /32 or /128)";
	if (!slash)
		return -EINVAL;
	is_ipv4 = !strchr(address, ':');
	len = parse_length(slash + 1);
	*ret_problem = is_ipv4 ? "prefix length is not in 0..32" :
				 "prefix length is not in 0..128";
	if (len < 0 || len > (is_ipv4 ? 32 : 128))
		return -EINVAL;

	len += is_ipv4 ? MAPPED_BITS : 0;
	*ret_had_host_bits = address_mask(&addr, (unsigned int)len);
	*ret_addr = addr;
	*ret_len = (uint8_t)len;
	return 0;
}

bool interface_valid(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > INTERFACE_MAX || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return false;
	for (; *name; name++)
		if (*name <= ' ' || *name == '/' || *name == ':' ||
		    *name == '%' || *name > '~')
			return false;
	return true;
}
