/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: the policy's files changed while no daemon ran. */

/*
 * The maps and routes of a daemon that was killed are those of the policy it
 * had; the next one has to find out what of them is wrong by now. What it must
 * come to is what a first start with the new files comes to. Meanwhile flows
 * whose verdict is the same in both policies go on.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define LEAST 200u /* numbers of each talk, before and behind */

/* What a prefix of the profile says, first and afterwards. */
enum change {
	GOES,	   /* included, then not */
	COMES,	   /* not, then included */
	EXCLUDED,  /* included, then excluded within */
	READMITTED /* excluded within, then not */
};

static const struct {
	enum change change;
	const char *prefix, *host;
} changes[] = {
	{ GOES, "172.16.5.0/24", "172.16.5.1" },
	{ GOES, "fd55::/64", "fd55::1" },
	{ COMES, "172.16.6.0/24", "172.16.6.1" },
	{ COMES, "fd56::/64", "fd56::1" },
	{ EXCLUDED, "203.0.113.64/26", "203.0.113.70" },
	{ EXCLUDED, "2001:db8:1:4000::/50", "2001:db8:1:4000::10" },
	{ READMITTED, "203.0.113.128/25", "203.0.113.200" },
	{ READMITTED, "2001:db8:1:8000::/49", "2001:db8:1:8000::10" },
};
#define N_CHANGES (sizeof(changes) / sizeof(*changes))

static const char far_hosts[] =
	"addr replace 172.16.5.1/32 dev lo\n"
	"addr replace 172.16.6.1/32 dev lo\n"
	"addr replace 203.0.113.70/32 dev lo\n"
	"addr replace fd55::1/128 dev lab0 nodad\n"
	"addr replace fd56::1/128 dev lab0 nodad\n"
	"addr replace 2001:db8:1:4000::10/128 dev lab0 nodad\n";

/* Up, with addresses, and with nobody behind it. */
static const char second_device[] = "link add tun9 type veth peer name far9\n"
				    "link set tun9 arp off\n"
				    "addr add 10.30.0.2/24 dev tun9\n"
				    "addr add fd30::2/64 dev tun9 nodad\n"
				    "link set far9 up\n"
				    "link set tun9 up\n";

struct restart {
	struct life *life;
	struct traffic traffic;
	struct lab lab;	    /* the second app's, */
	struct life second; /* whose processes are those of "listed" */
	char cgroup[LAB_PATH + 32];
	char *want; /* what the kernel holds with the new files */
};

/* ---- the files --------------------------------------------------------- */

/* The tunnel's prefixes in the old policy or the new one. */
static int profile_of(struct life *life, bool new)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return life_no(life, "out of memory");
	fputs(TUN0 "<key>IncludedRoutes</key><array>" PREFIX("1.1.1.1/32")
		      PREFIX("203.0.113.0/24") PREFIX("2001:db8:1::/48"),
	      file);
	for (size_t i = 0; i < N_CHANGES; i++)
		if (changes[i].change == (new ? COMES : GOES))
			fprintf(file, PREFIX("%s"), changes[i].prefix);
	fputs("</array>\n<key>ExcludedRoutes</key><array>", file);
	for (size_t i = 0; i < N_CHANGES; i++)
		if (changes[i].change == (new ? EXCLUDED : READMITTED))
			fprintf(file, PREFIX("%s"), changes[i].prefix);
	fputs("</array>\n", file);
	fclose(file);
	return profile_write(life, "", text);
}

/* The second app, linked to the second tunnel or to the lab's. */
static int command_of(struct life *life, bool new)
{
	static const char find[] = "<key>Settings</key><array>\n";
	char text[512];

	snprintf(text, sizeof(text),
		 "%s<dict><key>Item</key><string>ApplicationAttributes"
		 "</string><key>Identifier</key><string>com.example.second"
		 "</string><key>Attributes</key><dict><key>VPNUUID</key>"
		 "<string>%c%s</string></dict></dict>\n",
		 find, new ? 'd' : SECOND_UUID[0], SECOND_UUID + 1);
	return file_edit(life, "policy/apps.plist", find, text);
}

