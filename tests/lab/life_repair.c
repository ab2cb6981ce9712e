/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Life: what others take away is put back; what is odd breaks nothing else. */

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define NOTICE_MS 1000
#define PROFILE	  "policy/vpn.mobileconfig"

static bool has_door(const struct life *life)
{
	char *argv[] = {
		"tc", "filter", "show", "dev", "tun0", "egress", NULL
	};
	char text[4096] = "";

	return proc_run(argv, life->lab->ns[NS_CLIENT], NULL, text,
			sizeof(text)) >= 0 &&
	       strstr(text, "sp_door");
}

static int qdisc(const struct life *life, const char *what, const char *kind)
{
	char *argv[] = { "tc",	 "qdisc",      (char *)what, "dev",
			 "tun0", (char *)kind, NULL };

	return proc_run(argv, life->lab->ns[NS_CLIENT], NULL, NULL, 0);
}

/* Somebody tidies up the interface's filters. */
static int repair_door(struct life *life)
{
	int64_t start = now_ms();
	int r;

	if (!has_door(life))
		return life_no(life, "no door to begin with");
	r = qdisc(life, "del", "clsact");
	if (r < 0)
		return life_no(life, "tc: %s", strerror(-r));
	while (!has_door(life))
		if (now_ms() > start + NOTICE_MS)
			return life_no(life, "the door stays away");
	life_say(life, "after=%lldms", (long long)(now_ms() - start));
	return life_governed(life);
}

/* One reload takes a tunnel's name away and gives its interface to another. */
static int repair_successor(struct life *life)
{
	static const char *const files[] = { PROFILE, "policy/apps.plist" };
	int r = 0;

	for (unsigned i = 0; i < 2 && r >= 0; i++)
		r = file_edit(life, files[i], "d2773557", "e2773557");
	if (r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0 && !has_door(life))
		r = life_no(life, "the door went with the old name");
	return r;
}

/* One family is missing on the tunnel: its routes cannot be written. */
static int without_ipv6(struct life *life)
{
	struct ask v4 = { .app = APP_LISTED, .dst = DST_LISTED };
	struct ask v6 = { .app = APP_LISTED, .dst = DST_LISTED, .v6 = true };

	if (daemon_start(life->lab) < 0)
		return life_no(life, "splitd does not start");
	life_ask(life, &v4);
	life_ask(life, &v6);
	if (v4.error || v4.side != SIDE_TUNNEL)
		return life_no(life, "IPv4 is not in the tunnel");
	if (!is_blocked(v6.error))
		return life_no(life, "IPv6 is not refused");
	return 0;
}

static int odd_family(struct life *life)
{
	static const char name[] = "net/ipv6/conf/tun0/disable_ipv6";
	char *argv[] = { "ip",	"addr", "add",	 "fd20::2/64",
			 "dev", "tun0", "nodad", NULL };
	struct ask back = { .app = APP_LISTED,
			    .dst = DST_LISTED,
			    .v6 = true,
			    .patience_ms = NOTICE_MS };
	int r = sysctl_set(name, "1");

	if (r >= 0)
		r = without_ipv6(life);
	else
		r = life_no(life, "sysctl: %s", strerror(-r));
	if (sysctl_set(name, "0") < 0 ||
	    proc_run(argv, life->lab->ns[NS_CLIENT], NULL, NULL, 0) < 0)
		return life_no(life, "cannot give tun0 its address back");
	/* the daemon hears of the address, and lets IPv6 in */
	life_ask(life, &back);
	return r < 0 ? r : life_governed(life);
}

static bool misses_door(struct life *life)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	_cleanup_json_ json_t *json = NULL;
	const char *missing = "";

	if (ctl_run(life, 0, &ctl, "status", "--json", NULL) < 0 ||
	    ctl_json(life, &ctl, &json) < 0)
		return false;
	/* while nothing is missing, it is null */
	(void)json_unpack(json, "{s:s}", "degraded", &missing);
	return strcmp(missing, "door") == 0;
}

static int door_wait(struct life *life, bool door)
{
	int64_t end = now_ms() + NOTICE_MS;

	while (has_door(life) != door || misses_door(life) == door)
		if (now_ms() > end)
			return life_no(life, "%s door", door ? "no" : "a");
	return 0;
}

/*
 * The place of the door's qdisc is taken by one without an egress: a door that
 * is put there all the same judges what comes in, and drops it.
 */
static int ingress(struct life *life, bool late)
{
	static const char word[] = "has an ingress qdisc";
	unsigned told = log_count(life, word);
	int r = late ? file_edit(life, PROFILE, "tun0", "tun9") : 0;

	if (r < 0)
		return r;
	if (qdisc(life, "add", "ingress") < 0 || daemon_start(life->lab) < 0)
		return life_no(life, "no ingress qdisc, or no splitd");
	if (late)
		r = file_edit(life, PROFILE, "", "");
	if (late && r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0)
		r = life_governed(life);
	if (r >= 0 && !misses_door(life))
		r = life_no(life, "status does not miss the door");
	if (r >= 0 && log_count(life, word) != told + 1)
		r = life_no(life, "it is not told once");
	if (qdisc(life, "del", "ingress") < 0)
		return life_no(life, "the ingress qdisc is gone");
	if (r >= 0)
		r = door_wait(life, true);
	return r < 0 ? r : life_governed(life);
}

