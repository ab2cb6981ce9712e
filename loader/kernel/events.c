// SPDX-License-Identifier: GPL-2.0-or-later
/* What happens on the host while we run: links, routes, paths, processes. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "loader/kernel/engine_private.h"
#include "loader/kernel/maps.h"
#include "loader/util/cleanup.h"

/*
 * Everything is level-triggered in spirit: an event only says that a look is
 * due, and the look compares the whole of one thing with what it should be. So
 * lost events (ENOBUFS) are no special case.
 */

#define WATCH_GROUPS                                                           \
	(RTMGRP_LINK | RTMGRP_TC | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |   \
	 RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE |            \
	 1u << (RTNLGRP_IPV6_RULE - 1))

/* ---- the host ---------------------------------------------------------- */

static void log_state(const struct engine *engine,
		      const struct binding *binding, uint32_t before)
{
	uint32_t now = binding->entry.flags;

	if ((before ^ now) & SP_TUN_UP)
		engine_log(engine, now & SP_TUN_UP ? LOG_INFO : LOG_WARNING,
			   "tunnel %s (%s) is %s%s", binding->tunnel->uuid,
			   binding->tunnel->interface ?
				   binding->tunnel->interface :
				   "unbound",
			   now & SP_TUN_UP ? "up" : "down",
			   now & SP_TUN_UP	    ? "" :
			   now & SP_TUN_DOWN_DIRECT ? ", its apps go direct" :
						      ", its apps are blocked");
}

static int each_binding(struct engine *engine,
			int (*fn)(const struct binding_context *context,
				  struct binding *binding))
{
	struct binding_context context = engine_binding_context(engine);
	int r = 0, s;

	for (uint32_t slot = 1; slot <= SP_MAX_TUNNELS; slot++) {
		struct binding *binding = &engine->bindings[slot];

		if (!binding->tunnel)
			continue;
		s = fn(&context, binding);
		if (s && !r)
			r = engine_fail(engine, s,
					binding->tunnel->interface ?
						binding->tunnel->interface :
						binding->tunnel->uuid);
	}

	return r;
}

/* A change that failed half-way is made good. */
static int binding_doubted(const struct binding_context *context,
			   struct binding *binding)
{
	return binding->known ?
		       0 :
		       binding_prefixes(context, binding, binding->tunnel);
}

/* The host is on other networks: some tunnels exempt those. */
static int binding_moved(const struct binding_context *context,
			 struct binding *binding)
{
	return binding->known && !binding->tunnel->exclude_local ?
		       0 :
		       binding_prefixes(context, binding, binding->tunnel);
}

static int read_seen(struct engine *engine, struct host_seen *ret_seen)
{
	struct binding_context context = engine_binding_context(engine);
	int r = host_seen_read(&context, ret_seen);

	return r ? engine_fail(engine, r, "cannot read rules and addresses") :
		   0;
}

int engine_host_find(struct engine *engine, struct host_seen *ret_seen,
		     bool *ret_moved)
{
	int r = engine_read_host(engine, ret_moved);

	return r ? r : read_seen(engine, ret_seen);
}

/* Goes on after an error, so that one tunnel's trouble is not all tunnels'. */
int engine_host_make(struct engine *engine, const struct host_seen *seen,
		     bool moved, bool *ret_changed)
{
	struct binding_context context = engine_binding_context(engine);
	uint32_t before[SP_MAX_TUNNELS + 1];
	int r, s;

	*ret_changed = moved;
	for (int i = 0; i <= SP_MAX_TUNNELS; i++)
		before[i] = engine->bindings[i].entry.flags;

	r = engine_bits_grow(engine);
	if (r)
		return r;
	r = each_binding(engine, moved ? binding_moved : binding_doubted);
	s = each_binding(engine, binding_update);
	if (!r)
		r = s;
	s = addresses_sync(&context, engine->bindings, SP_MAX_TUNNELS + 1,
			   seen);
	if (s && !r)
		r = engine_fail(engine, s, "cannot write addresses");
	s = rules_sync(&context, engine->options.table_base, engine->bindings,
		       SP_MAX_TUNNELS + 1, seen);
	if (s && !r)
		r = engine_fail(engine, s, "cannot write rules");
	s = each_binding(engine, binding_open);
	if (!r)
		r = s;

	for (int i = 0; i <= SP_MAX_TUNNELS; i++) {
		if (!engine->bindings[i].tunnel)
			continue;
		log_state(engine, &engine->bindings[i], before[i]);
		engine_tell_door(engine, &engine->bindings[i]);
		*ret_changed |= before[i] != engine->bindings[i].entry.flags;
	}

	return r;
}