static int host_of(struct restart *restart)
{
	static const char find[] = "<key>Apps</key><dict>\n";
	const struct lab *lab = restart->life->lab;
	char text[LAB_PATH + 256];

	snprintf(text, sizeof(text),
		 "%s<key>com.example.second</key><array><string>cgroup:%s/**"
		 "</string></array>\n",
		 find, restart->cgroup + strlen(lab->mount));
	return file_edit(restart->life, "host.plist", find, text);
}

static int files_put(struct restart *restart, bool new)
{
	static const char second[] = "policy/second.mobileconfig";
	struct life *life = restart->life;
	int r = profile_of(life, new);

	if (r >= 0)
		r = command_of(life, new);
	if (r >= 0)
		r = host_of(restart);
	if (r >= 0 && !new)
		r = file_second(life, second);
	if (new)
		file_remove(life, second);
	return r;
}

/* ---- what holds -------------------------------------------------------- */

static int one_goes(struct life *life, const char *to, enum side side)
{
	for (enum how how = HOW_UDP; how <= HOW_TCP; how++) {
		struct ask ask = { .app = APP_LISTED,
				   .to = to,
				   .v6 = strchr(to, ':'),
				   .how = how };

		life_ask(life, &ask);
		if (ask.error || ask.side != side || !ask.sourced)
			return life_no(life, "%s, how %u: %s from %s, not %s",
				       to, how,
				       ask.error ? strerror(-ask.error) :
						   side_name(ask.side),
				       ask.source, side_name(side));
	}
	return 0;
}

/* The second app to a host of both tunnels: in the second one, or the lab's. */
static int second_goes(struct restart *restart, bool new)
{
	struct life *second = &restart->second;
	struct ask ask = { .app = APP_LISTED, .dst = DST_LISTED };
	int r = 0;

	second->text[0] = '\0';
	if (new)
		r = life_goes(second, APP_LISTED, DST_LISTED, SIDE_TUNNEL);
	for (unsigned i = 0; i < 2 && !new; i++) {
		ask.v6 = i;
		life_ask(second, &ask);
		if (!ask.error || is_blocked(ask.error))
			return life_no(restart->life, "second app%s: %s",
				       i ? ", ipv6" : "",
				       ask.error ? strerror(-ask.error) :
						   side_name(ask.side));
	}
	return r < 0 ? life_no(restart->life, "second app: %s",
			       second->text + 1) :
		       0;
}

static int policy_holds(struct restart *restart, bool new)
{
	int r = 0;

	for (size_t i = 0; i < N_CHANGES && r >= 0; i++) {
		bool in = new ? changes[i].change == COMES ||
					  changes[i].change == READMITTED :
				changes[i].change == GOES ||
					  changes[i].change == EXCLUDED;

		r = one_goes(restart->life, changes[i].host,
			     in ? SIDE_TUNNEL : SIDE_UPLINK);
	}
	return r < 0 ? r : second_goes(restart, new);
}

/*
 * What the kernel holds. Which number a new tunnel would get is told by how
 * many there have been, and no state.
 */
static char *look(const struct life *life)
{
	static const char next[] = "sp_tunnel_name: 00000000 = ";
	char *text = look_take(life), *at = text ? strstr(text, next) : NULL;
	char *end = at ? strchr(at, '\n') : NULL;

	if (end)
		memmove(at, end + 1, strlen(end + 1) + 1);
	return text;
}

/* As look_same(), which knows no such exception. */
static int looks_new(struct restart *restart)
{
	int64_t deadline = now_ms() + fault_ms(restart->life, 5000);
	unsigned lines;
	bool last;

	do {
		_cleanup_free_ char *now = look(restart->life);

		last = now_ms() > deadline;
		if (!now)
			return life_no(restart->life, "out of memory");
		lines = snapshot_compare(restart->want, now, last);
	} while (lines && !last);
	if (lines)
		return life_no(restart->life,
			       "%u lines differ from those of a first start",
			       lines);
	return 0;
}

