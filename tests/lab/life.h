/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of an instance: tunnels, files and daemons come and go. */
#ifndef SPLITD_TESTS_LIFE_H
#define SPLITD_TESTS_LIFE_H

#include <stdio.h>

#include <jansson.h>

#include "tests/lab/lab.h"

enum how {
	HOW_UDP,
	HOW_UDP_CONNECTED,
	HOW_TCP
};

/* One question of one new process, and what became of it. */
struct ask {
	enum app app;
	enum dst dst;
	bool v6;
	enum how how;
	int patience_ms; /* so long it tries again; 0: once */
	const char *to;	 /* an address, instead of dst */

	int error;	/* 0, or why there was no answer */
	enum side side; /* who answered ... */
	bool sourced;	/* ... and saw the source that belongs there */
	char source[INET6_ADDRSTRLEN];
	int64_t us;	 /* from the first try to the answer or the refusal */
	int64_t last_us; /* of the last try alone */
};

#define MAX_TALKS 4

/* A socket over which a talker sends numbered datagrams. */
struct talk {
	enum dst dst;
	bool connected;
	volatile enum side want; /* N_SIDES: either */
	volatile uint32_t sent, answered, lost, wrong, twice, errors;
	volatile int error;		   /* the first */
	volatile int64_t last_us[N_SIDES]; /* when an answer came, by whom */
};

/* Shared with the processes that do the asking. */
struct life_shared {
	struct ask ask;
	volatile uint32_t limit; /* no number above */
	volatile bool stop;
	unsigned rest_us; /* between two words, so that others get to work */
	unsigned n_talks;
	struct talk talks[MAX_TALKS];
};

struct life {
	struct lab *lab;
	struct life_shared *shared;
	pid_t talker;
	enum app speaks; /* whose process the talker is */
	char text[1024]; /* figures, or why not */
};

#define LIFE_STOPPED BIT(0) /* the test starts the daemon itself */

struct life_test {
	const char *name;
	int (*run)(struct life *life); /* 0, or negative and life->text */
	unsigned flags;
};

extern const struct life_test life_tunnel_tests[], life_traffic_tests[],
	life_reload_tests[], life_purge_tests[], life_input_tests[],
	life_answer_tests[], life_repair_tests[], life_other_tests[],
	life_routing_tests[], life_inbound_tests[], life_store_tests[],
	fault_route_tests[], fault_tunnel_tests[], fault_endpoint_tests[],
	fault_socket_tests[], fault_handed_tests[], fault_product_tests[],
	life_busy_tests[], life_secret_tests[], fault_crash_tests[],
	fault_state_tests[], fault_update_tests[], fault_scope_tests[],
	fault_two_tests[], fault_cycle_tests[], fault_refuse_tests[],
	fault_mended_tests[], fault_odd_tests[], life_bare_tests[],
	life_restart_tests[], life_number_tests[], life_back_tests[],
	fault_found_tests[];

/* Tables of tests, up to a NULL: of the modes lifecycle (life.c) and faults */
extern const struct life_test *const life_tables[], *const fault_tables[];

/* life.c: runs the tests; each begins with the lab's policy and a new splitd */
int life_run(struct lab *lab, const struct life_test *const *tables);
int life_no(struct life *life, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void life_say(struct life *life, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int64_t now_us(void);

/* life_ask.c: all but life_ask() put what is wrong into life->text */
void life_ask(const struct life *life, struct ask *ask);
int life_goes(struct life *life, enum app app, enum dst dst, enum side side);
int life_governed(struct life *life);
int life_refused(struct life *life, enum app app, enum dst dst,
		 int64_t *ret_us);
int life_silent(struct life *life, enum side side);
int life_forget(struct life *life); /* what the sensors have counted */
/*
 * A process of the listed app that keeps its sockets: keeper() is all of it and
 * ends with 0 when its channel is closed; ask() talks to it over the other end.
 */
int life_keep(struct life *life, int (*keeper)(int channel),
	      int (*ask)(struct life *life, int channel));

/* life_talk.c: one process of the listed app, numbering its datagrams */
int talk_start(struct life *life, uint32_t limit);
uint32_t talk_limit(struct life *life, uint32_t least);
#define TALK_ON UINT32_MAX /* until there is a limit, or an end */
void talk_add(struct life *life, enum dst dst, bool connected, enum side want);
void talk_clear(struct life *life);
int talk_reach(struct life *life, uint32_t number, int deadline_ms);
int talk_end(struct life *life, int deadline_ms);
int talk_clean(struct life *life);
int talk_sides(struct life *life);

/* life_file.c: the policy's files; edits start from the lab's own text */
int files_save(struct life *life);
int files_restore(struct life *life);
int file_edit(struct life *life, const char *name, const char *find,
	      const char *replace);
/* The lab's prefixes and up to 64 more: one change, which the daemon sees. */
int files_more(struct life *life, unsigned prefixes);
int file_put(struct life *life, const char *name, const char *text);
#define SECOND_UUID "e2773557-b535-414f-968a-5447d9c02d52"
int file_second(struct life *life, const char *name);
char *file_text(const struct life *life, const char *name);
void file_remove(struct life *life, const char *name);

/* life_ctl.c: splitctl, as a user runs it */
struct ctl {
	int status;
	char *out, *err;
};
void ctl_clear(struct ctl *ctl);
int ctl_run(struct life *life, uid_t uid, struct ctl *ret_ctl, ...)
	__attribute__((sentinel));
int ctl_reload(struct life *life, int status);
int ctl_json(struct life *life, const struct ctl *ctl, json_t **ret_json);
int ctl_keys(struct life *life, const json_t *json, const char *spec);
int ctl_state(struct life *life, const char *state, int deadline_ms);

#define _cleanup_ctl_  __attribute__((cleanup(ctl_clear)))
#define _cleanup_json_ __attribute__((cleanup(json_decrefp)))

/* life_parser.c: splitd's next parser, held by a debugger */
int parser_await(struct life *life); /* before what makes splitd parse */
pid_t parser_hold(struct life *life);
void parser_release(pid_t pid);
int parser_ends(struct life *life, pid_t pid, int deadline_ms);
unsigned log_count(const struct life *life, const char *what);

/* life_link.c: the tunnel's device */
int tunnel_set(struct life *life, bool up);
int tunnel_carrier(struct life *life, bool on);
int tunnel_delete(struct life *life);
int tunnel_create(struct life *life);
int tunnel_running(struct life *life, bool running);
int tunnel_restore(struct life *life);

/* life_routing.c: the lab's profile with these keys in VPN and VendorConfig,
 * and reloaded */
#define TUN0	       "<key>Interface</key><string>tun0</string>\n"
#define PREFIX(text)   "<string>" text "</string>"
#define INCLUDED(text) "<key>IncludedRoutes</key><array>" text "</array>\n"
int profile_write(struct life *life, const char *vpn, const char *vendor);
int profile_put(struct life *life, const char *vpn, const char *vendor);
int ip_run(const struct life *life, enum ns ns, const char *commands);

/* life_object.c: programs, maps and links that a daemon holds open */
#define MAX_HELD 512
struct held {
	unsigned n;
	unsigned kind[MAX_HELD];
	uint32_t id[MAX_HELD];
};
int held_note(struct life *life, struct held *held);
int held_gone(struct life *life, const struct held *held);
void held_costs(const struct held *held);
void attached_write(const struct lab *lab, FILE *out);

/* demo.c */
int demo_run(struct lab *lab);
int demo_client(int argc, char **argv);

#endif
