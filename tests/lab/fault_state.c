/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: what root does to splitd's objects while splitd runs. */

/*
 * A table of accidents. Each happens under traffic of both apps: nothing may be
 * astray, the daemon says in its log what it found, and in the end everything
 * is as an undisturbed start leaves it, and holds when the daemon is killed.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define NOTICE_MS 1000 /* what the kernel tells */
#define AMID	  20
#define TICK_MS	  6000 /* what must be looked for: every 5 s */
#define LEAST	  200u

struct accident {
	const char *name;
	int (*happen)(struct life *life);
	const char *word; /* of the log */
	int fault_ms;
	/*
	 * Closed meanwhile: refused, never astray. (Taking a clsact off, the
	 * kernel itself stops the device for a moment: qdisc_graft().)
	 */
	bool lossy;
};

static int pins_removed(struct life *life)
{
	return pins_remove(life, "");
}

static int links_removed(struct life *life)
{
	return pins_remove(life, "/links");
}

static int record_removed(struct life *life)
{
	return pins_remove(life, "/doors");
}

/* For nftw(), which takes no context: the pin that is to be another's. */
static char map_pin[2 * LAB_PATH];

static int map_find(const char *path, const struct stat *st, int type,
		    struct FTW *ftw)
{
	(void)st;
	if (type == FTW_F && strcmp(path + ftw->base, "sp_prefix") == 0)
		snprintf(map_pin, sizeof(map_pin), "%s", path);
	return 0;
}

/* Somebody's own empty map under the name of the prefixes. */
static int map_replaced(struct life *life)
{
	_cleanup_close_ int map =
		bpf_map_create(BPF_MAP_TYPE_HASH, "other", 4, 4, 4, NULL);

	char fresh[sizeof(map_pin) + 8];

	map_pin[0] = '\0';
	nftw(life->lab->bpffs, map_find, 8, FTW_PHYS);
	snprintf(fresh, sizeof(fresh), "%s-other", map_pin);
	if (map < 0 || bpf_obj_pin(map, fresh) < 0 ||
	    rename(fresh, map_pin) < 0)
		return -errno;
	return 0;
}

static int detach_one(void *ctx, const char *name, int fd)
{
	const char *only = ctx;

	if (only && strcmp(only, name) != 0)
		return 0;
	return bpf_link_detach(fd) < 0 ? -errno : 0;
}

static int guard_detached(struct life *life)
{
	return link_pins(life, detach_one, "egress");
}

/* The class comes before steering: it must again. */
static int class_detached(struct life *life)
{
	return link_pins(life, detach_one, "class_connect4");
}

static int all_detached(struct life *life)
{
	return link_pins(life, detach_one, NULL);
}

/* The guard's link, with a program that lets everything by. */
static int pass_update(void *ctx, const char *name, int fd)
{
	/* r0 = 1; exit */
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options,
		    .expected_attach_type = BPF_CGROUP_INET_EGRESS);
	_cleanup_close_ int program = -1;

	(void)ctx;
	if (strcmp(name, "egress") != 0)
		return 0;
	program = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "pass", "GPL", pass,
				2, &options);
	return program < 0 || bpf_link_update(fd, program, NULL) < 0 ? -errno :
								       0;
}

static int guard_updated(struct life *life)
{
	return link_pins(life, pass_update, NULL);
}

static int command(struct life *life, char *const argv[])
{
	return proc_run(argv, life->lab->ns[NS_CLIENT], NULL, NULL, 0);
}

static int door_removed(struct life *life)
{
	return command(life, (char *[]){ "tc", "filter", "del", "dev", "tun0",
					 "egress", NULL });
}

static int clsact_removed(struct life *life)
{
	return command(life, (char *[]){ "tc", "qdisc", "del", "dev", "tun0",
					 "clsact", NULL });
}

/* In both families, these words of ip's. */
static int ip_both(struct life *life, char *const words[4])
{
	int r = 0;

	for (int i = 0; i < 2 && r >= 0; i++)
		r = command(life,
			    (char *[]){ "ip", i ? "-6" : "-4", words[0],
					words[1], words[2], words[3], NULL });
	return r;
}

static int rules_removed(struct life *life)
{
	int r = ip_both(life, (char *[]){ "rule", "del", "pref", "5100" });

	return r < 0 ? r :
		       ip_both(life,
			       (char *[]){ "rule", "del", "pref", "5101" });
}

