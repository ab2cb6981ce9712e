/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: an app goes while its processes run, and another comes. */

/*
 * In the kernel an app is a number. What a process and a socket remember of
 * one outlives the app, so whoever gets that number next must not get them
 * along. Numbers rest before they are given again: for as many apps as there
 * is room for, which is more than a test can bring; so the last case says, in
 * the daemon's own memory, that this time is over.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/abi.h"
#include "tests/lab/cleanup.h"
#include "tests/lab/fault.h"

#define OLD_APP	   "com.example.exe"
#define NEW_APP	   "com.example.new"
#define COMMAND	   "policy/apps.plist"
#define ROUNDS	   8
#define ROUND_MS   50
#define N_WORDS	   6 /* each way of asking, both families */
#define N_HOLDERS  2
#define HOLDERS_MS 20000

/* ---- in the old app's processes ---------------------------------------- */

struct word {
	int fd;
	int error; /* of the last try */
	bool answered;
	enum side side; /* who answered last */
};

/* What a process and a new child of it have to say. */
struct reply {
	bool child;	/* with sockets of its own */
	unsigned asked; /* how often it was; each question says it */
	struct word words[N_WORDS];
};

static enum how how_of(unsigned i)
{
	return (enum how)(i / 2);
}

static socklen_t address_at(unsigned i, struct sockaddr_storage *ret_sa)
{
	struct in6_addr addr = dst_address(DST_INSIDE, i % 2);

	return sockaddr_fill(ret_sa, i % 2 ? AF_INET6 : AF_INET, &addr,
			     PORT_ECHO);
}

static void words_open(struct reply *reply)
{
	for (unsigned i = 0; i < N_WORDS; i++) {
		struct word *word = &reply->words[i];
		struct sockaddr_storage sa;
		socklen_t len = address_at(i, &sa);

		word->fd = socket(sa.ss_family,
				  (how_of(i) == HOW_TCP ? SOCK_STREAM :
							  SOCK_DGRAM) |
					  SOCK_CLOEXEC,
				  0);
		word->error = 0;
		if (word->fd < 0 ||
		    (how_of(i) != HOW_UDP &&
		     connect(word->fd, (struct sockaddr *)&sa, len) < 0))
			word->error = errno;
	}
}

static void word_send(struct reply *reply, unsigned i)
{
	struct word *word = &reply->words[i];
	struct sockaddr_storage sa;
	socklen_t len = address_at(i, &sa);
	bool open = how_of(i) == HOW_UDP;
	char text[16];
	int n = snprintf(text, sizeof(text), "?%u", reply->asked);

	word->error = 0;
	if (sendto(word->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT,
		   open ? (struct sockaddr *)&sa : NULL, open ? len : 0) < 0)
		word->error = errno;
}

/* An answer to an earlier question may come late. */
static void word_hear(struct word *word, unsigned asked)
{
	char text[128] = "", question[16];

	snprintf(question, sizeof(question), "?%u", asked);
	if (recv(word->fd, text, sizeof(text) - 1, MSG_DONTWAIT) <= 0 ||
	    !strstr(text, question))
		return;
	word->side = strncmp(text, "tunnel", 6) ? SIDE_UPLINK : SIDE_TUNNEL;
	word->answered = true;
}

/* Some rounds, for a first datagram may leave by an old mark and be dropped. */
static void words_say(struct reply *reply)
{
	struct pollfd polls[N_WORDS];
	unsigned open = N_WORDS;

	reply->asked++;
	for (unsigned i = 0; i < N_WORDS; i++)
		reply->words[i].answered = false;
	for (unsigned round = 0; round < ROUNDS && open; round++) {
		int64_t end = now_ms() + ROUND_MS;

		for (unsigned i = 0; i < N_WORDS; i++) {
			if (!reply->words[i].answered)
				word_send(reply, i);
			polls[i].events = POLLIN;
		}
		do {
			open = 0;
			for (unsigned i = 0; i < N_WORDS; i++) {
				struct word *word = &reply->words[i];

				word_hear(word, reply->asked);
				polls[i].fd = word->answered || word->error ?
						      -1 :
						      word->fd;
				open += !word->answered;
			}
			poll(polls, N_WORDS, 5);
		} while (open && now_ms() < end);
	}
}

