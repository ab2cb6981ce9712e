/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs that ask for a verdict and those who fill them agree on. */
#ifndef SPLITD_TRIES_H
#define SPLITD_TRIES_H

#include "bpf/abi.h"

#define SET	  1	    /* the tunnel that all prefixes are of */
#define ADDRESSES (1 << 20) /* that are asked for when roaming */
#define LOOKUPS	  16	    /* a run of a program */

/* The trie as it is has struct sp_prefix_key, and IPv6 alone the same. */
struct key4 {
	__u32 prefixlen;
	__u8 set[4];
	__u8 addr[4];
};

/* A table of one read for each /24: the longer ones are in a trie. */
#define DIR_SHARE 64 /* /24s in an element, which has 8 bytes at least */
#define DIR_SIZE  ((1 << 24) / DIR_SHARE)
#define DIR_DEEP  0x80 /* there are longer ones */
struct dir_share {
	__u8 verdict[DIR_SHARE];
};

/* A hash by the length, or by the block and its level. */
struct hash_key {
	__u8 set[3];
	__u8 len;
	__u32 addr; /* host order, zero beyond the length */
};

/*
 * A block is five levels of the tree, its 31 nodes of two bits each, so the
 * longest match of an address is in one of seven blocks; the root comes first,
 * each level from left to right.
 */
#define BLOCK_DEPTH  5
#define BLOCK_LEVELS 7

/*
 * Sorted starts of ranges. The first element says how many bits of an address
 * the index has, then comes the index, each the first and the last range that
 * may hold such an address, and then the ranges: start, verdict.
 */
struct range4 {
	__u32 a;
	__u32 b;
};
#define RANGE_STEPS 22 /* two million ranges, and one more */

struct range6 { /* the first says how many there are; no index */
	__u64 high;
	__u64 low;
	__u64 verdict;
};

/* The programs' only variable. */
struct tries_state {
	__u32 cursor; /* which addresses are asked for */
	__u32 mask;
	__u64 sum;     /* of the answers: all ways must come to the same */
	__u64 lengths; /* which there are of prefixes */
	__u64 levels;  /* which there are of blocks */
};

#endif
