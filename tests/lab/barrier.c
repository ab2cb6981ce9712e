/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the sensors, after everything that was sent has been counted. */

/*
 * A reading starts with a marker from every CPU on both of the client's
 * devices, past queueing discipline and door (PACKET_QDISC_BYPASS), and each
 * far end answers only when it has seen them all: see sensor.c. There is no
 * waiting "long enough".
 *
 * The second sensor is nftables: a counter for every destination, in each far
 * namespace. It is read once a row, and must agree with the capture on which
 * destinations were reached at all: two sensors that work differently do not
 * fail alike.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"
#include "tests/lab/wire.h"

static int marker_open(struct lab *lab, enum side side)
{
	int on = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) <
	    0) {
		close(fd);
		return -errno;
	}
	lab->far[side].marker = fd;
	return link_header(side_device(side), &lab->far[side].link);
}

static int marker_send(const struct lab *lab, enum side side)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET,
				   .sll_protocol = htons(ETH_P_IP),
				   .sll_ifindex = (int)lab->ifindex[side],
				   .sll_halen = ETH_ALEN };
	uint8_t frame[64] __attribute__((aligned(4)));
	size_t len = frame_marker(frame, lab->far[side].link, lab->nonce);

	if (sendto(lab->far[side].marker, frame, len, 0,
		   (struct sockaddr *)&sll, sizeof(sll)) < 0)
		return -errno;
	return 0;
}

static int markers_send(struct lab *lab, uint32_t *ret_marks)
{
	cpu_set_t all, one;
	uint32_t marks = 0;
	int r = 0;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return -errno;
	for (int cpu = 0; cpu < CPU_SETSIZE && r >= 0; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one) < 0)
			r = -errno;
		for (enum side s = 0; s < N_SIDES && r >= 0; s++)
			if (!lab->far[s].gone)
				r = marker_send(lab, s);
		marks++;
	}
	sched_setaffinity(0, sizeof(all), &all);
	*ret_marks = marks;
	return r;
}

/*
 * TCP sockets of the namespace that this process, or "thread-self", is in.
 * TIME_WAIT is not among them. (/proc/net/tcp would tell more, and take 10 ms:
 * it walks the whole hash table.)
 */
static unsigned connections_count(const char *process)
{
	static const struct {
		const char *file, *format;
	} families[] = { { "sockstat", "TCP: inuse %u" },
			 { "sockstat6", "TCP6: inuse %u" } };
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		char path[64], line[256];
		_cleanup_fclose_ FILE *file = NULL;
		unsigned n = 0;

		snprintf(path, sizeof(path), "/proc/%s/net/%s", process,
			 families[i].file);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, families[i].format, &n) == 1)
				break;
		sum += n;
	}
	return sum;
}

/*
 * The far ends' as well, listeners and all: who closed first is in TIME_WAIT
 * at once, and still owes a packet for the other's farewell. (One that comes
 * just as the socket closes is lost, and comes again 210 ms later: seen with
 * WireGuard on 6.1, 5 in 1,100.)
 */
static unsigned connections_all(const struct lab *lab)
{
	unsigned sum = connections_count("thread-self");

	for (enum side s = 0; s < N_SIDES; s++) {
		char pid[16];

		snprintf(pid, sizeof(pid), "%d", lab->far[s].pid);
		sum += connections_count(pid);
	}
	return sum;
}

/*
 * A closed connection still says its farewell, and MPTCP lets a kernel worker
 * do that: seen were eight packets 150 ms later, which the next case was
 * blamed for. One whose farewell is blocked goes on for minutes: it is waited
 * for once, and from then on only those beside it.
 */
bool connections_end(struct lab *lab, int patience_ms)
{
	int64_t end = now_ms() + patience_ms;
	unsigned n;

	while ((n = connections_all(lab)) > lab->stuck) {
		if (now_ms() >= end) {
			lab->stuck = n;
			return false;
		}
		poll(NULL, 0, 1);
	}
	lab->stuck = n;
	return true;
}

static void totals_add(struct far *far, const struct reading *reading)
{
	for (uint32_t i = 0; i < reading->n; i++) {
		const struct in6_addr *addr = &reading->flows[i].dst;
		bool v6 = !IN6_IS_ADDR_V4MAPPED(addr);
		enum dst dst;

		if (dst_from_address(addr, &dst))
			far->counted[dst][v6] += reading->flows[i].packets;
	}
}

static int far_ask(struct far *far, const struct request *request, void *answer,
		   size_t size)
{
	int r;

	if (send(far->ctl, request, sizeof(*request), MSG_NOSIGNAL) < 0)
		return -errno;
	r = sock_wait(far->ctl, POLLIN, 10000);
	if (r < 0)
		return r;
	return recv(far->ctl, answer, size, 0) == (ssize_t)size ? 0 : -EPIPE;
}

/* Takes both readings and sets both sensors to zero. */
int sensors_read(struct lab *lab, struct reading readings[N_SIDES])
{
	struct request request = { .op = REQUEST_READ };
	int r;

	lab->nonce++;
	r = markers_send(lab, &request.marks);
	request.nonce = lab->nonce;
	for (enum side s = 0; s < N_SIDES && r >= 0; s++) {
		if (lab->far[s].gone) {
			memset(&readings[s], 0, sizeof(readings[s]));
			continue;
		}
		r = far_ask(&lab->far[s], &request, &readings[s],
			    sizeof(readings[s]));
		if (r >= 0)
			totals_add(&lab->far[s], &readings[s]);
	}
	return r;
}