/* For each byte that comes: a word on each socket, and a child does the same */
int op_words(struct trial *trial)
{
	struct reply reply = { 0 }, own = { .child = true };
	char byte;

	(void)trial;
	words_open(&reply);
	while (recv(CHANNEL_FD, &byte, 1, 0) == 1) {
		pid_t pid = fork();

		if (pid == 0) {
			words_open(&own);
			words_say(&own);
			_exit(send(CHANNEL_FD, &own, sizeof(own), 0) < 0);
		}
		words_say(&reply);
		if (pid < 0 || proc_wait(pid, HOLDERS_MS) != 0 ||
		    send(CHANNEL_FD, &reply, sizeof(reply), 0) < 0)
			return -EPROTO;
	}
	return 0;
}

/* ---- in the runner ----------------------------------------------------- */

enum by {
	BY_RESTART,
	BY_RELOAD,
	BY_NUMBER /* restarts, and the number is the same */
};

struct number {
	struct life *life;
	enum by by;
	struct lab lab;	 /* the new app's, */
	struct life new; /* whose processes are those of "listed" */
	char cgroup[2][LAB_PATH + 32]; /* of the old app, of the new one */
	int cgroup_fd[2];
	int channel[N_HOLDERS];
	pid_t pid[N_HOLDERS];
	uint32_t number[2];
};

static const char *const holder_names[N_HOLDERS] = { "by executable",
						     "by cgroup" };

/* The old app by its executable and by a cgroup, the new one by a cgroup. */
static int files_put(struct number *number, bool old, bool new)
{
	static const char item[] = "<string>" OLD_APP "</string>";
	struct life *life = number->life;
	const char *id = old ? item :
			 new ? "<string>" NEW_APP "</string>" :
			       "<string>com.example.other</string>";
	size_t mount = strlen(life->lab->mount);
	char find[2 * LAB_PATH], text[4 * LAB_PATH] = "";
	int n = snprintf(find, sizeof(find),
			 "<key>" OLD_APP "</key><array><string>exe:%s/bin/app"
			 "</string>",
			 life->lab->dir);
	int r = file_edit(life, COMMAND, item, id);

	if (old)
		snprintf(text, sizeof(text), "%s<string>cgroup:%s</string>",
			 find, number->cgroup[0] + mount);
	if (!old && new)
		snprintf(text, sizeof(text),
			 "<key>" NEW_APP "</key><array><string>cgroup:%s"
			 "</string>",
			 number->cgroup[1] + mount);
	snprintf(find + n, sizeof(find) - (size_t)n, "</array>\n");
	if (*text)
		strcat(text, "</array>\n");
	return r < 0 ? r : file_edit(life, "host.plist", find, text);
}

/* Under which number the app is known; 0: none. */
static uint32_t number_of(const struct life *life, const char *id)
{
	char name[SP_NAME_SIZE];
	_cleanup_close_ int fd = -1;

	if (map_open(life->lab->bpffs, "memory-*/sp_class_name", &fd) < 0)
		return 0;
	for (uint32_t i = 1; i < SP_MAX_CLASSES; i++)
		if (bpf_map_lookup_elem(fd, &i, name) == 0 &&
		    strncmp(name, id, sizeof(name)) == 0)
			return i;
	return 0;
}

/* So many apps have come since that this one's turn is next. */
static int number_next(struct number *number)
{
	char text[SP_NAME_SIZE] = { 0 };
	_cleanup_close_ int fd = -1;
	uint32_t zero = 0;

	snprintf(text, sizeof(text), "%u", number->number[0]);
	if (map_open(number->life->lab->bpffs, "memory-*/sp_class_name", &fd) <
		    0 ||
	    bpf_map_update_elem(fd, &zero, text, BPF_ANY) < 0)
		return life_no(number->life, "sp_class_name: %m");
	return 0;
}