int engine_host_changed(struct engine *engine)
{
	_cleanup_(host_seen_clear) struct host_seen seen = { 0 };
	bool moved, changed;
	int r, s;

	r = engine_read_host(engine, &moved);
	if (r)
		return r;
	/* a tunnel that went down is closed, whatever is not to be read */
	r = read_seen(engine, &seen);
	s = engine_host_make(engine, &seen, moved, &changed);
	if (!r)
		r = s;
	s = engine_outdate(engine);
	if (!r)
		r = s;
	if (changed && engine->attached)
		s = engine_settle(engine);

	return r ? r : s;
}

/* ---- paths and processes ----------------------------------------------- */

int engine_write_config(struct engine *engine)
{
	uint32_t zero = 0;
	int r;

	r = map_put(attach_map(engine->attach, MAP_CONFIG), &zero,
		    &engine->config);

	return r ? engine_fail(engine, r, "cannot write the configuration") : 0;
}

int engine_members_changed(struct engine *engine)
{
	bool changed;
	int r, s;

	if (!engine->policy)
		return 0;
	if (engine->attached) {
		/* selectors are looked up all the same: not all are below it */
		r = engine_repair(engine, false);
		if (r)
			engine_log(engine, LOG_ERR,
				   "%s, some traffic is not governed",
				   engine->error);
	}
	r = members_sync(engine->members, engine->policy, engine->classes,
			 &changed);
	if (r)
		r = engine_fail(engine, r, "cannot resolve selectors");
	if (!changed)
		return r;
	/* of a look that failed half-way the next one sees no change */
	engine->config.epoch++;
	s = engine_write_config(engine);
	if (!s && engine->attached)
		s = engine_settle(engine);

	return r ? r : s;
}

/* ---- events ------------------------------------------------------------ */

/* A route of one of our tables that somebody else touched. */
static bool doubt_route(struct engine *engine, const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	uint32_t table = rtm->rtm_table, slot;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(attr) == RTA_TABLE)
			table = mnl_attr_get_u32(attr);
	}
	slot = table - engine->options.table_base;
	if (slot >= TABLE_SPAN)
		return false;
	/* the kernel's own changes come from port 0 */
	if (nlh->nlmsg_pid && engine->bindings[slot % ANSWER_TABLES].routed)
		engine_log(engine, LOG_WARNING,
			   "routes of table %u were changed by another "
			   "program, putting them back",
			   table);
	engine->bindings[slot % ANSWER_TABLES].routed = false;

	return true;
}

/* A rule of ours went: told once, the look that follows puts it back. */
static bool miss_rule(const struct engine *engine, const struct nlmsghdr *nlh)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(nlh);
	uint32_t table = rule->table;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(*rule)) {
		if (mnl_attr_get_type(attr) == FRA_TABLE)
			table = mnl_attr_get_u32(attr);
	}
	if (table - engine->options.table_base < TABLE_SPAN)
		engine_log(engine, LOG_WARNING,
			   "the rule to table %u was deleted by another "
			   "program, putting it back",
			   table);

	return true;
}

/* Down, or without its address, an interface loses its routes unannounced. */
static bool doubt_interface(struct engine *engine, int ifindex)
{
	for (int i = 1; i <= SP_MAX_TUNNELS; i++)
		if (engine->bindings[i].place.ifindex == (unsigned int)ifindex)
			engine->bindings[i].routed = false;

	return true;
}

static bool doubt_link(struct engine *engine, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	return ifi->ifi_flags & IFF_UP && ifi->ifi_flags & IFF_RUNNING ?
		       true :
		       doubt_interface(engine, ifi->ifi_index);
}

static bool doubt_address(struct engine *engine, const struct nlmsghdr *nlh)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);

	return doubt_interface(engine, (int)ifa->ifa_index);
}

