/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seed case, for people to look at: who went where, before and after. */

/*
 * The lab's namespaces, the two files of the seed case as they came, and a host
 * file. "chrome" and "curl" are copies of this very program that differ in
 * nothing but their path, in one cgroup: only the policy tells them apart.
 * Every row is run without splitd first, and must be seen on the uplink: a far
 * end that sleeps cannot make the demo pass. What is printed is what the far
 * ends' captures counted; what they answered must agree.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/demo.h"
#include "tests/lab/life.h"

#define APP_ID	  "com.google.chrome.ios"
#define TUNNEL_ID "d2773557-b535-414f-968a-5447d9c02d52"

static const char *const seeds[] = { "per-app-vpn.mobileconfig",
				     "application-attributes.plist" };

/* Where the packets of a row were seen. */
enum way {
	WAY_UPLINK,
	WAY_TUNNEL,
	WAY_BOTH,
	WAY_BLOCKED,
	WAY_AT_ODDS
};

static const char *const way_names[] = {
	[WAY_UPLINK] = "uplink",   [WAY_TUNNEL] = "tunnel",
	[WAY_BOTH] = "BOTH",	   [WAY_BLOCKED] = "blocked",
	[WAY_AT_ODDS] = "AT ODDS",
};

static const struct demo_row {
	const char *app;
	enum dst dst;
	unsigned manner;
	enum way want;
} rows[] = {
	{ "chrome", DST_LISTED, MANNER_TCP, WAY_TUNNEL },
	{ "chrome", DST_LISTED, MANNER_UDP, WAY_TUNNEL },
	{ "chrome", DST_LISTED, MANNER_PING, WAY_TUNNEL },
	{ "chrome", DST_UNLISTED, MANNER_TCP, WAY_UPLINK },
	{ "chrome", DST_UNLISTED, MANNER_UDP, WAY_UPLINK },
	{ "chrome", DST_UNLISTED, MANNER_PING, WAY_UPLINK },
	{ "curl", DST_LISTED, MANNER_TCP, WAY_UPLINK },
	{ "curl", DST_LISTED, MANNER_UDP, WAY_UPLINK },
	{ "curl", DST_LISTED, MANNER_PING, WAY_UPLINK },
	{ "curl", DST_UNLISTED, MANNER_TCP, WAY_UPLINK },
	{ "curl", DST_UNLISTED, MANNER_UDP, WAY_UPLINK },
	{ "curl", DST_UNLISTED, MANNER_PING, WAY_UPLINK },
	{ "chrome", DST_LISTED, MANNER_TCP_HANDED, WAY_TUNNEL },
	{ "chrome", DST_LISTED, MANNER_UDP_HANDED, WAY_TUNNEL },
	{ "chrome", DST_LISTED, MANNER_PING_UPLINK, WAY_BLOCKED },
};
#define N_ROWS (sizeof(rows) / sizeof(*rows))

struct seen {
	enum way way;
	char source[INET6_ADDRSTRLEN];
};

/* ---- a row ------------------------------------------------------------- */

static void row_exec(const struct lab *lab, const struct demo_row *row,
		     const char *address)
{
	char manner[16], own[LAB_PATH + 32], opener[LAB_PATH + 32];

	snprintf(manner, sizeof(manner), "%u", row->manner);
	snprintf(own, sizeof(own), "%s/bin/%s", lab->dir, row->app);
	snprintf(opener, sizeof(opener), "%s/bin/curl", lab->dir);
	if (manners[row->manner].handed)
		execl(opener, opener, "@ask", manner, address, own, NULL);
	else
		execl(own, own, "@ask", manner, address, NULL);
	_exit(2);
}

/* Runs the app; its words, if it had an answer. 2: it could not be run. */
static int row_ask(const struct lab *lab, const struct demo_row *row,
		   char *words, size_t size)
{
	_cleanup_close_ int out = memfd_create("words", MFD_CLOEXEC);
	struct in6_addr dst = dst_address(row->dst, false);
	char address[INET_ADDRSTRLEN];
	ssize_t n;
	pid_t pid;
	int r;

	inet_ntop(AF_INET, dst.s6_addr + 12, address, sizeof(address));
	pid = proc_fork(lab, lab->cgroup_fd[APP_UNLISTED], NS_CLIENT);
	if (pid == 0) {
		dup2(out, STDOUT_FILENO);
		row_exec(lab, row, address);
	}
	if (pid < 0)
		return (int)pid;
	r = proc_wait(pid, 4 * DEMO_WAIT_MS);
	n = pread(out, words, size - 1, 0);
	words[n > 0 ? n : 0] = '\0';
	return r == 0 || r == 1 || r == -ETIMEDOUT ? 0 : -EPROTO;
}

