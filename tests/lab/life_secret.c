/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests: a private key in a profile is seen by nobody, not even in a core. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/life.h"

#define KEY "aGVyZSBpcyBhIHNlY3JldCB0aGF0IG5vYm9keSBzZWU="
#define WG                                                                     \
	"<key>WgQuickConfig</key><string>[Interface]\nPrivateKey = " KEY       \
	"\n[Peer]\nPublicKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="   \
	"\nAllowedIPs = 1.1.1.1/32, 2001:db8:1::/48\n</string>\n"

/* What the process's limit on cores is, as text. */
static int core_limit(struct life *life, pid_t pid)
{
	char path[64], line[256];
	_cleanup_fclose_ FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		char soft[32], hard[32];

		if (sscanf(line, "Max core file size %31s %31s", soft, hard) ==
		    2)
			return strcmp(soft, "0") || strcmp(hard, "0") ?
				       life_no(life, "core limit %s", soft) :
				       0;
	}
	return life_no(life, "no limits of process %d", (int)pid);
}

/* Its memory is root's; the one limit we then take off, to try the other. */
static int is_sealed(struct life *life, pid_t pid)
{
	const struct rlimit any = { RLIM_INFINITY, RLIM_INFINITY };
	struct stat memory;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	if (stat(path, &memory) < 0)
		return life_no(life, "%s: %s", path, strerror(errno));
	if (memory.st_uid != 0)
		return life_no(life, "user %d may read its memory",
			       (int)memory.st_uid);
	r = core_limit(life, pid);
	/* Without CAP_SYS_RESOURCE it stays: then both hold at once. */
	if (r >= 0 && prlimit(pid, RLIMIT_CORE, &any, NULL) < 0 &&
	    errno != EPERM)
		r = life_no(life, "core limit: %s", strerror(errno));
	return r;
}

/* Or it would be root's in any case. */
static int is_not_root(struct life *life, pid_t pid)
{
	struct stat process;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (stat(path, &process) < 0 || process.st_uid == 0)
		return life_no(life, "the parser is root's");
	return 0;
}

/* Ended by SIGSEGV, and nothing was dumped. */
static int segv(struct life *life, const char *who, int status)
{
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
		return life_no(life, "%s has not ended by SIGSEGV", who);
	if (WCOREDUMP(status))
		return life_no(life, "%s left a core", who);
	return 0;
}

/* Would this machine dump a core at all? Only where we can take it away. */
static bool cores_are_dumped(const struct life *life)
{
	char pattern[128] = "|", path[LAB_PATH + 64];
	_cleanup_close_ int fd =
		open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
	int status;
	pid_t pid;

	if (fd < 0 || read(fd, pattern, sizeof(pattern) - 1) <= 0 ||
	    strcmp(pattern, "core\n") != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		if (chdir(life->lab->dir) < 0)
			_exit(1);
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	snprintf(path, sizeof(path), "%s/core", life->lab->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/core.%d", life->lab->dir, (int)pid);
	unlink(path);
	return WIFSIGNALED(status) && WCOREDUMP(status);
}

static int parser_segv(struct life *life)
{
	int r = parser_await(life), status = 0;
	pid_t parser;

	if (r >= 0)
		r = profile_write(life, "", TUN0 WG);
	if (r < 0)
		return r;
	parser = parser_hold(life);
	if (parser < 0)
		return parser;
	r = is_not_root(life, parser);
	if (r >= 0)
		r = is_sealed(life, parser);
	do {
		ptrace(PTRACE_CONT, parser, 0, SIGSEGV);
	} while (waitpid(parser, &status, __WALL) == parser &&
		 WIFSTOPPED(status));
	return r < 0 ? r : segv(life, "the parser", status);
}

static int daemon_segv(struct life *life)
{
	int r = ctl_reload(life, 0), status = 0;
	pid_t pid = life->lab->daemon.pid;

	if (r >= 0)
		r = life_goes(life, APP_LISTED, DST_LISTED, SIDE_TUNNEL);
	if (r >= 0)
		r = is_sealed(life, pid);
	kill(pid, SIGSEGV);
	if (waitpid(pid, &status, 0) != pid && r >= 0)
		r = life_no(life, "no end of splitd");
	life->lab->daemon.pid = 0;
	return r < 0 ? r : segv(life, "splitd", status);
}

static int secret_core(struct life *life)
{
	const struct rlimit any = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit before;
	int r;

	if (getrlimit(RLIMIT_CORE, &before) < 0 ||
	    setrlimit(RLIMIT_CORE, &any) < 0)
		return life_no(life, "core limit: %s", strerror(errno));
	life_say(life, "control=%s",
		 cores_are_dumped(life) ? "dumped" : "none");
	r = daemon_start(life->lab);
	if (r >= 0)
		r = parser_segv(life);
	if (r >= 0)
		r = daemon_segv(life);
	setrlimit(RLIMIT_CORE, &before);
	return r;
}

/* ---- files --------------------------------------------------------------- */

static char found[LAB_PATH + 128];

/* Files that hold the key, unless nobody but root can get at them. */
static int search(const char *path, const struct stat *st, int type,
		  struct FTW *ftw)
{
	_cleanup_fclose_ FILE *file = NULL;
	char line[4096];

	(void)ftw;
	/* What is here as it was given; bin/ has copies of this program. */
	if (type != FTW_F || !S_ISREG(st->st_mode) ||
	    strstr(path, "/policy/") || strstr(path, "/bin/") ||
	    !(st->st_mode & 077))
		return 0;
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, KEY)) {
			snprintf(found, sizeof(found), "%s", path);
			return 1;
		}
	}
	return 0;
}

static int is_silent(struct life *life, const char *command, const char *more)
{
	_cleanup_ctl_ struct ctl ctl = { 0 };
	int r = ctl_run(life, 0, &ctl, command, "--json", more, NULL);

	if (r >= 0 && (strstr(ctl.out, KEY) || strstr(ctl.err, KEY)))
		r = life_no(life, "%s tells the key", command);
	return r;
}

static int secret_files(struct life *life)
{
	int r = profile_write(life, "", TUN0 WG);

	if (r >= 0)
		r = ctl_reload(life, 0);
	if (r >= 0)
		r = life_goes(life, APP_LISTED, DST_LISTED, SIDE_TUNNEL);
	if (r >= 0)
		r = is_silent(life, "status", "--prefixes");
	if (r >= 0)
		r = is_silent(life, "list", NULL);
	if (r >= 0)
		r = is_silent(life, "reload", "--plan");
	/* And with a mistake beside it, which is to be quoted. */
	if (r >= 0)
		r = profile_write(life, "", TUN0 WG "<key>X</key><bad/>");
	if (r >= 0)
		r = ctl_reload(life, 1);
	if (r >= 0)
		r = is_silent(life, "reload", NULL);
	if (r >= 0 && nftw(life->lab->dir, search, 8, FTW_PHYS) != 0)
		r = life_no(life, "the key is in %s", found);
	return r;
}

const struct life_test life_secret_tests[] = {
	{ "secret-core", secret_core, LIFE_STOPPED },
	{ "secret-files", secret_files, 0 },
	{ 0 },
};
