/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys whose values appear in no message. */
#ifndef SPLITD_POLICY_SECRET_H
#define SPLITD_POLICY_SECRET_H

#include <stdbool.h>

struct trail;

/* Stands for such a value in a message. */
#define SECRET_SHOWN "<redacted>"

/*
 * Told by the key's name alone ("AuthPassword", "SharedSecret"), since a
 * reader knows no tables; better one too many.
 */
bool secret_key(const char *key);

/* One of the keys on the way to a value is secret. */
bool secret_trail(const struct trail *trail);

#endif
