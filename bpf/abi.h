/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* What the kernel programs, the daemon and any other reader agree on. */
#ifndef SPLITD_ABI_H
#define SPLITD_ABI_H

#ifndef __VMLINUX_H__ /* which brings the integer types to BPF programs */
#include <linux/types.h>
#endif

/*
 * This header is the specification of splitd's pinned maps.
 *
 * Words. A *tunnel* is a slot 1..SP_MAX_TUNNELS; 0 is "no tunnel". A *class*
 * is the small integer that an app has in the kernel; 0 is "not listed". A
 * *prefix set* is what the LPM map is keyed by; class -> set -> tunnel are
 * separate steps so that an app may one day have two tunnels, or two tunnels
 * share one set. Addresses are always 16 bytes in network order, IPv4 as
 * ::ffff:a.b.c.d; ports are in network order.
 *
 * Numbers stay with their names for as long as they live: a class or tunnel
 * keeps its slot over reloads and restarts (sp_class_name, sp_tunnel_name),
 * because live sockets carry the class and the mark.
 *
 * Versions. SP_ABI_VERSION names the pin directory of all maps but the two
 * that remember sockets and peers: these must outlive a change of everything
 * else, or live flows would lose their class, so they have SP_SOCK_VERSION.
 */
#ifndef SP_ABI_VERSION
#define SP_ABI_VERSION 1
#endif
#define SP_SOCK_VERSION 1

/*
 * Limits. SP_MAX_CLASSES leaves room to let a retired class number rest;
 * SP_MAX_PREFIXES for a million, what is built in, and all of them once more,
 * as new ones come before old ones go. Only what is there takes memory.
 */
#define SP_MAX_APPS	 4096
#define SP_MAX_CLASSES	 8192
#define SP_MAX_TUNNELS	 255
#define SP_MAX_SETS	 256
#define SP_MAX_PREFIXES	 2200000
#define SP_MAX_EXES	 16384
#define SP_MAX_CGROUPS	 65536
#define SP_MAX_TASKS	 262144
#define SP_MAX_ADDRESSES 16384
#define SP_MAX_PEERS	 65536
#define SP_MAX_DROP_KEYS 65536
#define SP_NAME_SIZE	 256 /* app id or VPNUUID, with its NUL */
#define SP_EXE_NAME_SIZE 128 /* file name, with its NUL */
#define SP_CG_PATH_SIZE	 256 /* below the cgroup2 mount, with its NUL */
#define SP_EVENTS_SIZE	 (256 * 1024)

/* Verdicts. */
#define SP_DIRECT 0
#define SP_TUNNEL 1
#define SP_BLOCK  2

/*
 * Reasons: number, token (stable, in JSON) and class of a drop (n: never a
 * drop, l: would have been a leak, s: would have been a stray, o: other).
 */
#define SP_REASONS(X)                                                          \
	X(NONE, 0, "none", 'n')                                                \
	/* why a verdict is what it is */                                      \
	X(APP_UNLISTED, 1, "app_unlisted", 'n')                                \
	X(APP_UNBOUND, 2, "app_unbound", 'n')                                  \
	X(HOST_ADDRESS, 3, "host_address", 'n')                                \
	X(DST_UNLISTED, 4, "destination_unlisted", 'n')                        \
	X(DST_EXCLUDED, 5, "destination_excluded", 'n')                        \
	X(DST_INCLUDED, 6, "destination_included", 'n')                        \
	X(DOWN_DIRECT, 7, "tunnel_down_direct", 'n')                           \
	X(TUNNEL_DOWN, 8, "tunnel_down", 'l')                                  \
	X(FAMILY_MISSING, 9, "family_missing", 'l')                            \
	X(INBOUND, 10, "inbound", 'n')                                         \
	/* refused by connect() or sendmsg() */                                \
	X(BOUND_SOURCE, 16, "bound_source", 'l')                               \
	X(BOUND_DEVICE, 17, "bound_device", 'l')                               \
	X(TUNNEL_SOURCE, 18, "tunnel_source", 's')                             \
	X(TUNNEL_DEVICE, 19, "tunnel_device", 's')                             \
	X(CONFINED, 20, "confined", 'o')                                       \
	X(NO_STORAGE, 21, "no_socket_storage", 'o')                            \
	/* dropped by the guard */                                             \
	X(LEAK_INTERFACE, 24, "leak_interface", 'l')                           \
	X(LEAK_SOURCE, 25, "leak_source", 'l')                                 \
	X(STRAY_INTERFACE, 26, "stray_interface", 's')                         \
	X(STRAY_SOURCE, 27, "stray_source", 's')                               \
	X(INBOUND_DENIED, 28, "inbound_denied", 's')                           \
	/* dropped by the door */                                              \
	X(FORWARDED, 32, "door_forwarded", 's')                                \
	X(PACKET_SOCKET, 33, "door_packet_socket", 's')                        \
	X(DOOR_SOURCE, 34, "door_source", 's')                                 \
	X(DOOR_UNKNOWN, 35, "door_unknown", 's')                               \
	X(DOOR_MALFORMED, 36, "door_malformed", 's')