/* Somebody took filters off one of our interfaces: ours may be among them. */
static bool doubt_door(struct engine *engine, const struct nlmsghdr *nlh)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);

	for (int i = 1; i <= SP_MAX_TUNNELS; i++)
		if (engine->bindings[i].place.ifindex ==
		    (unsigned int)tc->tcm_ifindex)
			engine->doors_doubted = true;

	return false;
}

/* Does the message ask for a look at the host? */
static bool concerns_us(struct engine *engine, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_pid == nl_port(engine->nl))
		return false;
	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return doubt_link(engine, nlh);
	case RTM_DELADDR:
		return doubt_address(engine, nlh);
	case RTM_NEWADDR:
		return true;
	case RTM_DELRULE:
		return miss_rule(engine, nlh);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return doubt_route(engine, nlh);
	case RTM_DELTFILTER:
	case RTM_DELQDISC:
		return doubt_door(engine, nlh);
	default:
		return false;
	}
}

/* Drains the socket; true: look again. */
static bool drain_netlink(struct engine *engine)
{
	char buf[32 * 1024] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool look = false;

	for (;;) {
		ssize_t n =
			mnl_socket_recvfrom(engine->events, buf, sizeof(buf));
		const struct nlmsghdr *nlh = (const void *)buf;
		int len = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ENOBUFS)
			return look;
		if (n < 0) {
			/* something was lost: doubt everything */
			for (int i = 0; i <= SP_MAX_TUNNELS; i++)
				engine->bindings[i].routed = false;
			engine->doors_doubted = look = true;
			continue;
		}
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			look |= concerns_us(engine, nlh);
	}
}

static int watch_fd(struct engine *engine, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(engine->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

int engine_watch(struct engine *engine)
{
	int r;

	engine->epoll = epoll_create1(EPOLL_CLOEXEC);
	engine->mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (engine->epoll < 0 || engine->mountinfo < 0)
		return -errno;
	r = nl_listen(WATCH_GROUPS, &engine->events);
	if (!r)
		r = keep_open(&engine->keep);
	if (r)
		return r;
	engine->ring = ring_buffer__new(attach_map(engine->attach, MAP_EVENT),
					engine_on_newcomer, engine, NULL);
	if (!engine->ring)
		return -errno;
	r = watch_fd(engine, mnl_socket_get_fd(engine->events), EPOLLIN);
	if (!r)
		r = watch_fd(engine, ring_buffer__epoll_fd(engine->ring),
			     EPOLLIN);
	if (!r)
		r = watch_fd(engine, members_fd(engine->members), EPOLLIN);
	if (!r)
		r = watch_fd(engine, engine->mountinfo, EPOLLPRI);
	if (!r)
		r = watch_fd(engine, keep_pins_fd(engine->keep), EPOLLIN);
	if (!r)
		r = watch_fd(engine, keep_timer_fd(engine->keep), EPOLLIN);

	return r;
}

int engine_fd(const struct engine *engine)
{
	return engine->epoll;
}

/* What is ready, and what is to be done about it. */
struct work {
	bool paths, host, pins, tick;
};

static void collect(struct engine *engine, struct work *work)
{
	struct epoll_event events[8];
	int n = epoll_wait(engine->epoll, events, 8, 0);

	for (int i = 0; i < n; i++) {
		int fd = events[i].data.fd;

		if (fd == mnl_socket_get_fd(engine->events))
			work->host |= drain_netlink(engine);
		else if (fd == ring_buffer__epoll_fd(engine->ring))
			(void)ring_buffer__consume(engine->ring);
		else if (fd == keep_pins_fd(engine->keep))
			work->pins = true;
		else if (fd == keep_timer_fd(engine->keep))
			work->tick = true;
		else
			work->paths = true;
	}
}

int engine_dispatch(struct engine *engine)
{
	struct work work = { 0 };
	int r = 0, s;

	collect(engine, &work);
	if ((work.pins || work.tick) && engine->policy)
		r = engine_repair(engine, work.pins);
	if (work.paths) {
		members_drain(engine->members);
		s = engine_members_changed(engine);
		if (!r)
			r = s;
	}
	if (engine->doors_doubted && engine->attached) {
		engine->doors_doubted = false;
		s = engine_check_doors(engine);
		if (!r)
			r = s;
	}
	if (work.host && engine->policy) {
		s = engine_host_changed(engine);
		if (!r)
			r = s;
	}

	return r;
}
