/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys whose values appear in no message. */
#include <stddef.h>
#include <string.h>

#include "policy/read/secret.h"
#include "policy/read/text.h"

/* Parts of names, in any letter case. */
static const char *const parts[] = {
	"password",	"passcode",  "secret",	      "privatekey",
	"presharedkey", "sharedkey", "wgquickconfig", "token",
	"ppk",		"challenge", "vendorconfig",  "configuration",
	"authname",
};

bool secret_key(const char *key)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcasestr(key, parts[i]))
			return true;
	return false;
}

bool secret_trail(const struct trail *trail)
{
	for (; trail; trail = trail->up)
		if (trail->key && secret_key(trail->key))
			return true;
	return false;
}
