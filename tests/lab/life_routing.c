/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: what the keys of a profile make of listed, other and local hosts. */

/*
 * Every test writes the lab's profile with other keys, reloads, and asks hosts
 * by address. Both far ends carry each of these addresses, so that either could
 * answer. The client's own network is up0's: 10.10.0.0/24 and fd10::/64, with
 * the far host at .1.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define NOTICE_MS 2000

#define EXEMPT                                                                 \
	"<key>EnforceRoutes</key><integer>1</integer>\n"                       \
	"<key>ExcludeLocalNetworks</key><integer>1</integer>\n"

static const char listed[] = TUN0 "<key>IncludedRoutes</key><array>"
				  "<string>1.1.1.1/32</string>"
				  "<string>203.0.113.0/24</string>"
				  "<string>2001:db8:1::/48</string></array>\n";

/* The same, and all private and all unique local networks. */
static const char listed_lan[] = TUN0
	"<key>IncludedRoutes</key><array>"
	"<string>1.1.1.1/32</string><string>203.0.113.0/24</string>"
	"<string>2001:db8:1::/48</string>"
	"<string>10.0.0.0/8</string><string>172.16.0.0/12</string>"
	"<string>fd00::/8</string></array>\n";

/* Besides what the lab put there. */
static const char far_hosts[] =
	"addr replace 203.0.113.130/32 dev lo\n"
	"addr replace 172.16.5.1/32 dev lo\n"
	"addr replace 169.254.7.1/32 dev lo\n"
	"addr replace 2001:db8:1:9000::10/128 dev lab0 nodad\n"
	"addr replace fd55::1/128 dev lab0 nodad\n";
static const char far_gateway[] = "addr replace 10.10.0.1/32 dev lo\n"
				  "addr replace fd10::1/128 dev lab0 nodad\n";
static const char far_back[] = "route replace 172.16.5.0/24 dev lab0\n"
			       "route replace fd55::/64 dev lab0\n";

int ip_run(const struct life *life, enum ns ns, const char *commands)
{
	char *argv[] = { "ip", "-batch", "-", NULL };

	return proc_run(argv, life->lab->ns[ns], commands, NULL, 0);
}

static int far_extend(struct life *life)
{
	int r = ip_run(life, NS_UPLINK, far_hosts);

	if (r >= 0)
		r = ip_run(life, NS_UPLINK, far_back);
	if (r >= 0)
		r = ip_run(life, NS_TUNNEL, far_hosts);
	if (r >= 0)
		r = ip_run(life, NS_TUNNEL, far_gateway);
	return r < 0 ? life_no(life, "far hosts: %s", strerror(-r)) : 0;
}

int profile_write(struct life *life, const char *vpn, const char *vendor)
{
	static const char vpn_at[] = "<key>VPN</key><dict>\n";
	static const char vendor_at[] = "<key>VendorConfig</key><dict>\n";
	static const char end_at[] = "</dict>\n</dict></array>";
	const char *name = "policy/vpn.mobileconfig";
	_cleanup_free_ char *text = file_text(life, name), *edited = NULL;
	char *a = text ? strstr(text, vpn_at) : NULL;
	char *b = a ? strstr(a, vendor_at) : NULL;
	char *c = b ? strstr(b, end_at) : NULL;

	if (!c)
		return life_no(life, "%s is another one", name);
	a += strlen(vpn_at);
	b += strlen(vendor_at);
	if (asprintf(&edited, "%.*s%s%.*s%s%s", (int)(a - text), text, vpn,
		     (int)(b - a), a, vendor, c) < 0)
		return -ENOMEM;
	return file_put(life, name, edited);
}

int profile_put(struct life *life, const char *vpn, const char *vendor)
{
	int r = profile_write(life, vpn, vendor);

	return r < 0 ? r : ctl_reload(life, 0);
}

/* By every way of asking; source NULL: the side's own. */
static int reaches_from(struct life *life, enum app app, const char *to,
			enum side side, const char *source)
{
	for (enum how how = HOW_UDP; how <= HOW_TCP; how++) {
		struct ask ask = {
			.app = app, .to = to, .v6 = strchr(to, ':'), .how = how
		};

		life_ask(life, &ask);
		if (ask.error || ask.side != side)
			return life_no(life, "%s app to %s: %s, not by the %s",
				       app_name(app), to,
				       ask.error ? strerror(-ask.error) :
						   side_name(ask.side),
				       side_name(side));
		if (source ? strcmp(ask.source, source) : !ask.sourced)
			return life_no(life, "%s app to %s: as %s",
				       app_name(app), to, ask.source);
	}
	return 0;
}

