/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: the host changes between a reload's look at it and its writes. */

/*
 * splitd finds out everything before it writes anything. So it is held by a
 * debugger before each of its writes to a map in turn, and then a
 * link on the way to an app is turned, a cgroup that a selector names is made,
 * and the tunnel gets an address and loses one of splitd's rules. The cgroup is
 * its app's at once, and stays so; and once splitd has come round, all is as it
 * would be had it started on that host.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/abi.h"
#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"
#include "tests/lab/trace.h"

#define POINTS	 12 /* at most */
#define EXTRA	 12
#define TRACE_MS 30000

struct found {
	struct life *life;
	char link[LAB_PATH + 32], named[LAB_PATH + 32];
	unsigned writes;  /* of this reload, so far */
	unsigned looks;	  /* since the first write */
	unsigned between; /* and of them before the last one */
	unsigned at;	  /* the host changes before this one; 0: never */
	int (*change)(const struct found *found);
	bool told;    /* the reload's last word */
	int r;	      /* what became of the change */
	bool classed; /* when the reload was over, and nobody had looked */
};

/* ---- the host ---------------------------------------------------------- */

static int link_turn(const struct found *found, const char *target)
{
	char draft[sizeof(found->link) + 8];

	snprintf(draft, sizeof(draft), "%s.new", found->link);
	return symlink(target, draft) < 0 || rename(draft, found->link) < 0 ?
		       -errno :
		       0;
}

static int host_change(const struct found *found)
{
	int r = link_turn(found, "turn-b");

	if (r >= 0 && mkdir(found->named, 0755) < 0)
		r = -errno;
	return r < 0 ? r :
		       ip_run(found->life, NS_CLIENT,
			      "addr add 10.20.0.77/24 dev tun0\n"
			      "rule del from 10.20.0.2\n");
}

static int host_restore(const struct found *found)
{
	int r = link_turn(found, "turn-a");

	if (r >= 0 && rmdir(found->named) < 0)
		r = -errno;
	return r < 0 ? r :
		       ip_run(found->life, NS_CLIENT,
			      "addr del 10.20.0.77/24 dev tun0\n");
}

/* Does the kernel know the cgroup? Its id is the inode's number. */
static bool is_classed(const struct found *found)
{
	_cleanup_free_ char *look = look_take(found->life);
	char line[64] = "sp_cgroup: ";
	struct stat st;
	uint64_t id;

	if (!look || stat(found->named, &st) < 0)
		return false;
	id = st.st_ino;
	for (size_t i = 0; i < sizeof(id); i++)
		sprintf(line + strlen(line), "%02x",
			((const unsigned char *)&id)[i]);
	return strstr(look, line);
}

/* ---- the reload -------------------------------------------------------- */

static bool is_write(const struct trace_call *call)
{
	return call->number == SYS_bpf &&
	       (call->args[0] == BPF_MAP_UPDATE_ELEM ||
		call->args[0] == BPF_MAP_UPDATE_BATCH ||
		call->args[0] == BPF_MAP_DELETE_ELEM);
}

/* What finds out: where a path leads, what a map holds. */
static bool is_look(const struct trace_call *call)
{
	if (call->number == SYS_bpf)
		return call->args[0] == BPF_MAP_LOOKUP_ELEM ||
		       call->args[0] == BPF_MAP_GET_NEXT_KEY;
	return call->number == SYS_inotify_add_watch ||
	       call->number == SYS_newfstatat || call->number == SYS_statx ||
	       call->number == SYS_readlinkat;
}

/* Refuses nothing: the call has not begun, and waits for us. */
static int before_write(void *ctx, const struct trace_call *call)
{
	struct found *found = ctx;

	found->looks += found->writes && is_look(call);
	if (!is_write(call))
		return 0;
	found->between = found->looks;
	if (++found->writes == found->at)
		found->r = found->change(found);
	return 0;
}

/* As in fault_crash.c: a word to the manager, then waiting again. */
static bool reload_over(void *ctx, const struct trace_call *call)
{
	struct found *found = ctx;
	bool waits = call->number == SYS_epoll_pwait;

#ifdef SYS_epoll_wait
	waits |= call->number == SYS_epoll_wait;
#endif
	found->told |= call->number == SYS_sendto &&
		       call->args[5] > sizeof(struct sockaddr_nl);
	if (!found->told || !call->entry || !waits || (int)call->args[3] != -1)
		return false;
	found->classed = is_classed(found);
	return true;
}

static int again(struct life *life)
{
	return kill(life->lab->daemon.pid, SIGHUP);
}

static int more(struct life *life)
{
	return files_more(life, EXTRA);
}

/* begin: what makes it reload. at 0: the host stays. */
static int reload_held(struct found *found, int (*begin)(struct life *life),
		       unsigned at)
{
	struct trace trace = { .refuse = before_write,
			       .done = reload_over,
			       .ctx = found };
	struct life *life = found->life;
	int r = trace_seize(&trace, life->lab->daemon.pid);

	found->at = at;
	found->writes = found->looks = found->between = 0;
	found->r = 0;
	found->told = false;
	if (r >= 0)
		r = begin(life);
	if (r >= 0)
		r = trace_run(&trace, fault_ms(life, TRACE_MS));
	if (r != TRACE_DONE)
		return life_no(life, "reload: %d", r);
	return found->r < 0 ?
		       life_no(life, "the host: %s", strerror(-found->r)) :
		       0;
}

