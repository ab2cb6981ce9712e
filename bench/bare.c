/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The least that holding a set of prefixes can cost: bare bulk inserts. */

/*
 *	bare insert DEVICE TABLE USAGE	reads IPv4 prefixes from stdin, inserts
 *			them into a route table and an LPM map of the product's
 *			shape, and prints "ROUTE_NS LPM_NS LPM_BYTES
 *			ROUTE_KMEM LPM_KMEM", the last two by how much the
 *			number in the file USAGE (our memory cgroup's) grew
 *	bare stats	has the kernel count what BPF programs cost, until
 *			stdin ends
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/usage.h"
#include "bpf/abi.h"

#define BUFFER	 (256 * 1024)
#define BATCH	 65536 /* map entries a call */
#define PROTOCOL 99    /* of our routes; the namespace ends with them */

struct prefix {
	struct in_addr addr;
	uint8_t len;
};

struct prefixes {
	struct prefix *items;
	unsigned n;
};

struct message {
	struct nlmsghdr nlh;
	struct rtmsg rtm;
	struct rtattr dst_head;
	struct in_addr dst;
	struct rtattr oif_head;
	uint32_t oif;
	struct rtattr table_head;
	uint32_t table;
};

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct prefixes prefixes_read(void)
{
	struct prefixes prefixes = { 0 };
	char line[64], *slash;
	unsigned room = 0;

	while (fgets(line, sizeof(line), stdin)) {
		struct prefix prefix = { .len = 32 };

		slash = strchr(line, '/');
		if (!slash)
			continue;
		*slash = '\0';
		prefix.len = (uint8_t)atoi(slash + 1);
		if (inet_pton(AF_INET, line, &prefix.addr) != 1)
			die("not an address");
		if (prefixes.n == room) {
			room = room ? room * 2 : 1024;
			prefixes.items =
				realloc(prefixes.items, room * sizeof(prefix));
			if (!prefixes.items)
				die("memory");
		}
		prefixes.items[prefixes.n++] = prefix;
	}
	return prefixes;
}

static struct message message_make(const struct prefix *prefix, uint32_t oif,
				   uint32_t table, bool last)
{
	struct message m = { 0 };

	m.nlh.nlmsg_len = sizeof(m);
	m.nlh.nlmsg_type = RTM_NEWROUTE;
	m.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL |
			    (last ? NLM_F_ACK : 0);
	m.rtm.rtm_family = AF_INET;
	m.rtm.rtm_dst_len = prefix->len;
	m.rtm.rtm_protocol = PROTOCOL;
	m.rtm.rtm_scope = RT_SCOPE_LINK;
	m.rtm.rtm_type = RTN_UNICAST;
	m.dst_head = (struct rtattr){ RTA_LENGTH(4), RTA_DST };
	m.dst = prefix->addr;
	m.oif_head = (struct rtattr){ RTA_LENGTH(4), RTA_OIF };
	m.oif = oif;
	m.table_head = (struct rtattr){ RTA_LENGTH(4), RTA_TABLE };
	m.table = table;
	return m;
}

static void answer_read(int fd)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr error;
		char rest[1024];
	} answer;

	if (recv(fd, &answer, sizeof(answer), 0) < 0)
		die("netlink");
	errno = -answer.error.error;
	if (answer.nlh.nlmsg_type != NLMSG_ERROR || errno)
		die("route");
}

static uint64_t routes_insert(const struct prefixes *prefixes, uint32_t oif,
			      uint32_t table)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct message *messages = malloc(BUFFER);
	unsigned room = BUFFER / sizeof(*messages);
	int buffer = 4 * BUFFER;
	uint64_t begun = clock_ns();

	if (fd < 0 || !messages)
		die("netlink");
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	for (unsigned i = 0; i < prefixes->n;) {
		unsigned n = 0;

		for (; n < room && i < prefixes->n; i++, n++)
			messages[n] = message_make(
				&prefixes->items[i], oif, table,
				n + 1 == room || i + 1 == prefixes->n);
		if (send(fd, messages, n * sizeof(*messages), 0) < 0)
			die("netlink");
		answer_read(fd);
	}
	begun = clock_ns() - begun;
	free(messages);
	close(fd);
	return begun;
}

static int map_make(unsigned n)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "bench_prefix",
				sizeof(struct sp_prefix_key),
				sizeof(struct sp_route), n, &opts);

	if (fd < 0)
		die("map");
	return fd;
}

static uint64_t map_insert(const struct prefixes *prefixes, int map)
{
	struct sp_prefix_key *keys = calloc(prefixes->n, sizeof(*keys));
	struct sp_route *values = calloc(prefixes->n, sizeof(*values));
	uint64_t begun = clock_ns();
	uint32_t n;

	if (!keys || !values)
		die("memory");
	for (unsigned i = 0; i < prefixes->n; i++) {
		keys[i].prefixlen = 128 + prefixes->items[i].len;
		keys[i].set[3] = 1;
		memset(keys[i].addr.byte + 10, 0xff, 2);
		memcpy(keys[i].addr.byte + 12, &prefixes->items[i].addr, 4);
		values[i].verdict = SP_TUNNEL;
	}
	for (unsigned i = 0; i < prefixes->n; i += n) {
		n = prefixes->n - i < BATCH ? prefixes->n - i : BATCH;
		if (bpf_map_update_batch(map, keys + i, values + i, &n, NULL))
			die("map");
	}
	begun = clock_ns() - begun;
	free(keys);
	free(values);
	return begun;
}

static long usage_must(const char *path)
{
	long bytes = usage_read(path);

	if (bytes < 0)
		die(path);
	return bytes;
}

static int insert(const char *device, const char *table, const char *usage)
{
	struct prefixes prefixes = prefixes_read();
	int map = map_make(prefixes.n ? prefixes.n : 1);
	long first = usage_must(usage), second;
	uint64_t route_ns, map_ns;

	route_ns = routes_insert(&prefixes, if_nametoindex(device),
				 (uint32_t)atoi(table));
	second = usage_must(usage);
	map_ns = map_insert(&prefixes, map);
	printf("%llu %llu %ld %ld %ld\n", (unsigned long long)route_ns,
	       (unsigned long long)map_ns, usage_map(map), second - first,
	       usage_must(usage) - second);
	return 0;
}

static int stats(void)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	char byte;

	if (fd < 0)
		die("stats");
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "stats") == 0)
		return stats();
	if (argc == 5 && strcmp(argv[1], "insert") == 0)
		return insert(argv[2], argv[3], argv[4]);
	fprintf(stderr, "usage: bare insert DEVICE TABLE USAGE | bare stats\n");
	return 2;
}
