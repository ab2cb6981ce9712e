/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All tables of keys by name, for the manual and for those who ask. */
#ifndef SPLITD_POLICY_KEY_LIST_H
#define SPLITD_POLICY_KEY_LIST_H

#include "policy/model/keys.h"

/* A key with its way from the table's head: "VPN.OnDemandRules[].Action". */
struct listed_key {
	const char *path;
	const struct key_rule *rule;
};

struct key_list_sink {
	/* a new table: its title, as in "Profile" */
	int (*table)(void *ctx, const char *title);
	int (*key)(void *ctx, const struct listed_key *key);
	void *ctx;
};

/* Stops at the first negative return and hands it on. */
int key_list_walk(const struct key_list_sink *sink);

#endif
