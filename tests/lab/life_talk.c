/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process of an app that numbers its datagrams and misses none. */

/*
 * The echo paces it: at most WINDOW numbers are on their way on one socket, so
 * no buffer can overflow, and a number without an answer was dropped by
 * somebody. Answers name the number, who answered, and the source seen.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/life.h"

#define WINDOW	   16
#define SEEN	   1024 /* a power of two, and many windows */
#define GIVE_UP_US 2000000
#define AHEAD	   1000

struct speaker {
	int fd;
	uint32_t next; /* number */
	uint32_t seen[SEEN];
	int64_t moved_us;
	struct sockaddr_storage sa;
	socklen_t len;
};

static uint32_t talk_open(const struct talk *talk)
{
	return talk->sent - talk->answered - talk->lost;
}

static void answer_count(struct talk *talk, struct speaker *speaker,
			 const char *text)
{
	char name[16], source[INET6_ADDRSTRLEN];
	enum side side;
	unsigned number;

	if (sscanf(text, "%15s %45s ?%u", name, source, &number) != 3) {
		talk->wrong++;
		return;
	}
	if (speaker->seen[number % SEEN] == number) {
		talk->twice++;
		return;
	}
	speaker->seen[number % SEEN] = number;
	side = strcmp(name, "tunnel") ? SIDE_UPLINK : SIDE_TUNNEL;
	if (talk->want != N_SIDES && talk->want != side)
		talk->wrong++;
	if (strcmp(source, side == SIDE_TUNNEL ? "10.20.0.2" : "10.10.0.2"))
		talk->wrong++;
	talk->answered++;
	talk->last_us[side] = speaker->moved_us = now_us();
}

static void error_count(struct talk *talk)
{
	if (!talk->errors++)
		talk->error = errno;
}

/* Sends what the window and the limit allow. */
static void speak(struct life_shared *shared, struct talk *talk,
		  struct speaker *speaker)
{
	while (!shared->stop && talk_open(talk) < WINDOW &&
	       speaker->next < shared->limit) {
		char text[16];
		int n = snprintf(text, sizeof(text), "?%u", speaker->next);

		if (sendto(speaker->fd, text, (size_t)n, 0,
			   talk->connected ? NULL :
					     (struct sockaddr *)&speaker->sa,
			   talk->connected ? 0 : speaker->len) < 0) {
			error_count(talk);
			return;
		}
		if (!talk_open(talk))
			speaker->moved_us = now_us();
		speaker->next++;
		talk->sent++;
	}
}