static int reaches(struct life *life, const char *to, enum side side)
{
	int r = reaches_from(life, APP_LISTED, to, side, NULL);

	/* Whatever the keys say, they say it of listed apps. */
	return r < 0 ? r :
		       reaches_from(life, APP_UNLISTED, to, SIDE_UPLINK, NULL);
}

static int both_reach(struct life *life, const char *v4, const char *v6,
		      enum side side)
{
	int r = reaches(life, v4, side);

	return r < 0 ? r : reaches(life, v6, side);
}

/* ---- IncludeAllNetworks, EnforceRoutes, ExcludeLocalNetworks ------------ */

static const struct combination {
	int all, enforce, local;
	enum side other, lan, lan_listed;
} combinations[] = {
	{ 0, 0, 0, SIDE_UPLINK, SIDE_UPLINK, SIDE_TUNNEL },
	{ 0, 0, 1, SIDE_UPLINK, SIDE_UPLINK, SIDE_TUNNEL },
	{ 0, 1, 0, SIDE_UPLINK, SIDE_UPLINK, SIDE_TUNNEL },
	{ 0, 1, 1, SIDE_UPLINK, SIDE_UPLINK, SIDE_UPLINK },
	{ 1, 0, 0, SIDE_TUNNEL, SIDE_TUNNEL, SIDE_TUNNEL },
	{ 1, 0, 1, SIDE_TUNNEL, SIDE_UPLINK, SIDE_UPLINK },
	{ 1, 1, 0, SIDE_TUNNEL, SIDE_TUNNEL, SIDE_TUNNEL },
	{ 1, 1, 1, SIDE_TUNNEL, SIDE_UPLINK, SIDE_UPLINK },
};

static int combine(struct life *life, const struct combination *c,
		   bool lan_listed)
{
	char keys[256];
	size_t used;
	int r;

	snprintf(keys, sizeof(keys),
		 "<key>IncludeAllNetworks</key><integer>%d</integer>\n"
		 "<key>EnforceRoutes</key><integer>%d</integer>\n"
		 "<key>ExcludeLocalNetworks</key><integer>%d</integer>\n",
		 c->all, c->enforce, c->local);
	r = profile_put(life, keys, lan_listed ? listed_lan : listed);
	if (r >= 0)
		r = both_reach(life, "1.1.1.1", "2001:db8:1::10", SIDE_TUNNEL);
	if (r >= 0)
		r = both_reach(life, "9.9.9.9", "2001:db8:9::9", c->other);
	if (r >= 0)
		r = both_reach(life, "10.10.0.1", "fd10::1",
			       lan_listed ? c->lan_listed : c->lan);
	used = strlen(life->text);
	if (r < 0)
		snprintf(life->text + used, sizeof(life->text) - used,
			 " with all %d, enforce %d, local %d", c->all,
			 c->enforce, c->local);
	return r;
}

static int combinations_all(struct life *life, bool lan_listed)
{
	size_t n = sizeof(combinations) / sizeof(*combinations);
	int r = far_extend(life);

	for (size_t i = 0; i < n && r >= 0; i++)
		r = combine(life, &combinations[i], lan_listed);
	life_say(life, "combinations=%zu", n);
	return r;
}

static int routing_combinations(struct life *life)
{
	return combinations_all(life, false);
}

static int routing_combinations_lan(struct life *life)
{
	return combinations_all(life, true);
}

/* ---- local networks ---------------------------------------------------- */

/* What status and explain say is what happens. */
static int local_explained(struct life *life)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	_cleanup_json_ json_t *json = NULL;
	const char *verdict = "", *prefix = "", *text = "";
	int r = ctl_run(life, 0, &ctl, "explain", "--json", "--app",
			"com.example.listed", "10.10.0.1", NULL);

	if (r >= 0)
		r = ctl_json(life, &ctl, &json);
	if (r < 0)
		return r;
	json_unpack(json, "{s:s, s:s, s:s}", "verdict", &verdict, "prefix",
		    &prefix, "reason_text", &text);
	if (strcmp(verdict, "direct") || strcmp(prefix, "10.10.0.0/24") ||
	    !strstr(text, "local network"))
		return life_no(life, "explained as %s by %s: %s", verdict,
			       prefix, text);
	return 0;
}