static int routes_removed(struct life *life)
{
	int r = ip_both(life, (char *[]){ "route", "flush", "table", "51001" });

	return r < 0 ? r :
		       ip_both(life, (char *[]){ "route", "flush", "table",
						 "51257" });
}

static const struct accident accidents[] = {
	{ "pins removed", pins_removed, "pinned again", NOTICE_MS, false },
	{ "links removed", links_removed, "pinned again", NOTICE_MS, false },
	{ "map replaced", map_replaced, "pinned again", NOTICE_MS, false },
	{ "guard detached", guard_detached, "hook egress was taken off",
	  TICK_MS, false },
	{ "guard updated", guard_updated, "hook egress was taken off", TICK_MS,
	  false },
	{ "class detached", class_detached, "hook class_connect4 was taken off",
	  TICK_MS, false },
	{ "door removed", door_removed, "the door of tun0 was taken away",
	  NOTICE_MS, false },
	{ "clsact removed", clsact_removed, "the door of tun0 was taken away",
	  NOTICE_MS, true },
	{ "rules removed", rules_removed, "was deleted by another program",
	  NOTICE_MS, true },
	{ "routes removed", routes_removed, "were changed by another program",
	  NOTICE_MS, true },
};

static int accident_run(struct life *life, const struct accident *accident,
			const char *before)
{
	unsigned told = log_count(life, accident->word);
	struct traffic traffic;
	int64_t start;
	int r = traffic_start(life, &traffic);

	traffic.lossy = accident->lossy;
	if (r >= 0)
		r = talk_reach(life, LEAST, 10000);
	start = now_ms();
	if (r >= 0) {
		r = accident->happen(life);
		r = r < 0 ? life_no(life, "cannot do it: %s", strerror(-r)) : 0;
	}
	if (r >= 0)
		r = log_wait(life, accident->word, told,
			     fault_ms(life, accident->fault_ms));
	life_say(life, "%s: %lldms,", accident->name,
		 (long long)(now_ms() - start));
	if (r >= 0)
		r = look_same(life, before, "repaired");
	if (r >= 0)
		return traffic_end(&traffic, 2 * LEAST, NULL);
	traffic_drop(&traffic);
	return r;
}

static int accident_test(struct life *life, const struct accident *accident,
			 const char *before)
{
	char why[sizeof(life->text)];
	int r = accident_run(life, accident, before);

	if (r >= 0)
		return r;
	snprintf(why, sizeof(why), "%s", life->text + 1);
	life->text[0] = '\0';
	return life_no(life, "%s: %s", accident->name, why);
}

/* What was put back outlives the daemon, and a purge finds all of it. */
static int outlives(struct life *life, const char *none)
{
	int r = daemon_stop(life->lab, SIGKILL);

	if (r >= 0)
		r = life_governed(life);
	if (r >= 0 && daemon_purge(life->lab) < 0)
		r = life_no(life, "it cannot be purged");
	return r < 0 ? r : look_same(life, none, "purged");
}

static int taken_away(struct life *life)
{
	_cleanup_free_ char *none = look_take(life), *before = NULL;
	int r = traffic_control(life);

	if (r >= 0 && daemon_start(life->lab) < 0)
		r = life_no(life, "splitd does not start");
	before = look_take(life);
	for (size_t i = 0; i < sizeof(accidents) / sizeof(*accidents) && r >= 0;
	     i++)
		r = accident_test(life, &accidents[i], before);
	/* also the record of whose the clsact is: last, as its log is none */
	if (r >= 0)
		r = record_removed(life);
	if (r >= 0)
		r = look_same(life, before, "recorded");
	return r < 0 ? r : outlives(life, none);
}

/* A file that comes and goes beside selected ones: each is a look at paths. */
static _Noreturn void churn(const struct life *life)
{
	char path[LAB_PATH + 16];

	snprintf(path, sizeof(path), "%s/bin/churn", life->lab->dir);
	for (;;) {
		int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

		if (fd < 0 || close(fd) < 0 || unlink(path) < 0)
			_exit(1);
		poll(NULL, 0, 1);
	}
}