static int odd_ingress(struct life *life)
{
	return ingress(life, false);
}

/* The interface becomes a tunnel's when all the hooks are there already. */
static int odd_ingress_late(struct life *life)
{
	return ingress(life, true);
}

/* Somebody takes the qdisc and puts another there, before splitd can. */
static int qdisc_swap(struct life *life, const char *from, const char *to)
{
	pid_t pid = life->lab->daemon.pid;
	int r;

	kill(pid, SIGSTOP);
	r = qdisc(life, "del", from);
	if (r >= 0)
		r = qdisc(life, "add", to);
	kill(pid, SIGCONT);
	return r < 0 ? life_no(life, "no %s for a %s", to, from) : 0;
}

/* A clsact was ours once. The one that is there now is not, and stays. */
static int odd_ingress_between(struct life *life)
{
	int r = qdisc_swap(life, "clsact", "ingress");

	if (r >= 0)
		r = door_wait(life, false);
	if (r >= 0)
		r = qdisc_swap(life, "ingress", "clsact");
	if (r >= 0)
		r = door_wait(life, true);
	if (r >= 0)
		r = life_governed(life);
	if (daemon_stop(life->lab, SIGTERM) < 0 || daemon_purge(life->lab) < 0)
		r = life_no(life, "stop and purge: failed");
	if (qdisc(life, "del", "clsact") < 0 && r >= 0)
		r = life_no(life, "another's clsact is gone");
	return r;
}

/* Who may write to one app's directory must not take the others down. */
static int odd_selector(struct life *life)
{
	char path[LAB_PATH + 32];
	int r;

	snprintf(path, sizeof(path), "%s/bin/loop", life->lab->dir);
	if (symlink("loop", path) < 0)
		return life_no(life, "symlink: %m");
	r = file_edit(life, "host.plist", "bin/other", "bin/loop");
	if (r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0)
		r = life_governed(life);
	unlink(path);
	return r;
}

/* Loose source route (RFC 791, 3.1): the header names the first hop only. */
static int send_by_hops(const struct lab *lab)
{
	static const uint8_t route[] = { 1, 0x83, 7, 4, 10, 10, 0, 1 };
	struct in6_addr addr = dst_address(DST_LISTED, false);
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(&sa, AF_INET, &addr, PORT_ECHO);
	pid_t pid = proc_fork(lab, lab->cgroup_fd[APP_LISTED], NS_CLIENT);
	int fd;

	if (pid != 0)
		return pid < 0 ? (int)pid : proc_wait(pid, 5000);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, sizeof(route)) < 0)
		_exit(2);
	_exit(sendto(fd, "?", 1, 0, (struct sockaddr *)&sa, len) >= 0 ||
	      !is_blocked(-errno));
}

static int odd_hops(struct life *life)
{
	int r = send_by_hops(life->lab);

	return r ? life_no(life, "a packet that names hops: %d", r) : 0;
}

/*
 * An upgrade that does not come up: what the dead daemon left in the kernel
 * goes on, and the old one can be started again.
 */
static int odd_upgrade(struct life *life)
{
	struct lab *lab = life->lab;
	const char *path = lab->daemon.path;
	int r, started;

	if (!lab->daemon.changed) {
		life_say(life, "no --splitd2");
		return 1;
	}
	if (daemon_stop(lab, SIGKILL) < 0)
		return life_no(life, "cannot kill splitd");
	lab->daemon.path = lab->daemon.changed;
	lab->daemon.extra[0] = "--without";
	lab->daemon.extra[1] = "no-such-hook";
	started = daemon_start(lab);
	lab->daemon.path = path;
	lab->daemon.extra[0] = lab->daemon.extra[1] = NULL;
	if (started >= 0)
		return life_no(life, "it came up without a hook of no name");
	r = life_governed(life);
	if (r >= 0 && daemon_start(lab) < 0)
		r = life_no(life, "the old one does not start again");
	return r < 0 ? r : life_governed(life);
}

const struct life_test life_repair_tests[] = {
	{ "repair-door", repair_door, 0 },
	{ "repair-successor", repair_successor, 0 },
	{ "odd-family", odd_family, LIFE_STOPPED },
	{ "odd-ingress", odd_ingress, LIFE_STOPPED },
	{ "odd-ingress-late", odd_ingress_late, LIFE_STOPPED },
	{ "odd-ingress-between", odd_ingress_between, 0 },
	{ "odd-selector", odd_selector, 0 },
	{ "odd-hops", odd_hops, 0 },
	{ "odd-upgrade", odd_upgrade, 0 },
	{ 0 }
};