/* A network that is named is included; within the exempt, longer ones are. */
static int routing_local(struct life *life)
{
	static const char named[] =
		TUN0 INCLUDED(PREFIX("10.10.0.0/24") PREFIX("fd10::/64"));
	static const char longer[] =
		TUN0 INCLUDED(PREFIX("10.10.0.1/32") PREFIX("fd10::1/128"));
	int r = far_extend(life);

	if (r >= 0)
		r = profile_put(life, EXEMPT, listed_lan);
	if (r >= 0)
		r = both_reach(life, "10.10.0.1", "fd10::1", SIDE_UPLINK);
	if (r >= 0)
		r = local_explained(life);
	if (r >= 0)
		r = profile_put(life, EXEMPT, named);
	if (r >= 0)
		r = both_reach(life, "10.10.0.1", "fd10::1", SIDE_TUNNEL);
	if (r >= 0)
		r = profile_put(life, EXEMPT, longer);
	return r < 0 ? r :
		       both_reach(life, "10.10.0.1", "fd10::1", SIDE_TUNNEL);
}

/* Until the daemon has seen what became of up0's addresses. */
static int local_noticed(struct life *life, const char *to, enum side side)
{
	int64_t end = now_ms() + NOTICE_MS;
	struct ask ask;

	do {
		ask = (struct ask){ .to = to, .v6 = strchr(to, ':') };
		life_ask(life, &ask);
		if (!ask.error && ask.side == side)
			return 0;
		poll(NULL, 0, 1);
	} while (now_ms() < end);
	return life_no(life, "%s does not come by the %s", to, side_name(side));
}

/* Another private network, and one that claims listed public addresses. */
static int local_come_and_go(struct life *life)
{
	int r = ip_run(life, NS_CLIENT,
		       "addr add 172.16.5.2/24 dev up0\n"
		       "addr add fd55::2/64 dev up0 nodad\n"
		       "addr add 203.0.113.77/24 dev up0\n");

	if (r >= 0)
		r = local_noticed(life, "172.16.5.1", SIDE_UPLINK);
	if (r >= 0)
		r = local_noticed(life, "fd55::1", SIDE_UPLINK);
	if (r >= 0)
		r = reaches_from(life, APP_LISTED, "172.16.5.1", SIDE_UPLINK,
				 "172.16.5.2");
	if (r >= 0)
		r = reaches_from(life, APP_LISTED, "fd55::1", SIDE_UPLINK,
				 "fd55::2");
	if (r >= 0)
		r = reaches_from(life, APP_LISTED, "203.0.113.10", SIDE_TUNNEL,
				 NULL);
	ip_run(life, NS_CLIENT,
	       "addr del 172.16.5.2/24 dev up0\naddr del fd55::2/64 dev up0\n"
	       "addr del 203.0.113.77/24 dev up0\n");
	if (r >= 0)
		r = local_noticed(life, "172.16.5.1", SIDE_TUNNEL);
	return r < 0 ? r : local_noticed(life, "fd55::1", SIDE_TUNNEL);
}

/* Other flows see nothing of it, and a new daemon comes to the same. */
static int routing_local_moves(struct life *life)
{
	int r = far_extend(life);

	if (r >= 0)
		r = profile_put(life, EXEMPT, listed_lan);
	if (r >= 0)
		r = both_reach(life, "172.16.5.1", "fd55::1", SIDE_TUNNEL);
	talk_add(life, DST_LISTED, true, SIDE_TUNNEL);
	talk_add(life, DST_UNLISTED, true, SIDE_UPLINK);
	if (r >= 0)
		r = talk_start(life, TALK_ON);
	for (unsigned i = 0; i < 3 && r >= 0; i++)
		r = local_come_and_go(life);
	if (r >= 0)
		talk_limit(life, 100);
	if (r >= 0)
		r = talk_end(life, 10000);
	if (r >= 0)
		r = talk_clean(life);
	if (r >= 0)
		r = daemon_stop(life->lab, SIGKILL);
	if (r >= 0)
		r = daemon_start(life->lab);
	return r < 0 ? r : local_come_and_go(life);
}

/* ---- which prefix wins ------------------------------------------------- */

