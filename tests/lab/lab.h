/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lab's vocabulary: sides, apps, destinations, trials, rows. */
#ifndef SPLITD_TESTS_LAB_H
#define SPLITD_TESTS_LAB_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Which way a packet left the client. */
enum side {
	SIDE_UPLINK,
	SIDE_TUNNEL,
	N_SIDES
};

/* The namespaces: one per side, in the order of enum side, and the client. */
enum ns {
	NS_UPLINK,
	NS_TUNNEL,
	NS_CLIENT,
	N_NS
};

enum app {
	APP_LISTED,
	APP_UNLISTED,
	N_APPS
};

enum dst {
	DST_LISTED,   /* by its own /32 (IPv6: inside the included /48) */
	DST_INSIDE,   /* inside an included prefix */
	DST_EXCLUDED, /* inside an excluded prefix inside an included one */
	DST_UNLISTED,
	N_DSTS
};

/* FAM_MAPPED is IPv4 through an AF_INET6 socket (::ffff:a.b.c.d). */
enum family {
	FAM_V4,
	FAM_V6,
	FAM_MAPPED,
	N_FAMILIES
};

#define LAB_DEADLINE_MS 3000 /* of an answer, on a machine that is not slow */

#define BIT(x)		(1u << (x))
#define ALL_APPS	(BIT(N_APPS) - 1)
#define ALL_DSTS	(BIT(N_DSTS) - 1)
#define ALL_FAMS	(BIT(N_FAMILIES) - 1)
#define REAL_FAMS	(BIT(FAM_V4) | BIT(FAM_V6))
#define LAB_PATH	160
#define LAB_UID		1000
#define TRIAL_FD	200 /* the trial's memory, in every process of the lab */
#define CHANNEL_FD	202 /* to the runner, in a holder */

/* Ports of the far hosts. */
#define PORT_ECHO  7000
#define PORT_OTHER 7001
#define PORT_MPTCP 7002
#define PORT_SINK  7003 /* datagrams; nobody answers */

/*
 * None that a socket is given by itself: what comes to this port is the
 * tunnel's own and not counted (51820 was the port of a far end's client, too,
 * once in 28,232 sockets, and its answer was missed).
 */
#define PORT_WIREGUARD 7004

/* What went wrong, worst first: hooks mode counts leaks apart. */
enum fault {
	FAULT_NONE,
	FAULT_LEAK,   /* a listed pair seen on the uplink */
	FAULT_STRAY,  /* anything else seen in the tunnel */
	FAULT_SOURCE, /* the right side, the wrong source address */
	FAULT_OTHER,  /* no answer, an errno, a sensor that disagrees */
};

/*
 * One case of one row. Lives in shared memory, and an exec'd client maps it
 * again by its descriptor: so it holds no pointers.
 */
struct trial {
	enum app app; /* whose verdict the far ends must see */
	enum dst dst;
	enum family family;
	bool control;  /* no daemon: everything leaves by the uplink */
	bool maimed;   /* a hook is missing: few rounds tell as well as many */
	bool confines; /* the kernel keeps apps from packet sockets */
	bool emulated; /* each round takes long: few, and with patience */
	bool forced;   /* the question came by "via": so must the answer */
	enum side via;
	int deadline_ms;
	unsigned arg;	 /* the row's */
	uint32_t serial; /* of the last question: answers carry it */
	uint16_t port;	 /* of a server row's server, host order */
	pid_t pid;	 /* of that server's process, for its runner */
	unsigned ifindex[N_SIDES]; /* the client's two devices */
	char dir[LAB_PATH];	   /* the run's temporary directory */
	char cgroup[LAB_PATH];	   /* the governed cgroup's directory */
	char bpffs[LAB_PATH];	   /* the instance's pins */
	bool skip; /* this kernel cannot: why says what it lacks */
	enum fault fault;
	char why[256];
};

/* Packets of one (source, destination, protocol) as a sensor counted them. */
struct flow {
	struct in6_addr src, dst; /* v4-mapped for IPv4 */
	uint32_t protocol;
	uint32_t packets;
};

