/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults and attacks: what the tests of the mode have in common. */
#ifndef SPLITD_TESTS_FAULT_H
#define SPLITD_TESTS_FAULT_H

#include "tests/lab/life.h"

/* How many of something: all, or with --short a part, but at least 10. */
unsigned fault_count(const struct life *life, unsigned full);

/* Which of many it was, behind the sentence of what is wrong. */
void life_append(struct life *life, const char *which);

/* How long something may take that must be over after this many ms. */
int fault_ms(const struct life *life, int ms);

/*
 * What one process of an app does many times, and what became of it. The far
 * end paces it: the next one is not sent before this one is answered or given
 * up. Lives in shared memory from volley_begin() to volley_end().
 */
struct volley {
	enum app app;
	enum dst dst;
	const char *to; /* an address instead of dst */
	uint16_t port;	/* 0: PORT_ECHO */
	bool v6;
	enum how how;
	uid_t uid;
	bool kept;	 /* one socket for all, not one for each */
	bool both;	 /* every other one to the opposite destination */
	bool mute;	 /* waits for no answer; a connection for nothing */
	unsigned n;	 /* 0: until volley_end() */
	int patience_ms; /* for an answer; 0: long enough */
	uint32_t mark;	 /* SO_MARK, by root */

	volatile bool stop;
	volatile unsigned sent, refused, lost, answered[N_SIDES];
	volatile unsigned wrong;  /* the tunnel's source outside, or else */
	volatile int error;	  /* the last refusal */
	volatile int64_t last_us; /* when the last answer came */
	volatile int64_t gap_us;  /* the longest time between two answers */
	pid_t pid;
};

/* All but volley_begin() put what is wrong into life->text. */
struct volley *volley_begin(const struct life *life,
			    const struct volley *order);
int volley_end(struct life *life, struct volley *volley,
	       struct volley *ret_result);
int volley_progress(struct life *life, const struct volley *volley, unsigned n);
int volley_fire(struct life *life, struct volley *volley);
int volley_answered(struct life *life, struct volley *volley, enum side side);
int volley_refused(struct life *life, struct volley *volley);

/* What both sensors have counted since the last one was taken. */
struct tally {
	uint32_t capture[N_SIDES][N_DSTS][2]; /* [1]: IPv6 */
	uint32_t nft[N_SIDES][N_DSTS][2];
	uint32_t strange[N_SIDES]; /* of other destinations, or odd sources */
	struct flow last[N_SIDES][N_DSTS][2]; /* that the capture has seen */
};

int fault_govern(struct life *life);
int tally_reset(struct life *life);
int tally_take(struct life *life, struct tally *ret_tally);
uint32_t tally_most(const struct tally *tally, enum side side, enum dst dst,
		    bool v6);
uint32_t tally_least(const struct tally *tally, enum side side, enum dst dst,
		     bool v6);
int tally_control(struct life *life, const struct volley *volley,
		  enum side side);
int tally_sides(struct life *life, const struct volley *volley,
		const struct tally *tally);
int tally_clean(struct life *life, const struct volley *volley);

/* fault_look.c: everything of splitd's in the kernel, as text; free() it */
char *look_take(const struct life *life);
/* Waits until it is the same again; else prints what differs. */
int look_same(struct life *life, const char *before, const char *when);
/* Until splitd's log says so more often than before. */
int log_wait(struct life *life, const char *words, unsigned before,
	     int deadline_ms);

/*
 * fault_talk.c: traffic that runs while something happens. The guest is the
 * unlisted app; each destination is asked by one app only, so that the sensors
 * of both ends tell, exactly, what is where it must not be.
 */
struct traffic {
	struct life *life;
	struct life guest;
	bool lossy; /* what happens may stop it, but not lead it astray */
};
int traffic_control(struct life *life); /* without splitd, before all else */
int traffic_start(struct life *life, struct traffic *ret_traffic);
/* Every number answered by the right side, nothing seen on the wrong one. */
int traffic_end(struct traffic *traffic, uint32_t least, uint32_t *ret_numbers);
void traffic_drop(struct traffic *traffic); /* on the way out: no judgement */

/* fault_object.c: splitd's links, as root has them in hand */
int link_pins(const struct life *life,
	      int (*fn)(void *ctx, const char *name, int fd), void *ctx);
int link_program(int link); /* a new descriptor of what it runs */
unsigned programs_on(const struct life *life);
/* The directory at this place of the pins ("": all of them), as rm -r. */
int pins_remove(const struct life *life, const char *below);
/* How many names there are in such a directory; and until they are so many. */
unsigned pins_count(const struct life *life, const char *below);
int pins_wait(struct life *life, const char *below, unsigned pins,
	      int deadline_ms);

#endif