static int routing_precedence(struct life *life)
{
	static const char nested[] = TUN0
		"<key>IncludedRoutes</key><array>"
		"<string>203.0.113.0/24</string>"
		"<string>203.0.113.200/32</string>"
		"<string>2001:db8:1::/48</string>"
		"<string>2001:db8:1:8000::/64</string>"
		"<string>9.9.9.9/32</string>"
		"<string>2001:db8:9::/64</string></array>\n"
		"<key>ExcludedRoutes</key><array>"
		"<string>203.0.113.128/25</string>"
		"<string>2001:db8:1:8000::/49</string>"
		"<string>9.9.9.9/32</string>"
		"<string>2001:db8:9::/64</string></array>\n";
	int r = far_extend(life);

	if (r >= 0)
		r = profile_put(life, "", nested);
	/* included, excluded within, included within that */
	if (r >= 0)
		r = both_reach(life, "203.0.113.10", "2001:db8:1:7fff::10",
			       SIDE_TUNNEL);
	if (r >= 0)
		r = both_reach(life, "203.0.113.130", "2001:db8:1:9000::10",
			       SIDE_UPLINK);
	if (r >= 0)
		r = both_reach(life, "203.0.113.200", "2001:db8:1:8000::10",
			       SIDE_TUNNEL);
	/* of equals the excluded one */
	return r < 0 ? r :
		       both_reach(life, "9.9.9.9", "2001:db8:9::9",
				  SIDE_UPLINK);
}

/* ---- wg-quick text ----------------------------------------------------- */

/* AllowedIPs, and the network of Address; the interface is there already. */
static int routing_wg_quick(struct life *life)
{
	static const char text[] = TUN0
		"<key>WgQuickConfig</key><string>\n[Interface]\n"
		"PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n"
		"Address = 10.20.0.2/24, fd20::2/64\n\n[Peer]\n"
		"PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n"
		"AllowedIPs = 1.1.1.1/32, 2001:db8:1::/49\n"
		"Endpoint = 10.10.0.1:51820\n</string>\n";
	int r = profile_put(life, "", text);

	if (r >= 0)
		r = both_reach(life, "1.1.1.1", "2001:db8:1:7fff::10",
			       SIDE_TUNNEL);
	if (r >= 0)
		r = both_reach(life, "9.9.9.9", "2001:db8:1:8000::10",
			       SIDE_UPLINK);
	if (r >= 0)
		r = reaches_from(life, APP_LISTED, "10.20.0.1", SIDE_TUNNEL,
				 NULL);
	return r < 0 ? r :
		       reaches_from(life, APP_LISTED, "fd20::1", SIDE_TUNNEL,
				    NULL);
}

/* ---- a tunnel that is down --------------------------------------------- */

static int refused(struct life *life, const char *to)
{
	struct ask ask = { .to = to, .v6 = strchr(to, ':') };

	life_ask(life, &ask);
	return is_blocked(ask.error) ?
		       0 :
		       life_no(life, "%s: %s", to,
			       ask.error ? strerror(-ask.error) : "answered");
}

/* Everything of the app waits for the tunnel, but what is exempt. */
static int down_block(struct life *life)
{
	int r = tunnel_set(life, false);

	if (r >= 0)
		r = ctl_state(life, "down", NOTICE_MS);
	if (r >= 0)
		r = refused(life, "9.9.9.9");
	if (r >= 0)
		r = refused(life, "2001:db8:9::9");
	return r < 0 ? r :
		       both_reach(life, "10.10.0.1", "fd10::1", SIDE_UPLINK);
}

static int routing_down(struct life *life)
{
	static const char keys[] =
		"<key>IncludeAllNetworks</key><integer>1</integer>\n"
		"<key>ExcludeLocalNetworks</key><integer>1</integer>\n";
	int r = far_extend(life);

	if (r >= 0)
		r = profile_put(life, keys, TUN0);
	if (r >= 0)
		r = down_block(life);
	if (r >= 0)
		r = profile_put(life, keys,
				TUN0 "<key>WhenDown</key>"
				     "<string>direct</string>\n");
	if (r >= 0)
		r = both_reach(life, "9.9.9.9", "2001:db8:9::9", SIDE_UPLINK);
	if (r >= 0)
		r = tunnel_restore(life);
	if (r >= 0)
		r = ctl_state(life, "up", NOTICE_MS);
	return r < 0 ? r :
		       both_reach(life, "9.9.9.9", "2001:db8:9::9",
				  SIDE_TUNNEL);
}

const struct life_test life_routing_tests[] = {
	{ "routing-combinations", routing_combinations, 0 },
	{ "routing-combinations-lan", routing_combinations_lan, 0 },
	{ "routing-local", routing_local, 0 },
	{ "routing-local-moves", routing_local_moves, 0 },
	{ "routing-precedence", routing_precedence, 0 },
	{ "routing-wg-quick", routing_wg_quick, 0 },
	{ "routing-down", routing_down, 0 },
	{ 0 }
};