static void source_find(const struct reading *reading,
			const struct in6_addr *dst, struct seen *seen)
{
	for (uint32_t i = 0; i < reading->n; i++)
		if (memcmp(&reading->flows[i].dst, dst, sizeof(*dst)) == 0)
			inet_ntop(AF_INET, reading->flows[i].src.s6_addr + 12,
				  seen->source, sizeof(seen->source));
}

/* By the captures; a far end that says otherwise is at odds with its own. */
static void row_judge(const struct demo_row *row,
		      const struct reading *readings, const char *words,
		      struct seen *ret_seen)
{
	struct in6_addr dst = dst_address(row->dst, false);
	bool up = packets_to(&readings[SIDE_UPLINK], &dst);
	bool tunnel = packets_to(&readings[SIDE_TUNNEL], &dst);
	char expected[64];

	memset(ret_seen, 0, sizeof(*ret_seen));
	ret_seen->way = up && tunnel ? WAY_BOTH :
			up	     ? WAY_UPLINK :
			tunnel	     ? WAY_TUNNEL :
				       WAY_BLOCKED;
	if (up)
		source_find(&readings[SIDE_UPLINK], &dst, ret_seen);
	if (tunnel)
		source_find(&readings[SIDE_TUNNEL], &dst, ret_seen);
	snprintf(expected, sizeof(expected), "%s %s ", way_names[ret_seen->way],
		 ret_seen->source);
	if (strcmp(words, "reply\n") != 0 && *words &&
	    strncmp(words, expected, strlen(expected)) != 0)
		ret_seen->way = WAY_AT_ODDS;
	if (!*words && ret_seen->way <= WAY_TUNNEL)
		strcpy(ret_seen->source, "no answer");
}

static int row_run(struct lab *lab, const struct demo_row *row,
		   struct seen *ret_seen)
{
	struct reading readings[N_SIDES];
	char words[128];
	int r = row_ask(lab, row, words, sizeof(words));

	if (r >= 0)
		r = sensors_read(lab, readings);
	if (r >= 0)
		row_judge(row, readings, words, ret_seen);
	return r;
}

static int rows_run(struct lab *lab, struct seen seen[N_ROWS])
{
	struct reading readings[N_SIDES];
	int r = sensors_read(lab, readings);

	for (size_t i = 0; i < N_ROWS && r >= 0; i++)
		r = row_run(lab, &rows[i], &seen[i]);
	return r;
}

/* ---- the table --------------------------------------------------------- */

static bool source_fits(const struct seen *seen)
{
	const char *want = seen->way == WAY_TUNNEL ? "10.20.0.2" :
			   seen->way == WAY_UPLINK ? "10.10.0.2" :
						     "";

	return strcmp(seen->source, want) == 0;
}

static unsigned table_print(const struct seen before[N_ROWS],
			    const struct seen after[N_ROWS])
{
	static const char layout[] = "%-8s%-13s%-22s%-16s%-10s%-13s%-13s%s\n";
	unsigned wrong = 0;

	printf(layout, "app", "destination", "how", "without splitd",
	       "expected", "with splitd", "source seen", "right?");
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct demo_row *row = &rows[i];
		bool right = before[i].way == WAY_UPLINK &&
			     source_fits(&before[i]) &&
			     after[i].way == row->want &&
			     source_fits(&after[i]);

		wrong += !right;
		printf(layout, row->app,
		       row->dst == DST_LISTED ? "1.1.1.1" : "9.9.9.9",
		       manners[row->manner].name, way_names[before[i].way],
		       way_names[row->want], way_names[after[i].way],
		       *after[i].source ? after[i].source : "-",
		       right ? "ok" : "WRONG");
	}
	return wrong;
}

/* ---- around it --------------------------------------------------------- */

static int host_write(const struct lab *lab)
{
	char path[LAB_PATH + 32];
	_cleanup_fclose_ FILE *file = NULL;

	snprintf(path, sizeof(path), "%s/host.plist", lab->dir);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fprintf(file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<plist version=\"1.0\">\n<dict>\n"
		"<key>Apps</key><dict>\n"
		"<key>" APP_ID "</key>"
		"<array><string>exe:%s/bin/chrome</string></array>\n"
		"</dict>\n"
		"<key>Tunnels</key><dict>\n"
		"<key>" TUNNEL_ID "</key><dict>\n"
		"<key>Interface</key><string>tun0</string>\n"
		"<key>IncludedRoutes</key>"
		"<array><string>1.1.1.1/32</string></array>\n"
		"</dict></dict>\n</dict>\n</plist>\n",
		lab->dir);
	return ferror(file) ? -EIO : 0;
}