static int holder_start(struct number *number, unsigned i)
{
	const struct lab *lab = number->life->lab;
	char path[LAB_PATH + 32];
	int pair[2];

	snprintf(path, sizeof(path), "%s/bin/%s", lab->dir,
		 i ? "plain" : "app");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return life_no(number->life, "socketpair: %m");
	number->pid[i] = proc_fork(
		lab, i ? number->cgroup_fd[0] : lab->cgroup_fd[APP_UNLISTED],
		NS_CLIENT);
	if (number->pid[i] == 0) {
		if (dup2(pair[1], CHANNEL_FD) < 0)
			_exit(1);
		_exit(op_exec(lab->trial, path, "words") < 0);
	}
	close(pair[1]);
	number->channel[i] = pair[0];
	return number->pid[i] < 0 ? life_no(number->life, "no holder") : 0;
}

/*
 * Of the old app: everything in the tunnel. Of none: what is new, and a socket
 * without a peer, leaves by the uplink; what was connected in the tunnel goes
 * nowhere, or there, too.
 */
static int reply_judge(struct number *number, unsigned holder,
		       const struct reply *reply, bool old)
{
	for (unsigned i = 0; i < N_WORDS; i++) {
		const struct word *word = &reply->words[i];
		bool kept = !reply->child && how_of(i) != HOW_UDP;
		enum side want = old ? SIDE_TUNNEL : SIDE_UPLINK;

		/* before 62476cc1bf24 the mark stays until a connect() */
		if (how_of(i) == HOW_UDP && kernel_before(5, 12))
			kept = true;
		if (word->answered ? word->side == want : kept && !old)
			continue;
		return life_no(number->life,
			       "%s, %s%s, way %u: %s, not by the %s",
			       holder_names[holder],
			       reply->child ? "new socket" : "old socket",
			       i % 2 ? ", ipv6" : "", (unsigned)how_of(i),
			       word->answered ? side_name(word->side) :
						strerror(word->error),
			       side_name(want));
	}
	return 0;
}

static int holders_ask(struct number *number, bool old)
{
	struct life *life = number->life;
	struct reply reply;
	int r = 0;

	for (unsigned i = 0; i < 2 * N_HOLDERS && r >= 0; i++) {
		int fd = number->channel[i / 2];

		if (i % 2 == 0 && send(fd, "", 1, MSG_NOSIGNAL) != 1)
			return life_no(life, "holder: %m");
		if (sock_wait(fd, POLLIN, HOLDERS_MS) < 0 ||
		    recv(fd, &reply, sizeof(reply), 0) != sizeof(reply))
			return life_no(life, "a holder is gone");
		r = reply_judge(number, i / 2, &reply, old);
	}
	return r;
}

/* Both sensors of both ends: nothing of the old app's is in the tunnel. */
static int holders_stay_out(struct number *number)
{
	struct life *life = number->life;
	struct reading readings[N_SIDES];
	int r = life_forget(life);

	if (r >= 0)
		r = holders_ask(number, false);
	if (r >= 0 && sensors_read(life->lab, readings) < 0)
		r = life_no(life, "no sensors");
	for (unsigned i = 0; i < 2 && r >= 0; i++) {
		struct in6_addr addr = dst_address(DST_INSIDE, i);
		uint32_t n = packets_to(&readings[SIDE_TUNNEL], &addr);

		if (n)
			r = life_no(life, "%u strays%s", n, i ? ", ipv6" : "");
	}
	return r;
}

/* ---- the play ---------------------------------------------------------- */

static int policy_put(struct number *number, bool old, bool new)
{
	struct life *life = number->life;
	int r;

	if (number->by != BY_RELOAD && daemon_stop(life->lab, SIGKILL) < 0)
		return life_no(life, "splitd cannot be killed");
	r = files_put(number, old, new);
	if (r < 0)
		return r;
	if (number->by == BY_RELOAD)
		return ctl_reload(life, 0);
	return daemon_start(life->lab) < 0 ?
		       life_no(life, "splitd does not start") :
		       0;
}

static int old_comes(struct number *number)
{
	struct life *life = number->life;
	int r = files_put(number, true, false);

	if (r >= 0)
		r = ctl_reload(life, 0);
	for (unsigned i = 0; i < N_HOLDERS && r >= 0; i++)
		r = holder_start(number, i);
	if (r >= 0)
		r = holders_ask(number, true);
	number->number[0] = number_of(life, OLD_APP);
	return r < 0 || number->number[0] ? r : life_no(life, "no number");
}