/* ---- the play ---------------------------------------------------------- */

/* What a first start with the new files comes to. */
static int first_start(struct restart *restart)
{
	struct life *life = restart->life;
	int r = files_put(restart, true);

	if (r >= 0 && daemon_start(life->lab) < 0)
		r = life_no(life, "splitd does not start");
	restart->want = look(life);
	if (r >= 0)
		r = policy_holds(restart, true);
	if (r >= 0)
		r = daemon_stop(life->lab, SIGKILL);
	if (r >= 0)
		r = daemon_purge(life->lab);
	return r < 0 ? r : restart->want ? 0 : life_no(life, "out of memory");
}

/* The old policy, and what it must differ in for this to be a test. */
static int old_start(struct restart *restart)
{
	_cleanup_free_ char *text = NULL;
	struct life *life = restart->life;
	int r = files_put(restart, false);

	if (r >= 0 && daemon_start(life->lab) < 0)
		r = life_no(life, "splitd does not start");
	text = look(life);
	if (r >= 0 &&
	    (!text || snapshot_compare(restart->want, text, false) < N_CHANGES))
		r = life_no(life, "the policies cannot be told apart");
	return r < 0 ? r : policy_holds(restart, false);
}

/* Killed; other files; what was in force is, until the next one is ready. */
static int change_dead(struct restart *restart)
{
	struct life *life = restart->life;
	int64_t start;
	int r = daemon_stop(life->lab, SIGKILL);

	if (r >= 0)
		r = files_put(restart, true);
	if (r >= 0)
		r = policy_holds(restart, false);
	start = now_ms();
	if (r >= 0 && daemon_start(life->lab) < 0)
		r = life_no(life, "splitd does not start again");
	life_say(life, "start=%lldms", (long long)(now_ms() - start));
	if (r >= 0)
		r = policy_holds(restart, true);
	return r < 0 ? r : looks_new(restart);
}

static int play(struct restart *restart)
{
	struct life *life = restart->life;
	uint32_t numbers = 0;
	int r = traffic_control(life);

	if (r >= 0)
		r = first_start(restart);
	if (r >= 0)
		r = old_start(restart);
	if (r >= 0)
		r = traffic_start(life, &restart->traffic);
	if (r < 0)
		return r;
	r = talk_reach(life, LEAST, fault_ms(life, 10000));
	if (r >= 0)
		r = change_dead(restart);
	if (r < 0) {
		traffic_drop(&restart->traffic);
		return r;
	}
	r = traffic_end(&restart->traffic, life->shared->talks[0].sent + LEAST,
			&numbers);
	life_say(life, "numbers=%u", numbers);
	return r < 0 ? r : life_governed(life);
}

static int restart_changed(struct life *life)
{
	struct restart restart = { .life = life, .lab = *life->lab };
	_cleanup_close_ int fd = -1;
	int r, s;

	restart.second =
		(struct life){ .lab = &restart.lab, .shared = life->shared };
	snprintf(restart.cgroup, sizeof(restart.cgroup), "%s/apps/second",
		 life->lab->cgroup);
	r = cgroup_make(restart.cgroup, &fd);
	restart.lab.cgroup_fd[APP_LISTED] = fd;
	if (r >= 0)
		r = ip_run(life, NS_UPLINK, far_hosts);
	if (r >= 0)
		r = ip_run(life, NS_TUNNEL, far_hosts);
	if (r >= 0)
		r = ip_run(life, NS_CLIENT, second_device);
	r = r < 0 ? life_no(life, "cannot begin: %s", strerror(-r)) :
		    play(&restart);
	s = ip_run(life, NS_CLIENT, "link del tun9\n");
	cgroup_remove(restart.cgroup);
	free(restart.want);
	return r < 0 ? r : s;
}

const struct life_test life_restart_tests[] = {
	{ "restart-policy-changed", restart_changed, LIFE_STOPPED }, { 0 }
};
