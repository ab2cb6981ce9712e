/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Life: what others take away is put back; what is replaced stays whole. */

#include <string.h>

#include "tests/lab/life.h"

#define NOTICE_MS 1000

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

/* Somebody tidies up the interface's filters. */
static int repair_door(struct life *life)
{
	char *argv[] = { "tc", "qdisc", "del", "dev", "tun0", "clsact", NULL };
	int64_t start = now_ms();
	int r;

	if (!has_door(life))
		return life_no(life, "no door to begin with");
	r = proc_run(argv, life->lab->ns[NS_CLIENT], NULL, NULL, 0);
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
	static const char *const files[] = { "policy/vpn.mobileconfig",
					     "policy/apps.plist" };
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

const struct life_test life_repair_tests[] = {
	{ "repair-door", repair_door, 0 },
	{ "repair-successor", repair_successor, 0 },
	{ 0 }
};