#define SP_R_NONE	     0
#define SP_R_APP_UNLISTED    1
#define SP_R_APP_UNBOUND     2
#define SP_R_HOST_ADDRESS    3
#define SP_R_DST_UNLISTED    4
#define SP_R_DST_EXCLUDED    5
#define SP_R_DST_INCLUDED    6
#define SP_R_DOWN_DIRECT     7
#define SP_R_TUNNEL_DOWN     8
#define SP_R_FAMILY_MISSING  9
#define SP_R_INBOUND	     10
#define SP_R_BOUND_SOURCE    16
#define SP_R_BOUND_DEVICE    17
#define SP_R_TUNNEL_SOURCE   18
#define SP_R_TUNNEL_DEVICE   19
#define SP_R_CONFINED	     20
#define SP_R_NO_STORAGE	     21 /* a socket that nothing can be noted on */
#define SP_R_LEAK_INTERFACE  24
#define SP_R_LEAK_SOURCE     25
#define SP_R_STRAY_INTERFACE 26
#define SP_R_STRAY_SOURCE    27
#define SP_R_INBOUND_DENIED  28
#define SP_R_FORWARDED	     32
#define SP_R_PACKET_SOCKET   33
#define SP_R_DOOR_SOURCE     34
#define SP_R_DOOR_UNKNOWN    35
#define SP_R_DOOR_MALFORMED  36
#define SP_R_MAX	     64

struct sp_addr {
	__u8 byte[16];
};

/*
 * What the running kernel offers beyond what we cannot do without: read-only
 * data of every program, set before loading from what probe.bpf.c found. The
 * verifier drops the branches not taken, so they may call what is not there.
 */
struct sp_features {
	__u8 typed_task;
	__u8 sendmsg_mark;
	__u8 netns_cookie;
	__u8 refusal_errno;
	__u8 mptcp_connection;
	__u8 security_hooks; /* for the loader: confine.bpf.c loads */
	__u8 pad[2];
};

/*
 * sp_config, ARRAY[1]. netns is the namespace that holds our routes, by cookie
 * or, without netns_cookie, by inode: sockets of any other are left alone.
 * scope is the id of the cgroup below which processes are governed. epoch grows
 * when selectors change and outdates every sp_task. agent is the daemon, by
 * thread-group id and start time: when it re-connects an app's socket, that
 * keeps its class.
 *
 * state grows after every change of what a verdict depends on, and so outdates
 * what sockets remember (sp_sock); salt is random, and nobody's to know.
 * The two sets of bits say which interface or address is surely no tunnel's.
 */
#define SP_CONFIG_SHADOW 1 /* judge and count, neither steer nor drop */
struct sp_config {
	__u64 netns;
	__u64 scope;
	__u64 generation;
	__u64 agent_start;
	__u32 agent;
	__u32 epoch;
	__u32 flags;
	__u32 mark_mask;
	__u64 state;
	__u64 salt;
	__u64 tunnel_bits;  /* SP_BIT() of their interfaces' indexes */
	__u64 address_bits; /* SP_BIT() of sp_addr_hash() of their addresses */
};
#define SP_BIT(n) (1ull << ((n)&63))

/* sp_class, ARRAY[SP_MAX_CLASSES]: set 0 is "listed, but bound to nothing". */
struct sp_class {
	__u32 set;
	__u32 flags; /* SP_CLASS_... */
};
#define SP_CLASS_RETIRED 1u /* its app is gone: sockets are to forget it */
/*
 * What such a socket has instead: bound to nothing, nobody's number ever. Not
 * 0, which means that its process was never listed: when the app comes back,
 * its processes' sockets do.
 */
#define SP_CLASS_GONE SP_MAX_CLASSES

/* sp_set, ARRAY[SP_MAX_SETS]. */
struct sp_set {
	__u32 tunnel;
	__u32 pad;
};

/*
 * sp_tunnel, ARRAY[SP_MAX_TUNNELS + 1]. ifindex is 0 while the interface does
 * not exist. src4 and src6 are what the sendmsg hooks give a datagram whose
 * socket does not carry the mark yet.
 */
#define SP_TUN_UP	    1 /* the interface is there, up and has carrier */
#define SP_TUN_IPV4	    2 /* it has an address of the family */
#define SP_TUN_IPV6	    4
#define SP_TUN_DOWN_DIRECT  8 /* WhenDown=direct */
#define SP_TUN_DENY_INBOUND 16
struct sp_tunnel {
	__u32 ifindex;
	__u32 flags;
	__u32 mark;
	__u32 pad;
	struct sp_addr src4;
	struct sp_addr src6;
};