/* Pins are taken away while splitd is busy with something else it watches. */
static int amid_changes(struct life *life)
{
	_cleanup_free_ char *before = look_take(life);
	unsigned pins = pins_count(life, "/links");
	pid_t churner = proc_fork(life->lab, -1, NS_CLIENT);
	int r = 0;

	if (churner == 0)
		churn(life);
	for (int i = 0; i < AMID && r >= 0; i++) {
		unsigned told = log_count(life, "pinned again");

		r = links_removed(life);
		if (r >= 0)
			r = log_wait(life, "pinned again", told,
				     fault_ms(life, NOTICE_MS));
		/* that was said while we removed the rest, perhaps */
		if (r >= 0)
			r = pins_wait(life, "/links", pins,
				      fault_ms(life, NOTICE_MS));
	}
	/* it has gone on up to now, and ends here */
	if (proc_wait(churner, 0) != -ETIMEDOUT && r >= 0)
		r = life_no(life, "nothing else happens");
	return r < 0 ? r : look_same(life, before, "repaired");
}

/*
 * All hooks are off, and a socket is made, and connected outside: when they
 * are back, it is taken over or stopped. It need not say so.
 */
static int made_in_between(struct life *life)
{
	unsigned told = log_count(life, "was taken off"), hooks;
	struct in6_addr addr = dst_address(DST_LISTED, false);
	struct reading readings[N_SIDES];
	uint32_t sent;
	int r;

	hooks = programs_on(life);
	r = all_detached(life);
	if (r < 0 || programs_on(life))
		return life_no(life, "%u programs stay", programs_on(life));
	talk_add(life, DST_LISTED, true, N_SIDES);
	r = talk_start(life, TALK_ON);
	if (r >= 0)
		r = talk_reach(life, 10, 5000);
	/* the positive control: it does leave by the uplink now */
	if (r >= 0)
		r = sensors_read(life->lab, readings);
	if (r >= 0 && !packets_to(&readings[SIDE_UPLINK], &addr))
		return life_no(life, "nothing leaves without hooks");
	if (r >= 0)
		r = log_wait(life, "was taken off", told,
			     fault_ms(life, TICK_MS));
	/* the same look takes the sockets over before it answers */
	if (r >= 0)
		r = daemon_settle(life->lab);
	if (r >= 0 && programs_on(life) != hooks)
		r = life_no(life, "%u programs, not %u", programs_on(life),
			    hooks);
	if (r >= 0)
		r = life_forget(life);
	sent = life->shared->talks[0].sent + life->shared->talks[0].errors;
	for (int64_t end = now_ms() + 5000;
	     r >= 0 && now_ms() < end &&
	     life->shared->talks[0].sent + life->shared->talks[0].errors <
		     sent + LEAST;)
		poll(NULL, 0, 1);
	if (life->shared->talks[0].sent + life->shared->talks[0].errors <
	    sent + 10)
		r = life_no(life, "it says nothing");
	talk_end(life, 0);
	if (r >= 0)
		r = sensors_read(life->lab, readings);
	if (r >= 0 && packets_to(&readings[SIDE_UPLINK], &addr))
		r = life_no(life, "%u leaks of a socket made without hooks",
			    packets_to(&readings[SIDE_UPLINK], &addr));
	return r < 0 ? r : life_governed(life);
}

/* Killed between pin and rename: the next start takes the half away. */
static int half_pinned(struct life *life)
{
	char path[LAB_PATH + 32];
	_cleanup_close_ int link = -1;
	int r = daemon_stop(life->lab, SIGKILL);

	snprintf(path, sizeof(path), "%s/links/egress", life->lab->bpffs);
	link = bpf_obj_get(path);
	strcat(path, "+new");
	if (r < 0 || link < 0 || bpf_obj_pin(link, path) < 0)
		return life_no(life, "cannot pin %s: %m", path);
	if (daemon_start(life->lab) < 0)
		return life_no(life, "splitd does not start");
	if (access(path, F_OK) == 0)
		return life_no(life, "%s stays", path);
	return life_governed(life);
}

const struct life_test fault_state_tests[] = {
	{ "fault-27-taken-away", taken_away, LIFE_STOPPED },
	{ "fault-27-amid-changes", amid_changes, 0 },
	{ "fault-27-made-in-between", made_in_between, 0 },
	{ "fault-27-half-pinned", half_pinned, 0 },
	{ 0 }
};
