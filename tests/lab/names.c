/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the lab's things are called, and at which addresses they are. */

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "tests/lab/lab.h"

static const char *const dst_text[N_DSTS][2] = {
	[DST_LISTED] = { "1.1.1.1", "2001:db8:1::10" },
	[DST_INSIDE] = { "203.0.113.10", "2001:db8:1:7fff::10" },
	[DST_EXCLUDED] = { "203.0.113.200", "2001:db8:1:8000::10" },
	[DST_UNLISTED] = { "9.9.9.9", "2001:db8:9::9" },
};

static const char *const client_text[N_SIDES][2] = {
	[SIDE_UPLINK] = { "10.10.0.2", "fd10::2" },
	[SIDE_TUNNEL] = { "10.20.0.2", "fd20::2" },
};

const char *side_name(enum side side)
{
	return side == SIDE_TUNNEL ? "tunnel" : "uplink";
}

const char *side_device(enum side side)
{
	return side == SIDE_TUNNEL ? "tun0" : "up0";
}

const char *app_name(enum app app)
{
	return app == APP_LISTED ? "listed" : "unlisted";
}

const char *dst_name(enum dst dst)
{
	static const char *const names[N_DSTS] = {
		[DST_LISTED] = "listed",
		[DST_INSIDE] = "inside",
		[DST_EXCLUDED] = "excluded",
		[DST_UNLISTED] = "unlisted",
	};

	return names[dst];
}

/* The destination on the other side, for an app that is listed. */
enum dst dst_opposite(enum dst dst)
{
	static const enum dst others[N_DSTS] = {
		[DST_LISTED] = DST_UNLISTED,
		[DST_INSIDE] = DST_EXCLUDED,
		[DST_EXCLUDED] = DST_INSIDE,
		[DST_UNLISTED] = DST_LISTED,
	};

	return others[dst];
}

const char *family_name(enum family family)
{
	static const char *const names[N_FAMILIES] = {
		[FAM_V4] = "ipv4",
		[FAM_V6] = "ipv6",
		[FAM_MAPPED] = "mapped",
	};

	return names[family];
}

const char *fault_name(enum fault fault)
{
	static const char *const names[] = {
		[FAULT_NONE] = "ok",	  [FAULT_LEAK] = "LEAK",
		[FAULT_STRAY] = "STRAY",  [FAULT_SOURCE] = "wrong source",
		[FAULT_OTHER] = "failed",
	};

	return names[fault];
}

int family_domain(enum family family)
{
	return family == FAM_V4 ? AF_INET : AF_INET6;
}

bool family_is_v6(enum family family)
{
	return family == FAM_V6;
}

struct in6_addr address_of(const char *text)
{
	struct in6_addr addr = { 0 };
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		addr.s6_addr[10] = addr.s6_addr[11] = 0xff;
		memcpy(addr.s6_addr + 12, &v4, sizeof(v4));
	} else {
		assert(inet_pton(AF_INET6, text, &addr) == 1);
	}
	return addr;
}

struct in6_addr dst_address(enum dst dst, bool v6)
{
	return address_of(dst_text[dst][v6]);
}

struct in6_addr client_address(enum side side, bool v6)
{
	return address_of(client_text[side][v6]);
}

bool dst_from_address(const struct in6_addr *addr, enum dst *ret_dst)
{
	for (unsigned dst = 0; dst < N_DSTS; dst++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			struct in6_addr a = dst_address(dst, v6);

			if (memcmp(addr, &a, sizeof(a)) == 0) {
				*ret_dst = dst;
				return true;
			}
		}
	return false;
}

socklen_t sockaddr_fill(struct sockaddr_storage *ret_sa, int domain,
			const struct in6_addr *addr, uint16_t port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret_sa;
	struct sockaddr_in *in4 = (struct sockaddr_in *)ret_sa;

	memset(ret_sa, 0, sizeof(*ret_sa));
	ret_sa->ss_family = (sa_family_t)domain;
	if (domain == AF_INET6) {
		in6->sin6_port = htons(port);
		in6->sin6_addr = *addr;
		return sizeof(*in6);
	}

	in4->sin_port = htons(port);
	memcpy(&in4->sin_addr, addr->s6_addr + 12, sizeof(in4->sin_addr));
	return sizeof(*in4);
}

/* What it is called when a packet for dst is seen on the wrong side. */
enum fault wrong_side(const struct trial *trial, enum side seen, enum dst dst)
{
	if (seen == SIDE_TUNNEL)
		return FAULT_STRAY;
	if (trial->app == APP_LISTED &&
	    (dst == DST_LISTED || dst == DST_INSIDE))
		return FAULT_LEAK;
	return FAULT_OTHER;
}

/*
 * An app's traffic enters the tunnel only when the app is listed and the
 * destination is listed. What was asked from outside is answered the way the
 * question came. Without the daemon everything leaves by the uplink.
 */
enum side want_side(const struct trial *trial, enum dst dst)
{
	if (trial->forced)
		return trial->via;
	if (trial->control || trial->app != APP_LISTED)
		return SIDE_UPLINK;
	if (dst == DST_LISTED || dst == DST_INSIDE)
		return SIDE_TUNNEL;
	return SIDE_UPLINK;
}