/* What a daemon comes to that finds the host like this. */
static int start_same(struct life *life)
{
	_cleanup_free_ char *look = NULL;
	int r = daemon_settle(life->lab);

	look = look_take(life);
	if (r >= 0)
		r = daemon_stop(life->lab, SIGKILL);
	if (r < 0 || daemon_start(life->lab) < 0)
		return life_no(life, "it does not start again");
	return look_same(life, look, "started again");
}

static int one_point(struct found *found, unsigned at)
{
	struct life *life = found->life;
	int r = reload_held(found, more, at);

	if (r >= 0 && found->writes < at)
		r = life_no(life, "only %u writes", found->writes);
	if (r >= 0 && !found->classed)
		r = life_no(life, "a cgroup made meanwhile has no class");
	if (r >= 0)
		r = start_same(life);
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0 && host_restore(found) < 0)
		r = life_no(life, "the host does not go back");
	if (r >= 0)
		r = file_edit(life, "policy/vpn.mobileconfig", "", "");
	return r < 0 ? r : ctl_reload(life, 0);
}

static int found_then_changed(struct life *life)
{
	unsigned writes;
	struct found found = { .life = life, .change = host_change };
	int r;

	snprintf(found.link, sizeof(found.link), "%s/bin/turn", life->lab->dir);
	snprintf(found.named, sizeof(found.named), "%s/apps/named",
		 life->lab->cgroup);
	r = reload_held(&found, more, 0);
	writes = found.writes;
	if (r >= 0 && found.between)
		r = life_no(life, "%u looks between writes", found.between);
	if (r >= 0)
		r = file_edit(life, "policy/vpn.mobileconfig", "", "");
	if (r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0 && !writes)
		r = life_no(life, "a reload writes nothing");
	for (unsigned at = 1; at <= writes && at <= POINTS && r >= 0; at++)
		r = one_point(&found, at);
	life_say(life, "writes=%u", writes);
	return r;
}

static int cgroup_remake(const struct found *found)
{
	return rmdir(found->named) < 0 || mkdir(found->named, 0755) < 0 ?
		       -errno :
		       0;
}

/* A selector comes, and names a cgroup that is there. */
static int select_made(struct life *life)
{
	char find[2 * LAB_PATH], text[4 * LAB_PATH];
	const struct lab *lab = life->lab;

	snprintf(find, sizeof(find), "<string>exe:%s/bin/app</string>",
		 lab->dir);
	snprintf(text, sizeof(text), "%s<string>cgroup:%s/apps/made</string>",
		 find, lab->cgroup + strlen(lab->mount));
	return file_edit(life, "host.plist", find, text);
}

/*
 * A unit starts again: its cgroup is another one than was looked up, and the
 * kernel's hook does not know its path yet.
 */
static int found_remade(struct life *life)
{
	struct found found = { .life = life, .change = cgroup_remake };
	int r;

	snprintf(found.named, sizeof(found.named), "%s/apps/made",
		 life->lab->cgroup);
	if (mkdir(found.named, 0755) < 0)
		return life_no(life, "mkdir: %m");
	r = reload_held(&found, select_made, 1);
	if (r >= 0 && !found.classed)
		r = life_no(life, "a cgroup made anew has no class");
	rmdir(found.named);
	return r < 0 ? r : life_governed(life);
}

static int config_read(struct life *life, struct sp_config *ret_config)
{
	_cleanup_close_ int fd = -1;
	uint32_t zero = 0;

	if (map_open(life->lab->bpffs, "abi-*/sp_config", &fd) < 0 ||
	    bpf_map_lookup_elem(fd, &zero, ret_config) < 0)
		return life_no(life, "sp_config: %m");
	return 0;
}

/* The same policy again is counted; what sockets remember of it stays. */
static int found_nothing(struct life *life)
{
	struct found found = { .life = life };
	unsigned told = log_count(life, "governing: ");
	struct sp_config before, after;
	int r = config_read(life, &before);

	if (r >= 0)
		r = reload_held(&found, again, 0);
	if (r >= 0)
		r = log_wait(life, "governing: ", told,
			     fault_ms(life, TRACE_MS));
	if (r >= 0)
		r = config_read(life, &after);
	if (r >= 0 && (found.writes != 1 || after.state != before.state ||
		       after.generation != before.generation + 1))
		r = life_no(life, "%u writes, state %u %u", found.writes,
			    (unsigned)before.state, (unsigned)after.state);
	return r < 0 ? r : life_governed(life);
}

const struct life_test fault_found_tests[] = {
	{ "fault-29-found-then-changed", found_then_changed, 0 },
	{ "fault-29-found-remade", found_remade, 0 },
	{ "fault-29-found-nothing", found_nothing, 0 },
	{ 0 }
};