/* The old one gone, the new one there, in one step or in two. */
static int new_comes(struct number *number)
{
	struct life *life = number->life;
	int r = 0;

	if (number->by != BY_RESTART) {
		r = policy_put(number, false, false);
		if (r >= 0)
			r = holders_stay_out(number);
		if (r >= 0 && number_of(life, OLD_APP))
			r = life_no(life, "its number is not taken back");
	}
	if (r >= 0 && number->by == BY_NUMBER) {
		r = daemon_stop(life->lab, SIGKILL);
		if (r >= 0)
			r = number_next(number);
	}
	if (r >= 0)
		r = policy_put(number, false, true);
	number->number[1] = number_of(life, NEW_APP);
	if (r >= 0 && number_of(life, OLD_APP))
		r = life_no(life, "its number is not taken back");
	if (r >= 0 && (number->number[0] == number->number[1]) !=
			      (number->by == BY_NUMBER))
		r = life_no(life, "the number was %u, and is %u",
			    number->number[0], number->number[1]);
	return r;
}

/* The new one is in the tunnel, before and after the old one's words. */
static int new_goes(struct number *number)
{
	int r = life_goes(&number->new, APP_LISTED, DST_LISTED, SIDE_TUNNEL);

	if (r >= 0)
		r = life_goes(&number->new, APP_LISTED, DST_INSIDE,
			      SIDE_TUNNEL);
	if (r >= 0)
		r = life_goes(&number->new, APP_LISTED, DST_UNLISTED,
			      SIDE_UPLINK);
	return r < 0 ? life_no(number->life, "new app: %s",
			       number->new.text + 1) :
		       0;
}

static int play(struct number *number)
{
	int r = old_comes(number);

	if (r >= 0)
		r = new_comes(number);
	if (r >= 0)
		r = new_goes(number);
	if (r >= 0)
		r = holders_stay_out(number);
	if (r >= 0)
		r = new_goes(number);
	life_say(number->life, "number=%u then=%u", number->number[0],
		 number->number[1]);
	return r < 0 ? r : life_governed(number->life);
}

static int cgroups_make(struct number *number)
{
	int r = 0;

	for (unsigned i = 0; i < 2 && r >= 0; i++) {
		snprintf(number->cgroup[i], sizeof(number->cgroup[i]),
			 "%s/apps/%s", number->lab.cgroup, i ? "new" : "old");
		r = cgroup_make(number->cgroup[i], &number->cgroup_fd[i]);
	}
	number->lab.cgroup_fd[APP_LISTED] = number->cgroup_fd[1];
	return r < 0 ? life_no(number->life, "cgroup: %s", strerror(-r)) : 0;
}

static int run(struct life *life, enum by by)
{
	struct number number = { .life = life,
				 .by = by,
				 .lab = *life->lab,
				 .cgroup_fd = { -1, -1 },
				 .channel = { -1, -1 } };
	int r;

	number.new =
		(struct life){ .lab = &number.lab, .shared = life->shared };
	r = cgroups_make(&number);
	if (r >= 0)
		r = play(&number);
	for (unsigned i = 0; i < N_HOLDERS; i++) {
		close_fdp(&number.channel[i]);
		if (number.pid[i] > 0 &&
		    proc_wait(number.pid[i], HOLDERS_MS) != 0 && r >= 0)
			r = life_no(life, "a holder failed");
	}
	for (unsigned i = 0; i < 2; i++) {
		close_fdp(&number.cgroup_fd[i]);
		cgroup_remove(number.cgroup[i]);
	}
	return r;
}

static int restarted(struct life *life)
{
	return run(life, BY_RESTART);
}

static int reloaded(struct life *life)
{
	return run(life, BY_RELOAD);
}

static int same_number(struct life *life)
{
	return run(life, BY_NUMBER);
}

const struct life_test life_number_tests[] = {
	{ "number-restart", restarted, 0 },
	{ "number-reload", reloaded, 0 },
	{ "number-again", same_number, 0 },
	{ 0 },
};
