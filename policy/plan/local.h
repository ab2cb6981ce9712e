/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local networks, exempt from a tunnel that asks for it. */
#ifndef SPLITD_POLICY_LOCAL_H
#define SPLITD_POLICY_LOCAL_H

#include <stddef.h>

#include "policy/plan/policy.h"

/*
 * The tunnel's prefixes as they hold on a host that is on the networks
 * on_link (its connected prefixes other than the tunnel's own, in the form of
 * struct prefix; addr and len are looked at). With exclude_local, each of them
 * that is private (RFC 1918), unique local or link-local is added as an
 * excluded built-in, unless the tunnel names that very prefix; the longest
 * prefix wins as ever, so an included prefix within it still enters the
 * tunnel. All other on-link prefixes are left alone: a network must not claim
 * public addresses in order to pull traffic out of the tunnel.
 *
 * Sorted like tunnel.prefixes, each prefix once; free() it. 0 or -ENOMEM.
 */
int local_exempt(const struct tunnel *tunnel, const struct prefix *on_link,
		 size_t n_on_link, struct prefix **ret_prefixes, size_t *ret_n);

#endif
