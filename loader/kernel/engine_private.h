/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The insides, for engine.c and what it is cut into: apply.c and others. */
#ifndef SPLITD_ENGINE_PRIVATE_H
#define SPLITD_ENGINE_PRIVATE_H

#include "loader/kernel/attach.h"
#include "loader/kernel/binding.h"
#include "loader/kernel/engine.h"
#include "loader/kernel/feature.h"
#include "loader/kernel/keep.h"
#include "loader/kernel/netdev.h"
#include "loader/kernel/members.h"
#include "loader/kernel/nl.h"
#include "loader/kernel/numbers.h"
#include "loader/kernel/tasks.h"

struct ring_buffer;

/* Tables: prefix tables from the base, answer tables behind them. */
#define ANSWER_TABLES 256
#define TABLE_SPAN    512

struct engine {
	struct engine_options options; /* strings owned */
	struct sp_features features;   /* of this kernel */
	char *cgroup_mount;
	uint64_t netns;
	uint64_t scope;
	int cgroup_fd;
	int epoll;
	int mountinfo; /* says when something is mounted over a path */
	struct nl *nl;
	struct mnl_socket *events;
	struct attach *attach;
	struct ring_buffer *ring;
	struct numbers *class_numbers;
	struct numbers *tunnel_numbers;
	struct members *members;
	struct netdev host;
	struct prefix *on_link; /* what the host reaches without a gateway */
	size_t n_on_link;

	const struct policy *policy; /* borrowed; NULL before the first */
	uint32_t *classes;	     /* of policy->apps */
	struct binding bindings[SP_MAX_TUNNELS + 1]; /* by slot */
	struct sp_config config;
	struct keep *keep;
	bool attached;
	bool loose; /* some hook is not in force: attach anew */
	bool wrote; /* since what remembers verdicts was told */
	bool whole; /* the bindings are all that the kernel has of tunnels */
	int kept;   /* what the last repair came to */
	uint64_t events_lost;
	bool doors_doubted;

	engine_log_fn log;
	void *log_ctx;
	char error[320];
};

int engine_fail(struct engine *engine, int r, const char *what)
	__attribute__((warn_unused_result));
void engine_log(const struct engine *engine, int priority, const char *format,
		...) __attribute__((format(printf, 3, 4)));

/* Tests leave the door out by name, like any hook. */
bool engine_has_doors(const struct engine *engine);

struct binding_context engine_binding_context(struct engine *engine);

/* The binding of a tunnel of the running policy; NULL. */
const struct binding *engine_binding(const struct engine *engine,
				     const struct tunnel *tunnel);

/*
 * host.c: reads interfaces and addresses; *ret_moved when the host is on other
 * networks than it was. A tunnel's own network is none of them.
 */
int engine_read_host(struct engine *engine, bool *ret_moved);

/*
 * events.c. The first reads the host without a write, the second brings every
 * binding in line with it. moved: the host is on other networks, and prefixes
 * were not planned since. *ret_changed: what processes hold may be on the wrong
 * side. What remembers verdicts is not told.
 */
int engine_host_find(struct engine *engine, struct host_seen *ret_seen,
		     bool *ret_moved);
int engine_host_make(struct engine *engine, const struct host_seen *seen,
		     bool moved, bool *ret_changed);
/* Both, then what remembers verdicts and what processes hold. */
int engine_host_changed(struct engine *engine);
/* Selectors resolved anew; epoch and processes follow. */
int engine_members_changed(struct engine *engine);
/* apply.c */
int engine_reattach(struct engine *engine);
/*
 * repair.c: whatever others took of ours, back in its place; without `pins`
 * only the hooks. What fails is tried again, and told once.
 */
int engine_repair(struct engine *engine, bool pins);
/* Says once that a tunnel has no door as there can be none, or has it again. */
void engine_tell_door(const struct engine *engine, struct binding *binding);
/* Puts missing doors back; the second tells which were missing. */
int engine_attach_doors(struct engine *engine);
int engine_check_doors(struct engine *engine);
/* engine.c: the governed cgroup; its id changes when it is made again. */
int engine_open_scope(struct engine *engine);
bool engine_scope_holds(const struct engine *engine);
/* Puts right what processes hold: newcomers', and what has a new verdict. */
int engine_settle(struct engine *engine);
/* The same, as if every process had just come into its class. */
int engine_settle_anew(struct engine *engine);
/* A ring buffer callback: a process has come into a class. */
int engine_on_newcomer(void *ctx, void *data, size_t size);
/* SP_STAT_..., summed over the processors. */
uint64_t engine_stat(const struct engine *engine, uint32_t stat);
int engine_write_config(struct engine *engine);

/*
 * What the guard skips or remembers, outdate.c. The bits must be there before
 * an interface or address becomes a tunnel's; after any change of what verdicts
 * depend on, even one that failed half-way, what sockets remember must go.
 * Where nothing was written (engine->wrote), nothing is.
 */
int engine_bits_grow(struct engine *engine);
int engine_outdate(struct engine *engine);
int engine_watch(struct engine *engine);

#endif
