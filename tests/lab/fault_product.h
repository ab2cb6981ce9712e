/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The product of kinds of sockets and ways to use them: one case of it. */
#ifndef SPLITD_TESTS_FAULT_PRODUCT_H
#define SPLITD_TESTS_FAULT_PRODUCT_H

#include "tests/lab/lab.h"

enum kind {
	KIND_UDP,
	KIND_CONNECTED,
	KIND_TCP,
	KIND_TFO,
	KIND_MPTCP,
	KIND_RAW,
	KIND_PING,
	KIND_SCTP,
	KIND_URING,
	KIND_SENDMMSG,
	N_KINDS
};

enum trick {
	TRICK_PLAIN,
	TRICK_DEVICE_UP, /* SO_BINDTODEVICE */
	TRICK_DEVICE_TUN,
	TRICK_PKTINFO_UP, /* per datagram: the output interface */
	TRICK_PKTINFO_TUN,
	TRICK_SOURCE,	   /* bind() to the uplink's address */
	TRICK_DONTROUTE,   /* only what is on the link */
	TRICK_MARK,	   /* the other's: 0, or that of the tunnel */
	TRICK_HDRINCL,	   /* the app writes the IP header */
	TRICK_HDR_OTHER,   /* which names another destination than sendto() */
	TRICK_TRANSPARENT, /* a source that is nobody's here */
	N_TRICKS
};

/* Shared with the process that plays it. */
struct product {
	enum kind kind;
	enum trick trick;
	enum app app;
	enum dst dst;
	enum family family;
	uid_t uid;
	unsigned n;
	int wait_ms; /* for a connection; 0: not at all */
	unsigned ifindex[N_SIDES];
	enum side source; /* of a header that must have one */

	unsigned sent, refused, odd; /* odd: an errno that no refusal has */
	int error;
	bool lacking; /* of the kernel: this kind, or this option of it */
};

bool product_is_stream(enum kind kind);
int product_open(const struct product *product); /* also to see if it exists */
void product_play(struct product *product);

#endif