static void listen_to(struct talk *talk, struct speaker *speaker)
{
	for (unsigned i = 0; i < 2 * WINDOW; i++) {
		char text[128];
		ssize_t n =
			recv(speaker->fd, text, sizeof(text) - 1, MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			error_count(talk);
		if (n < 0)
			break;
		text[n] = '\0';
		answer_count(talk, speaker, text);
	}
	if (talk_open(talk) && now_us() - speaker->moved_us > GIVE_UP_US)
		talk->lost += talk_open(talk);
}

static int speaker_open(struct talk *talk, struct speaker *speaker)
{
	struct in6_addr addr = dst_address(talk->dst, false);

	memset(speaker, 0, sizeof(*speaker));
	speaker->next = 0;
	/* No number that is ever sent: nothing seen yet. */
	memset(speaker->seen, 0xff, sizeof(speaker->seen));
	speaker->len = sockaddr_fill(&speaker->sa, AF_INET, &addr, PORT_ECHO);
	speaker->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (speaker->fd < 0 ||
	    (talk->connected &&
	     connect(speaker->fd, (struct sockaddr *)&speaker->sa,
		     speaker->len) < 0))
		return -errno;
	return 0;
}

static bool talks_over(const struct life_shared *shared,
		       const struct speaker *speakers)
{
	for (unsigned i = 0; i < shared->n_talks; i++)
		if (talk_open(&shared->talks[i]) ||
		    (!shared->stop && speakers[i].next < shared->limit))
			return false;
	return true;
}

static int talker_main(struct life_shared *shared)
{
	static struct speaker speakers[MAX_TALKS];
	struct pollfd polls[MAX_TALKS];
	unsigned n = shared->n_talks;

	for (unsigned i = 0; i < n; i++) {
		if (speaker_open(&shared->talks[i], &speakers[i]) < 0) {
			error_count(&shared->talks[i]);
			return 1;
		}
		polls[i] = (struct pollfd){ speakers[i].fd, POLLIN, 0 };
	}
	while (!talks_over(shared, speakers)) {
		for (unsigned i = 0; i < n; i++)
			speak(shared, &shared->talks[i], &speakers[i]);
		if (shared->rest_us)
			usleep(shared->rest_us);
		poll(polls, n, 1);
		for (unsigned i = 0; i < n; i++)
			listen_to(&shared->talks[i], &speakers[i]);
	}
	return 0;
}

void talk_clear(struct life *life)
{
	memset(life->shared, 0, sizeof(*life->shared));
}

void talk_add(struct life *life, enum dst dst, bool connected, enum side want)
{
	struct talk *talk = &life->shared->talks[life->shared->n_talks++];

	*talk = (struct talk){ .dst = dst,
			       .connected = connected,
			       .want = want };
}

int talk_start(struct life *life, uint32_t limit)
{
	life->shared->limit = limit;
	life->talker = proc_fork(life->lab, life->lab->cgroup_fd[life->speaks],
				 NS_CLIENT);
	if (life->talker == 0)
		_exit(talker_main(life->shared));
	return life->talker < 0 ? life_no(life, "no talker") : 0;
}

/*
 * So far and no further; but at least so far, and some numbers beyond what has
 * been sent by now. Returns the number.
 */
uint32_t talk_limit(struct life *life, uint32_t least)
{
	uint32_t limit = least;

	for (unsigned i = 0; i < life->shared->n_talks; i++) {
		uint32_t ahead = life->shared->talks[i].sent + AHEAD;

		limit = ahead > limit ? ahead : limit;
	}
	life->shared->limit = limit;
	return limit;
}

static uint32_t talk_progress(const struct life *life)
{
	uint32_t least = UINT32_MAX;

	for (unsigned i = 0; i < life->shared->n_talks; i++) {
		const struct talk *talk = &life->shared->talks[i];
		uint32_t done = talk->answered + talk->lost;

		least = done < least ? done : least;
	}
	return least;
}

/* Until every talk has come so far. */
int talk_reach(struct life *life, uint32_t number, int deadline_ms)
{
	int64_t end = now_ms() + deadline_ms;

	while (talk_progress(life) < number) {
		if (now_ms() > end)
			return life_no(life, "talk: %u of %u after %d ms",
				       talk_progress(life), number,
				       deadline_ms);
		poll(NULL, 0, 1);
	}
	return 0;
}

/* Deadline 0: it is not to say more. The status is the talker's. */
int talk_end(struct life *life, int deadline_ms)
{
	int r;

	if (life->talker <= 0)
		return 0;
	if (!deadline_ms)
		life->shared->stop = true;
	r = proc_wait(life->talker, deadline_ms ? deadline_ms : 5000);
	life->talker = 0;
	return r == 0 ? 0 : life_no(life, "talker: %d", r);
}

/* Every number answered once, by the right side, which saw the right source. */
int talk_clean(struct life *life)
{
	for (unsigned i = 0; i < life->shared->n_talks; i++) {
		const struct talk *t = &life->shared->talks[i];

		if (t->answered == t->sent && !t->lost && !t->wrong &&
		    !t->twice && !t->errors)
			continue;
		return life_no(life,
			       "%s to %s: %u sent, %u answered, %u lost, "
			       "%u wrong, %u twice, %u errors (%s)",
			       t->connected ? "connected" : "unconnected",
			       dst_name(t->dst), t->sent, t->answered, t->lost,
			       t->wrong, t->twice, t->errors,
			       strerror(t->error));
	}
	return 0;
}

/* The sensors say so, too: no destination of a talk on the other side. */
int talk_sides(struct life *life)
{
	struct reading readings[N_SIDES];
	int r = sensors_read(life->lab, readings);

	if (r < 0)
		return life_no(life, "sensors: %s", strerror(-r));
	for (unsigned i = 0; i < life->shared->n_talks; i++) {
		const struct talk *talk = &life->shared->talks[i];
		struct in6_addr addr = dst_address(talk->dst, false);
		enum side other = talk->want == SIDE_TUNNEL ? SIDE_UPLINK :
							      SIDE_TUNNEL;
		uint32_t n = packets_to(&readings[other], &addr);

		if (n)
			return life_no(life, "%u packets to %s on the %s", n,
				       dst_name(talk->dst), side_name(other));
	}
	if (readings[SIDE_UPLINK].lost + readings[SIDE_TUNNEL].lost)
		return life_no(life, "the sensors lost packets");
	return 0;
}