int sensor_replay_ask(struct lab *lab, enum side side)
{
	struct request request = { .op = REQUEST_REPLAY };
	int answer = 0;
	int r = far_ask(&lab->far[side], &request, &answer, sizeof(answer));

	return r < 0 ? r : answer;
}

uint32_t packets_to(const struct reading *reading, const struct in6_addr *dst)
{
	uint32_t packets = 0;

	for (uint32_t i = 0; i < reading->n; i++)
		if (memcmp(&reading->flows[i].dst, dst, sizeof(*dst)) == 0)
			packets += reading->flows[i].packets;
	return packets;
}

uint32_t packets_all(const struct reading *reading)
{
	uint32_t packets = 0;

	for (uint32_t i = 0; i < reading->n; i++)
		packets += reading->flows[i].packets;
	return packets;
}

static int ruleset_write(char *buf, size_t size)
{
	_cleanup_fclose_ FILE *file = fmemopen(buf, size, "w");
	char text[INET6_ADDRSTRLEN];

	if (!file)
		return -errno;
	fputs("table inet lab {\n", file);
	for (unsigned i = 0; i < 2 * N_DSTS; i++)
		fprintf(file, "counter c%u { }\n", i);
	fputs("chain in { type filter hook prerouting priority raw;\n"
	      /* What keeps the link alive may ask the address itself, too. */
	      "icmpv6 type { 130-137, 143 } accept\n",
	      file);
	for (unsigned i = 0; i < 2 * N_DSTS; i++) {
		struct in6_addr addr = dst_address(i / 2, i % 2);

		if (i % 2)
			inet_ntop(AF_INET6, &addr, text, sizeof(text));
		else
			inet_ntop(AF_INET, addr.s6_addr + 12, text,
				  sizeof(text));
		fprintf(file, "iifname lab0 %s daddr %s counter name c%u\n",
			i % 2 ? "ip6" : "ip", text, i);
	}
	fputs("}\n}\n", file);
	return 0;
}

static int markers_open(struct lab *lab)
{
	int r = 0;

	for (enum side s = 0; s < N_SIDES && r >= 0; s++)
		r = marker_open(lab, s);
	return r;
}

int counters_setup(struct lab *lab)
{
	char *argv[] = { "nft", "-f", "-", NULL };
	char ruleset[4096];
	int r = ruleset_write(ruleset, sizeof(ruleset));

	for (enum side s = 0; s < N_SIDES && r >= 0; s++)
		r = proc_run(argv, lab->ns[s], ruleset, NULL, 0);
	return r < 0 ? r : markers_open(lab);
}

static int counters_read(const struct lab *lab, enum side side,
			 uint64_t packets[2 * N_DSTS])
{
	char *argv[] = {
		"nft", "list", "counters", "table", "inet", "lab", NULL
	};
	char text[4096], *line, *rest = text;
	unsigned i = 0, index = 0;
	int r = proc_run(argv, lab->ns[side], NULL, text, sizeof(text));

	if (r < 0)
		return r;
	while ((line = strsep(&rest, "\n"))) {
		unsigned long long n;

		if (sscanf(line, " counter c%u", &index) == 1)
			continue;
		if (index < 2 * N_DSTS &&
		    sscanf(line, " packets %llu", &n) == 1) {
			packets[index] = n;
			i++;
		}
	}
	return i == 2 * N_DSTS ? 0 : -EBADMSG;
}

/*
 * What was added since the last time. The counters themselves only grow: one
 * that is reset as it is read is lost with a reading that fails.
 */
int counters_take(struct lab *lab, enum side side, uint64_t packets[2 * N_DSTS])
{
	struct far *far = &lab->far[side];
	uint64_t now[2 * N_DSTS];
	int r = counters_read(lab, side, now);

	for (unsigned i = 0; i < 2 * N_DSTS && r >= 0; i++) {
		packets[i] = now[i] - far->nft[i];
		far->nft[i] = now[i];
	}
	return r;
}

static int side_agrees(const struct lab *lab, enum side side, char *why,
		       size_t size, uint64_t now[2 * N_DSTS])
{
	const struct far *far = &lab->far[side];
	int agree = 1, r = counters_read(lab, side, now);

	for (unsigned i = 0; i < 2 * N_DSTS && r >= 0; i++) {
		uint64_t seen = far->counted[i / 2][i % 2];
		uint64_t packets = now[i] - far->nft[i];

		if (!packets == !seen)
			continue;
		agree = 0;
		snprintf(why, size, "%s: %s (%s): nft %llu, capture %llu",
			 side_name(side), dst_name(i / 2),
			 i % 2 ? "ipv6" : "ipv4", (unsigned long long)packets,
			 (unsigned long long)seen);
	}
	return r < 0 ? r : agree;
}

/*
 * Compares, and sets both to zero. 1: they agree; 0: why says where not. A
 * packet is captured before it comes to nftables, and a CPU of a guest may stop
 * between the two for longer than nft takes to start.
 */
int counters_agree(struct lab *lab, char *why, size_t size)
{
	int all = 1;

	for (enum side s = 0; s < N_SIDES; s++) {
		struct far *far = &lab->far[s];
		int64_t end = now_ms() + 500;
		uint64_t now[2 * N_DSTS];
		int r;

		while ((r = side_agrees(lab, s, why, size, now)) == 0 &&
		       now_ms() < end)
			poll(NULL, 0, 10);
		if (r < 0)
			return r;
		all &= r;
		memcpy(far->nft, now, sizeof(now));
		memset(far->counted, 0, sizeof(far->counted));
	}
	return all;
}
