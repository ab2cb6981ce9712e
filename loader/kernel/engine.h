/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one place that knows both vocabularies: policies and kernel objects. */
#ifndef SPLITD_ENGINE_H
#define SPLITD_ENGINE_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/abi.h"
#include "policy/plan/explain.h"
#include "policy/plan/policy.h"

struct engine;

/* All paths absolute. What purge needs to find everything again. */
struct engine_options {
	const char *cgroup;  /* governed below; file-system path */
	const char *bpffs;   /* pin directory, made when missing */
	uint32_t mark_value; /* of tunnel slot 1 */
	uint32_t mark_mask;
	uint32_t table_base;	/* prefix tables, then 256 answer tables */
	uint32_t rule_priority; /* and the next one */
	bool shadow;		/* judge and count only */
	const char *without;	/* hook to leave out (tests); NULL: none */
};

/*
 * Loads what is missing and adopts what is pinned. Afterwards enforcement is
 * as before the call. On failure nothing new stays behind, and *ret_engine may
 * be set to an engine that is good for engine_error() and engine_close() only.
 */
int engine_open(const struct engine_options *options,
		struct engine **ret_engine);

/* Lets go of the handles; everything in the kernel stays and goes on. */
void engine_close(struct engine *engine);

/*
 * Brings the kernel to the policy, step by step; a failed step is undone in
 * reverse and the negative errno returned. The engine refers to the policy
 * until the next success, or engine_close(): the caller keeps it that long.
 */
int engine_apply(struct engine *engine, const struct policy *policy);

/* One line about the last failure, never NULL. */
const char *engine_error(const struct engine *engine);

/* Becomes readable when engine_dispatch() has work (links, processes...). */
int engine_fd(const struct engine *engine);
int engine_dispatch(struct engine *engine);

/* Things worth a log line ("tunnel ... is down"), set once, may be NULL. */
typedef void (*engine_log_fn)(void *ctx, int priority, const char *line);
void engine_set_log(struct engine *engine, engine_log_fn fn, void *ctx);

/* ---- reading ---------------------------------------------------------- */

/*
 * Counts every policy put into force, and going back to the one before; a
 * restart goes on counting.
 */
uint64_t engine_generation(const struct engine *engine);

/* NULL when all hooks are attached; else the names of what is missing. */
const char *engine_degraded(const struct engine *engine);

struct tunnel_status {
	struct tunnel_facts facts;
	unsigned int ifindex;		  /* 0: no such interface */
	struct in6_addr source4, source6; /* v4-mapped; :: when missing */
};
void engine_tunnel(const struct engine *engine, const struct tunnel *tunnel,
		   struct tunnel_status *ret_status);

struct drop_count {
	uint32_t class; /* 0: of no listed app */
	uint32_t reason;
	uint64_t count;
};
/* All drop counters, sorted by (class, reason); free() the array. */
int engine_drops(struct engine *engine, struct drop_count **ret_drops,
		 size_t *ret_n);

/* The class number an app of the running policy has; 0: none. */
uint32_t engine_class(const struct engine *engine, const struct app *app);

struct classed_task {
	pid_t pid; /* thread group */
	uint32_t class;
	uint32_t how; /* SP_HOW_... */
};
/* All processes that belong to some app now; free() the array. */
int engine_tasks(struct engine *engine, struct classed_task **ret_tasks,
		 size_t *ret_n);

/*
 * The app a process or a cgroup (path below the cgroup2 mount) belongs to, and
 * the selector that says so; *ret_app is NULL for an unlisted one. -ESRCH or
 * -ENOENT when there is no such process or cgroup.
 */
int engine_app_of_pid(struct engine *engine, pid_t pid,
		      const struct app **ret_app,
		      const struct selector **ret_selector);
int engine_app_of_cgroup(struct engine *engine, const char *path,
			 const struct app **ret_app,
			 const struct selector **ret_selector);

/* How many cgroups an app's selectors match at this moment. */
size_t engine_app_cgroups(struct engine *engine, const struct app *app);

bool engine_is_host_address(const struct engine *engine,
			    const struct in6_addr *addr);

/* What the kernel's own tables say: "1.1.1.1/32 dev tun0 table 51001". */
struct route_answer {
	char interface[IF_NAMESIZE];
	struct in6_addr source; /* v4-mapped for IPv4 */
	uint32_t table;
};
/* tunnel NULL: as an unmarked socket would be routed. */
int engine_route(struct engine *engine, const struct tunnel *tunnel,
		 const struct in6_addr *dst, struct route_answer *ret_answer);

/*
 * Takes the pin directory for this process, as engine_open() does: for who is
 * about to purge. *ret_fd is to be kept open; -EBUSY: another splitd has it.
 */
int engine_lock(const struct engine_options *options, int *ret_fd);

/* ---- end -------------------------------------------------------------- */

/*
 * Takes everything away that an engine of these options ever made: links,
 * maps, pins, tc filter, rules, routes; idempotent, needs no running daemon.
 * Goes on after an error and returns the first.
 */
int engine_purge(const struct engine_options *options);

#endif
