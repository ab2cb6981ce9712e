/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tunnel as users have it: two WireGuard devices with new keys. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

#define KEY_SIZE 64 /* base64, newline and all */

struct end {
	const char *device;
	const char *peer; /* where the other end's sealed packets come from */
	enum ns ns;	  /* where the device is made */
	char secret[KEY_SIZE], public[KEY_SIZE];
};

static int keys_make(const struct lab *lab, struct end *end)
{
	char *genkey[] = { "wg", "genkey", NULL };
	char *pubkey[] = { "wg", "pubkey", NULL };
	int r = proc_run(genkey, lab->ns[end->ns], NULL, end->secret,
			 sizeof(end->secret));

	if (r >= 0)
		r = proc_run(pubkey, lab->ns[end->ns], end->secret, end->public,
			     sizeof(end->public));
	end->public[strcspn(end->public, "\n")] = '\0';
	return r;
}

static int end_add(const struct lab *lab, const struct end *end)
{
	char batch[64];

	snprintf(batch, sizeof(batch), "link add %s type wireguard\n",
		 end->device);
	return net_batch(lab, end->ns, batch);
}

/*
 * Either end takes any source address: what wears the wrong one must arrive,
 * and be seen.
 */
static int end_set(const struct lab *lab, const struct end *end,
		   const struct end *other)
{
	char port[16], endpoint[64];
	char *argv[] = { "wg",
			 "set",
			 (char *)end->device,
			 "listen-port",
			 port,
			 "private-key",
			 "/proc/self/fd/0",
			 "peer",
			 (char *)other->public,
			 "endpoint",
			 endpoint,
			 "allowed-ips",
			 "0.0.0.0/0,::/0",
			 NULL };

	snprintf(port, sizeof(port), "%d", PORT_WIREGUARD);
	snprintf(endpoint, sizeof(endpoint), "%s:%d", end->peer,
		 PORT_WIREGUARD);
	return proc_run(argv, lab->ns[end->ns], end->secret, NULL, 0);
}

/* The client's tun0 and, in the tunnel's namespace, lab0. */
int wireguard_add(const struct lab *lab)
{
	struct end near = { "tun0", "10.10.0.1", NS_CLIENT, "", "" };
	struct end far = { "wg0", "10.10.0.2", NS_UPLINK, "", "" };
	char move[96];
	int r = keys_make(lab, &near);

	if (r >= 0)
		r = keys_make(lab, &far);
	if (r >= 0)
		r = end_add(lab, &near);
	if (r >= 0)
		r = end_add(lab, &far);
	if (r >= 0)
		r = end_set(lab, &near, &far);
	if (r >= 0)
		r = end_set(lab, &far, &near);
	if (r < 0)
		return r;
	snprintf(move, sizeof(move),
		 "link set wg0 netns /proc/%d/fd/%d name lab0\n", getpid(),
		 lab->ns[NS_TUNNEL]);
	return net_batch(lab, NS_UPLINK, move);
}