/*
 * sp_prefix, LPM_TRIE: the longest match of (set, address). prefixlen counts
 * the 32 bits of the set. proto (0: any) and the port range are reserved.
 */
struct sp_prefix_key {
	__u32 prefixlen;
	__u8 set[4]; /* network order: it takes part in the match */
	struct sp_addr addr;
};

struct sp_route {
	__u8 verdict; /* SP_TUNNEL: included; SP_DIRECT: excluded */
	__u8 proto;
	__u16 flags;
	__u16 port_min;
	__u16 port_max;
};

/* sp_ifindex, HASH: interface index -> tunnel. */

/* sp_address, HASH: this namespace's own addresses, broadcast included. */
struct sp_owner {
	__u32 tunnel; /* whose address it is; 0: another interface's */
	__u32 pad;
};

/*
 * sp_exe, HASH -> class. An executable is known by the directory it lies in
 * and its name there, so that an upgrade which renames a new file over the old
 * one does not lose it. dev is the kernel's own encoding (major << 20 | minor).
 */
struct sp_exe_key {
	__u64 dir;
	__u32 dev;
	__u32 pad;
	char name[SP_EXE_NAME_SIZE];
};

/* sp_cgroup, HASH: cgroup id -> classes; sp_cg_path, HASH: the same by path */
struct sp_cgroup {
	__u32 own;  /* class of its own processes; 0: none */
	__u32 tree; /* class of it and all below; 0: none */
};

struct sp_cg_path {
	char path[SP_CG_PATH_SIZE];
};

/*
 * sp_task, HASH: thread-group id -> class. A cache: an entry counts only while
 * start time, exec id, cgroup and epoch are those of the process. lineage is
 * the class by executable, its own or the one it inherited; it cannot always
 * be found again once the parent is gone, so exec and fork carry it along.
 */
#define SP_HOW_NONE	 0
#define SP_HOW_EXE	 1
#define SP_HOW_CGROUP	 2
#define SP_HOW_INHERITED 3
struct sp_task {
	__u64 start_time;
	__u64 exec_id;
	__u64 cgroup;
	__u32 epoch;
	__u32 lineage;
	__u32 class;
	__u32 how;
};

/*
 * sp_sock, SK_STORAGE. Sockets of no listed app have none. Of a listed app's,
 * passed and steered are fingerprints (flow.h) of the last packet that was let
 * go and of the last datagram that needed nothing done.
 */
#define SP_SOCK_INBOUND 1 /* accepted on an address of a tunnel */
#define SP_SOCK_PEERS	2 /* somebody wrote to it through a tunnel */
struct sp_sock {
	__u32 class;
	__u32 flags;
	__u64 passed;
	__u64 steered;
};

/* sp_peer, LRU_HASH: who wrote to a UDP server through which tunnel. */
struct sp_peer_key {
	__u64 cookie; /* of the socket */
	struct sp_addr addr;
	__u16 port;
	__u16 pad[3];
};

struct sp_peer {
	struct sp_addr local; /* the address of ours that was written to */
	__u32 tunnel;
	__u32 pad;
};

/* sp_drop, HASH: (class, reason) -> __u64 packets or calls refused. */
struct sp_drop_key {
	__u32 class;
	__u32 reason;
};

/* sp_stat, PERCPU_ARRAY of __u64. */
#define SP_STAT_TASKS_FULL  0 /* a process that the full sp_task turned away */
#define SP_STAT_TASK_MISSES 1 /* hooks that had to look at the executable */
#define SP_STAT_DEEP_CGROUP 2 /* deeper than the walk goes */
#define SP_STAT_EVENTS_LOST 3
#define SP_STAT_MAX	    8

/* sp_event, RINGBUF: a process came into a class with sockets in its hands. */
struct sp_event {
	__u32 tgid;
	__u32 class;
};

/* One record of the sp_tasks iterator. */
struct sp_task_record {
	__u32 tgid;
	__u32 class;
	__u32 how;
	__u32 pad;
};

#define SP_ASSERT_SIZE(type, size)                                             \
	_Static_assert(sizeof(struct type) == (size), #type)
SP_ASSERT_SIZE(sp_config, 80);
SP_ASSERT_SIZE(sp_class, 8);
SP_ASSERT_SIZE(sp_set, 8);
SP_ASSERT_SIZE(sp_tunnel, 48);
SP_ASSERT_SIZE(sp_prefix_key, 24);
SP_ASSERT_SIZE(sp_route, 8);
SP_ASSERT_SIZE(sp_owner, 8);
SP_ASSERT_SIZE(sp_exe_key, 144);
SP_ASSERT_SIZE(sp_cgroup, 8);
SP_ASSERT_SIZE(sp_task, 40);
SP_ASSERT_SIZE(sp_sock, 24);
SP_ASSERT_SIZE(sp_peer_key, 32);
SP_ASSERT_SIZE(sp_peer, 24);

#endif