/* The lab's own policy makes room for the seed's. */
static int files_place(const struct lab *lab)
{
	static const char *const gone[] = { "vpn.mobileconfig", "apps.plist" };
	static const char *const apps[] = { "chrome", "curl" };
	const char *seed = lab->seed ? lab->seed : "tests/data/seed";
	char from[2 * LAB_PATH], to[LAB_PATH + 64];
	int r = host_write(lab);

	for (size_t i = 0; i < 2; i++) {
		snprintf(to, sizeof(to), "%s/policy/%s", lab->dir, gone[i]);
		unlink(to);
	}
	for (size_t i = 0; i < 2 && r >= 0; i++) {
		snprintf(from, sizeof(from), "%.150s/%s", seed, seeds[i]);
		snprintf(to, sizeof(to), "%s/policy/%s", lab->dir, seeds[i]);
		r = copy_file(from, to, 0644);
		if (r < 0)
			fprintf(stderr, "demo: %s: %s\n", from, strerror(-r));
	}
	for (size_t i = 0; i < 2 && r >= 0; i++) {
		snprintf(to, sizeof(to), "%s/bin/%s", lab->dir, apps[i]);
		r = copy_file("/proc/self/exe", to, 0755);
	}
	return r;
}

static void intro_print(void)
{
	puts("Only a listed app's traffic to a listed destination enters the "
	     "tunnel.\n\n"
	     "  profile    per-app-vpn.mobileconfig: the tunnel\n"
	     "             " TUNNEL_ID "\n"
	     "  command    application-attributes.plist: links\n"
	     "             " APP_ID " to it\n"
	     "  host file  the tunnel is tun0, for 1.1.1.1/32; the app is\n"
	     "             .../bin/chrome\n");
}

static int explain_print(struct lab *lab)
{
	struct life life = { .lab = lab };
	_cleanup_ctl_ struct ctl ctl = { 0 };
	int r = ctl_run(&life, 0, &ctl, "explain", "--app", APP_ID, "1.1.1.1",
			NULL);

	if (r < 0)
		return r;
	printf("\n$ splitctl explain --app " APP_ID " 1.1.1.1\n%s%s\n", ctl.out,
	       ctl.err);
	return ctl.status == 0 ? 0 : -EPROTO;
}

/* Every hook in force, or the name of one that is not. */
static int status_print(struct lab *lab)
{
	struct life life = { .lab = lab };
	_cleanup_ctl_ struct ctl ctl = { 0 };
	_cleanup_json_ json_t *json = NULL;
	const char *state = "unknown", *missing = NULL;

	if (ctl_run(&life, 0, &ctl, "status", "--json", NULL) < 0 ||
	    ctl_json(&life, &ctl, &json) < 0)
		return -EPROTO;
	json_unpack(json, "{s:s}", "state", &state);
	missing = json_string_value(json_object_get(json, "degraded"));
	printf("state: %s%s%s\n", state, missing ? ", without hook " : "",
	       missing ? missing : "");
	return strcmp(state, "governing") == 0 ? 0 : -EPROTO;
}

/* Stops, purges, and compares the client with what it was before. */
static int taken_down(struct lab *lab, const char *before)
{
	_cleanup_free_ char *after = NULL;
	int r = daemon_stop(lab, SIGTERM);

	if (r >= 0)
		r = daemon_purge(lab);
	after = r < 0 ? NULL : snapshot_take(lab);
	if (!after || snapshot_compare(before, after, true))
		return -EPROTO;
	puts("taken down: rules, routes, programs and pins are as they were");
	return 0;
}

int demo_run(struct lab *lab)
{
	struct seen before[N_ROWS] = { 0 }, after[N_ROWS] = { 0 };
	_cleanup_free_ char *host = NULL;
	unsigned wrong = N_ROWS;
	int status = -EPROTO;
	int r = lab->daemon.ctl ? files_place(lab) : -EINVAL, s;

	if (r >= 0)
		r = rows_run(lab, before);
	host = snapshot_take(lab);
	if (r >= 0)
		r = host ? daemon_start(lab) : -ENOMEM;
	if (r >= 0)
		r = rows_run(lab, after);
	if (r >= 0) {
		intro_print();
		wrong = table_print(before, after);
		r = explain_print(lab);
		status = status_print(lab);
	}
	s = host ? taken_down(lab, host) : -ENOMEM;
	if (r < 0)
		fprintf(stderr, "demo: %s\n", strerror(-r));
	printf("%zu rows right, %u wrong\n", N_ROWS - wrong, wrong);
	return r < 0 || s < 0 || status < 0 || wrong ? -EPROTO : 0;
}