#define MAX_FLOWS 64

struct reading {
	uint32_t n;
	uint32_t lost; /* packets the sensor could not count: must be 0 */
	struct flow flows[MAX_FLOWS];
};

struct far {
	pid_t pid;
	int ctl;     /* SOCK_SEQPACKET to the process in the namespace */
	int marker;  /* AF_PACKET on the client's end */
	size_t link; /* bytes before the IP header there */
	bool gone;   /* its link is away: its sensor is not asked */
	uint64_t counted[N_DSTS][2]; /* by the capture, this row; [1]: IPv6 */
	uint64_t nft[2 * N_DSTS];    /* by nftables, when it was read last */
};

struct daemon {
	const char *path;     /* NULL: none */
	const char *ctl;      /* splitctl */
	const char *changed;  /* a splitd with another map layout, or NULL */
	const char *extra[8]; /* more options of splitd's, up to a NULL */
	pid_t pid;	      /* 0: not running */
	bool traced;	      /* the next one asks for it before its exec */
	int notify;	      /* the datagram socket that READY=1 comes to */
};

#define MAX_ROWS 256

struct score {
	unsigned passed, failed, skipped;
	unsigned faults[FAULT_OTHER + 1];
	unsigned red, red_inner; /* rows; those that need no guard */
	unsigned astray; /* leaks and strays of rows that are not ROW_HANDS */
	bool red_rows[MAX_ROWS]; /* which, by their place in the table */
};

struct lab {
	char dir[LAB_PATH], mount[LAB_PATH], cgroup[LAB_PATH];
	char governed[LAB_PATH]; /* what --cgroup names: cgroup, or above */
	char bpffs[LAB_PATH];
	int ns[N_NS];
	int cgroup_fd[N_APPS];
	unsigned ifindex[N_SIDES];
	struct far far[N_SIDES];
	struct daemon daemon;
	struct trial *trial; /* shared with every process of the lab */
	uint32_t nonce;
	unsigned stuck; /* connections whose end is not waited for any more */
	bool control;	/* mode: no daemon */
	bool maimed;	/* mode: a hook is missing */
	bool wireguard; /* is the tunnel; else a veth pair */
	bool confines;	/* the instance started with security hooks */
	bool verbose;
	bool emulated;	  /* mode: time means little, a round is dear */
	bool at_root;	  /* governed is the root of all cgroups */
	FILE *report;	  /* for a machine: a line per result; NULL: none */
	unsigned divisor; /* of how often what is done many times is done */
	int deadline_ms;
	const char *glob; /* of row names; NULL: all */
	const bool *only; /* rows by their place in the table; NULL: all */
	const char *seed; /* the demo's two files */
	struct score score;
	char skipped[256]; /* why the last case that was skipped was */
};

struct row {
	const char *name;
	int (*run)(struct trial *trial); /* in a process of the app, or ... */
	int (*drive)(struct lab *lab, struct trial *trial); /* the runner */
	int (*check)(const struct lab *lab, struct trial *trial,
		     const struct reading *readings); /* NULL: check_steered */
	unsigned apps, dsts, families;		      /* bit sets; 0: all */
	unsigned flags;
	unsigned arg;  /* the row's own meaning */
	uid_t uid;     /* run() as; 0 root */
	enum side via; /* ROW_VIA */
};

#define ROW_VIA		 BIT(0) /* the far end asks, through row->via */
#define ROW_SILENT	 BIT(1) /* with splitd, no packet is right, too */
#define ROW_DAEMON	 BIT(2) /* needs a living daemon */
#define ROW_ESCAPE	 BIT(3) /* right only with the guard */
#define ROW_UNCONTROLLED BIT(4) /* without splitd nothing can be seen */
#define ROW_BOTH	 BIT(5) /* the opposite destination is asked, too */
#define ROW_GUEST	 BIT(6) /* run() starts in the unlisted app's cgroup */
#define ROW_HANDS	 BIT(7) /* the sender's class is not the maker's */
#define ROW_MEMORY	 BIT(8) /* reads splitd's maps */

