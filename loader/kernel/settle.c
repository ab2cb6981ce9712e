// SPDX-License-Identifier: GPL-2.0-or-later
/* Which sockets of which processes are to be put right, and when. */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "bpf/decide.h"
#include "loader/kernel/engine_private.h"
#include "loader/kernel/listeners.h"
#include "loader/kernel/maps.h"
#include "loader/kernel/tasks.h"

/*
 * A process that comes into a class is announced by the kernel, whoever found
 * out (bpf/identity.h): what it holds is taken over. What has a class already
 * is looked at again when verdicts may have changed: after a reload, and when a
 * tunnel goes or comes.
 */

static uint32_t mark_of(void *ctx, uint32_t class)
{
	const struct engine *engine = ctx;
	struct sp_class entry;

	if (map_get(attach_map(engine->attach, MAP_CLASS), &class, &entry) ||
	    !entry.set || entry.set > SP_MAX_TUNNELS)
		return 0;

	return engine->bindings[entry.set].place.mark;
}

/* As sp_decide_flow() of bpf/flow.h, by the same map. */
static uint32_t tunnel_for(void *ctx, uint32_t class,
			   const struct in6_addr *dst)
{
	const struct engine *engine = ctx;
	struct sp_facts facts = { .class = class };
	struct sp_prefix_key key = {
		.prefixlen = 160,
		.addr = sp_addr_of(dst),
	};
	struct sp_route route;
	struct sp_class entry;
	uint32_t set;

	if (map_get(attach_map(engine->attach, MAP_CLASS), &class, &entry) ||
	    !entry.set || entry.set > SP_MAX_TUNNELS)
		return 0;
	set = htonl(entry.set);
	memcpy(key.set, &set, sizeof(set));
	if (map_get(attach_map(engine->attach, MAP_PREFIX), &key, &route))
		return 0;
	facts.tunnel = entry.set;
	facts.tunnel_flags = engine->bindings[entry.set].entry.flags;
	facts.is_ipv6 = !IN6_IS_ADDR_V4MAPPED(dst);
	facts.dst_is_host = netdev_has_addr(&engine->host, dst);
	facts.has_route = 1;
	facts.route_verdict = route.verdict;

	return sp_decide(&facts).verdict == SP_DIRECT ? 0 : entry.set;
}

static uint32_t tunnel_of(void *ctx, const struct in6_addr *addr)
{
	const struct engine *engine = ctx;
	struct sp_owner owner;

	return map_get(attach_map(engine->attach, MAP_ADDRESS), addr, &owner) ?
		       0 :
		       owner.tunnel;
}

static int settle(struct engine *engine, const struct sp_task_record *records,
		  size_t n, enum tasks_reason reason)
{
	struct listeners listeners;
	struct tasks_context context = {
		.attach = engine->attach,
		.netns = engine->netns,
		.netns_by_inode = !engine->features.netns_cookie,
		.mark_mask = engine->options.mark_mask,
		.listeners = &listeners,
		.mark_of = mark_of,
		.tunnel_for = tunnel_for,
		.tunnel_of = tunnel_of,
		.ctx = engine,
	};
	int r;

	if (engine->options.shadow || !engine->policy)
		return 0;
	r = listeners_read(&listeners);
	if (r)
		return engine_fail(engine, r, "cannot list listening sockets");
	for (size_t i = 0; i < n; i++) {
		pid_t pid = (pid_t)records[i].tgid;

		r = tasks_settle(&context, pid, records[i].class, reason);
		if (r)
			engine_log(engine, LOG_WARNING,
				   "cannot take over the sockets of process "
				   "%d: %s, the guard drops what is wrong",
				   (int)pid, strerror(-r));
	}

	return 0;
}

static int settle_all(struct engine *engine, enum tasks_reason reason)
{
	struct sp_task_record *records;
	size_t n;
	int r;

	r = tasks_list(engine->attach, &records, &n);
	if (r)
		return engine_fail(engine, r, "cannot list processes");
	r = settle(engine, records, n, reason);
	free(records);

	return r;
}

int engine_on_newcomer(void *ctx, void *data, size_t size)
{
	const struct engine *engine = ctx;
	const struct sp_event *event = data;
	struct sp_task_record record;
	struct sp_task now;

	/* by now it may have become another's, or nobody's */
	if (size < sizeof(*event) ||
	    map_get(attach_map(engine->attach, MAP_TASK), &event->tgid, &now) ||
	    now.class != event->class)
		return 0;
	record = (struct sp_task_record){
		.tgid = event->tgid,
		.class = event->class,
	};
	(void)settle(ctx, &record, 1, TASKS_NEWCOMER);

	return 0;
}

/* Some announcement did not fit into the ring: anybody may be a newcomer. */
static bool has_lost_events(struct engine *engine)
{
	uint64_t lost = engine_stat(engine, SP_STAT_EVENTS_LOST);
	bool more = lost != engine->events_lost;

	engine->events_lost = lost;

	return more;
}

int engine_settle(struct engine *engine)
{
	int r;

	r = settle_all(engine, TASKS_NEW_VERDICT);
	/* the pass over all processes has announced who is new */
	(void)ring_buffer__consume(engine->ring);
	if (!r && has_lost_events(engine))
		r = settle_all(engine, TASKS_NEWCOMER);

	return r;
}

int engine_settle_anew(struct engine *engine)
{
	return settle_all(engine, TASKS_NEWCOMER);
}
