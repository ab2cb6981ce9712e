/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last good versions: what a crash or a power cut leaves is old or new. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/daemon/store.h"
#include "tests/unit/state_fixture.h"

#define N_FILES 4
#define MAX_FD	64

/* Files 0 to n - 1, of which the first is the host's, all of this version. */
static int write_version(unsigned n, const char *version)
{
	static const char *const paths[N_FILES] = { "h.plist", "p/a.plist",
						    "p/b.plist", "p/c.plist" };
	struct input inputs[N_FILES] = { 0 };
	struct input_list list = { .inputs = inputs, .n = n };
	struct store *store = NULL;
	int r = store_open(state, &store);

	for (unsigned i = 0; i < n; i++) {
		inputs[i].path = (char *)paths[i];
		inputs[i].host = i == 0;
		inputs[i].bytes = (char *)version;
		inputs[i].len = strlen(version);
	}
	if (r == 0)
		r = store_write(store, &list);
	/* to who traces: here it says that it is done */
	(void)syscall(SYS_getppid);
	store_close(store);
	return r;
}

/* What is known of descriptors without the last word of their device. */
struct disk {
	bool is_unsynced[MAX_FD]; /* a file, written to */
	bool is_changed[MAX_FD];  /* a directory, whose entries changed */
	unsigned renames, syncs;
	bool done;
};

static bool any(const bool *flags)
{
	for (unsigned i = 0; i < MAX_FD; i++)
		if (flags[i])
			return true;
	return false;
}

static void follow(struct disk *disk, const struct __ptrace_syscall_info *entry,
		   int64_t result)
{
	uint64_t fd = entry->entry.args[0];

	if (entry->entry.nr == SYS_getppid) {
		disk->done = true;
		assert_false(any(disk->is_changed));
	}
	if (disk->done || result < 0 || fd >= MAX_FD)
		return;
	switch (entry->entry.nr) {
	case SYS_write:
		disk->is_unsynced[fd] = true;
		break;
	case SYS_fsync:
		disk->is_unsynced[fd] = disk->is_changed[fd] = false;
		disk->syncs++;
		break;
	case SYS_renameat:
		/* the name before the bytes would be an empty file */
		assert_false(any(disk->is_unsynced));
		disk->renames++;
		disk->is_changed[fd] = true;
		break;
	case SYS_unlinkat:
		disk->is_changed[fd] = true;
		break;
	default:
		break;
	}
}

static pid_t start_traced(unsigned n, const char *version)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(write_version(n, version) != 0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL,
				PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL),
			 0);
	return pid;
}

/* Until it has ended, or stopped that often; true: ended. */
static bool trace(pid_t pid, unsigned stops, struct disk *disk)
{
	struct __ptrace_syscall_info entry = { 0 }, info;
	int status;

	for (unsigned i = 0; i < stops; i++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return true;
		}
		assert_true(WIFSTOPPED(status));
		assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info),
				   &info) > 0);
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			entry = info;
		else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
			follow(disk, &entry, info.exit.rval);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return false;
}

static void test_synced(void **ctx)
{
	struct disk first = { 0 }, second = { 0 }, same = { 0 };

	(void)ctx;
	assert_true(trace(start_traced(N_FILES, "one"), 5000, &first));
	assert_true(first.done);
	assert_int_equal(first.renames, N_FILES);
	/* a file each, and both directories once */
	assert_int_equal(first.syncs, N_FILES + 2);
	/* one file less, all others the same */
	assert_true(trace(start_traced(N_FILES - 1, "one"), 5000, &second));
	assert_int_equal(second.renames, 0);
	assert_true(second.done && second.syncs > 0);
	assert_true(trace(start_traced(N_FILES - 1, "one"), 5000, &same));
	assert_true(same.done);
	assert_int_equal(same.renames + same.syncs, 0);
}

static char version_of(const struct store *store, const char *path, bool host)
{
	struct input input = { .path = (char *)path, .host = host };
	void *bytes = NULL;
	size_t len = 0;
	char version;

	if (store_read(store, &input, &bytes, &len) < 0)
		return '-';
	version = len == 3 && !memcmp(bytes, "one", 3) ? '1' :
		  len == 3 && !memcmp(bytes, "two", 3) ? '2' :
							 '?';
	free(bytes);
	return version;
}

static void test_killed(void **ctx)
{
	unsigned points = 0, mixed = 0;
	bool ended = false;

	(void)ctx;
	for (unsigned stops = 1; !ended && stops < 2000; stops++, points++) {
		struct disk disk = { 0 };
		struct store *store = NULL;
		char now[3];

		assert_int_equal(write_version(3, "one"), 0);
		ended = trace(start_traced(3, "two"), stops, &disk);
		assert_int_equal(store_open(state, &store), 0);
		now[0] = version_of(store, "h.plist", true);
		now[1] = version_of(store, "p/a.plist", false);
		now[2] = version_of(store, "p/b.plist", false);
		store_close(store);
		for (unsigned i = 0; i < 3; i++)
			assert_true(now[i] == '2' || (now[i] == '1' && !ended));
		mixed += now[0] != now[2];
	}
	assert_true(ended);
	print_message("killed at %u points\n", points);
	assert_true(mixed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_synced, make_state,
						remove_state),
		cmocka_unit_test_setup_teardown(test_killed, make_state,
						remove_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