/* An emulated machine is several times slower: a deadline that allows for it.
 */
static inline int patient(bool emulated, int deadline_ms)
{
	return emulated ? deadline_ms * 5 : deadline_ms;
}

/* names.c: what things are called, and where they are */
const char *side_name(enum side side);
const char *side_device(enum side side); /* the client's */
const char *app_name(enum app app);
const char *dst_name(enum dst dst);
enum dst dst_opposite(enum dst dst);
const char *family_name(enum family family);
const char *fault_name(enum fault fault);
int family_domain(enum family family);
bool family_is_v6(enum family family);	      /* on the wire */
struct in6_addr address_of(const char *text); /* v4-mapped for IPv4 */
struct in6_addr dst_address(enum dst dst, bool v6);
bool dst_from_address(const struct in6_addr *addr, enum dst *ret_dst);
struct in6_addr client_address(enum side side, bool v6);
socklen_t sockaddr_fill(struct sockaddr_storage *ret_sa, int domain,
			const struct in6_addr *addr, uint16_t port);

/* The expectation, in one place. */
enum side want_side(const struct trial *trial, enum dst dst);

enum fault wrong_side(const struct trial *trial, enum side seen, enum dst dst);

/* sock.c: the client's verbs; all honour the trial's deadline */
int trial_fail(struct trial *trial, enum fault fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int trial_skip(struct trial *trial, const char *lack);
bool kernel_before(unsigned major, unsigned minor);
socklen_t target(const struct trial *trial, enum dst dst, uint16_t port,
		 struct sockaddr_storage *ret_sa);
int sock_open(struct trial *trial, int type, int protocol, int *ret_fd);
int sock_wait(int fd, short events, int deadline_ms);
int sock_connect(struct trial *trial, int fd, enum dst dst, uint16_t port);
int udp_send(struct trial *trial, int fd, enum dst dst, uint16_t port);
int answer_take(struct trial *trial, int fd, enum dst dst);
int answer_check(struct trial *trial, const char *text, enum dst dst);
int udp_ask(struct trial *trial, int fd, enum dst dst, uint16_t port);
int stream_ask(struct trial *trial, int fd, enum dst dst);
int question_format(struct trial *trial, char *buf, size_t size);
#define ECHO_SIZE 16
int echo_format(struct trial *trial, uint8_t ret_echo[ECHO_SIZE]);
int ping_ask(struct trial *trial, int fd, enum dst dst, bool raw);
int ping_peer(struct trial *trial, int fd);
bool is_blocked(int error);

/* proc.c: processes in cgroups and namespaces */
pid_t proc_fork(const struct lab *lab, int cgroup_fd, enum ns ns);
int proc_wait(pid_t pid, int deadline_ms);
int proc_run(char *const argv[], int ns_fd, const char *input, char *output,
	     size_t size);
int proc_uid(uid_t uid);
int proc_op(int argc, char **argv);
int copy_file(const char *from, const char *to, mode_t mode);
int write_file(const char *path, const char *text);
int pipe_wait(int fd, int deadline_ms);
int64_t now_ms(void);

/* An exec'd client: "PATH @op NAME" maps the trial again and runs the op. */
struct op {
	const char *name;
	int (*run)(struct trial *trial);
};
extern const struct op identity_ops[];
int op_exec(struct trial *trial, const char *path, const char *op);
int op_held_tcp(struct trial *trial); /* rows_pass.c */
int op_held_udp(struct trial *trial);
int op_held_many(struct trial *trial);
int fd_send(int channel, int fd);
int fd_receive(int channel, int deadline_ms);
int mark_stays(struct trial *trial, int fd);
int op_hold(struct trial *trial); /* rows_held.c */
int op_late(struct trial *trial);
int op_burst(struct trial *trial); /* fault_handed.c */
int op_words(struct trial *trial); /* life_number.c */

/*
 * report.c: what a machine that watches the run goes by (--report FD), apart
 * from what is printed for people. First "plan N"; then N lines, each "ok
 * NAME", "not ok NAME" or "skip NAME: why"; last the closing line of the run. A
 * watcher that has not seen all three knows that the run was cut short.
 */
int report_open(struct lab *lab, const char *fd);
void report_plan(const struct lab *lab, unsigned n);
void report_result(const struct lab *lab, const char *name, bool ok);
void report_skip(const struct lab *lab, const char *name, const char *why);
void report_score(const struct lab *lab);

/* cgroup.c */
int cgroup_name(struct lab *lab, pid_t pid);
int cgroup_setup(struct lab *lab);
void cgroup_remove(const char *path);
int cgroup_make(const char *path, int *ret_fd);
int cgroup_join(const char *path, pid_t pid);

/* net.c */
int net_batch(const struct lab *lab, enum ns ns, const char *commands);
int net_setup(struct lab *lab);
int wireguard_add(const struct lab *lab); /* wireguard.c */
int sysctl_set(const char *name, const char *value);
int ns_enter(const struct lab *lab, enum ns ns);

/* far.c, sensor.c */
struct sensor;
int far_start(struct lab *lab, enum side side);
int far_restart(struct lab *lab, enum side side);
int sensor_open(struct sensor **ret_sensor);
int sensor_fd(const struct sensor *sensor);
void sensor_drain(struct sensor *sensor);
uint32_t sensor_marks(const struct sensor *sensor, uint32_t nonce);
void sensor_take(struct sensor *sensor, struct reading *ret_reading);
uint32_t sensor_packets(const struct sensor *sensor); /* not yet taken */
int sensor_replay(struct sensor *sensor);

/* What the runner asks a far process. */
struct request {
	uint32_t op, nonce, marks;
};
enum {
	REQUEST_READ,
	REQUEST_REPLAY
};

/* barrier.c: everything sent so far has been counted */
#define FAREWELL_MS 1000 /* a farewell that was lost comes again after 210 */
bool connections_end(struct lab *lab, int patience_ms);
int sensors_read(struct lab *lab, struct reading readings[N_SIDES]);
int sensor_replay_ask(struct lab *lab, enum side side);
int counters_setup(struct lab *lab);
int counters_take(struct lab *lab, enum side side,
		  uint64_t packets[2 * N_DSTS]);
int counters_agree(struct lab *lab, char *why, size_t size);
uint32_t packets_to(const struct reading *reading, const struct in6_addr *dst);
uint32_t packets_all(const struct reading *reading);

/* daemon.c */
int policy_write(const struct lab *lab);
int daemon_start(struct lab *lab);
int daemon_launch(struct lab *lab);
pid_t daemon_purge_launch(struct lab *lab);
int daemon_stop(struct lab *lab, int signal);
int daemon_purge(struct lab *lab);
int daemon_settle(const struct lab *lab);

/* snapshot.c: the host before the start and after the purge */
char *snapshot_take(const struct lab *lab);
unsigned snapshot_compare(const char *before, const char *after, bool print);

/* matrix.c, rows.c */
int check_steered(const struct lab *lab, struct trial *trial,
		  const struct reading *readings);
int check_sources(struct trial *trial, const struct reading *readings);
int matrix_run(struct lab *lab);
const struct row *rows_at(size_t i); /* NULL behind the last */

extern const struct row rows_tcp[], rows_udp[], rows_icmp[], rows_uring[],
	rows_pass[], rows_server[], rows_pull[], rows_escape[], rows_door[],
	rows_confine[], rows_identity[], rows_path[], rows_memory[],
	rows_held[];

/* hooks.c, probe.c */
int hooks_run(struct lab *lab);
int probe_run(struct lab *lab);

/* objects.c: the BPF programs of the instance under test */
#define MAX_OBJECTS 64
struct objects {
	unsigned n;
	uint32_t progs[MAX_OBJECTS];
};
int stats_enable(void);
void stats_print(const struct lab *lab);
void objects_note(const struct lab *lab, struct objects *ret_objects);
unsigned objects_left(const struct objects *objects);
int map_open(const char *bpffs, const char *name, int *ret_fd);
int64_t drops_count(const char *bpffs);

/* fault_cycle.c */
void kernel_log_mark(const struct lab *lab);

#endif
