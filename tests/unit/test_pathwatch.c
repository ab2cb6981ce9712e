/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever changes what a path leads to is noticed, and nobody else is paid. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/kernel/pathwatch.h"

#define ROUNDS 50

/* Where the test is; every name below is relative to it. */
static char dir[64];
static struct pathwatch paths;

static void make_dir(const char *name)
{
	assert_int_equal(mkdir(name, 0755), 0);
}

static void make_file(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	close(fd);
}

static void make_link(const char *target, const char *name)
{
	assert_int_equal(symlink(target, name), 0);
}

static void move(const char *from, const char *to)
{
	assert_int_equal(rename(from, to), 0);
}

static bool is_told(void)
{
	struct pollfd fd = { .fd = paths.inotify, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

static void drain(void)
{
	char buf[4096];

	while (read(paths.inotify, buf, sizeof(buf)) > 0)
		;
}

static void look(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	pathwatch_begin(&paths);
	pathwatch_add(&paths, path);
	pathwatch_end(&paths);
	drain();
}

/* What the kernel holds for us, and for how long it will. */
static unsigned int count_watches(void)
{
	char name[64], line[256];
	unsigned int n = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", paths.inotify);
	file = fopen(name, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		n += !strncmp(line, "inotify wd:", 11);
	fclose(file);
	return n;
}

/* ---- what may happen to a/b/app ----------------------------------------- */

static void file_comes(void)
{
	make_file("a/b/app");
}

static void file_goes(void)
{
	assert_int_equal(unlink("a/b/app"), 0);
}

/* As update-alternatives does it; and an upgrade that brings a launcher. */
static void file_becomes_link(void)
{
	make_link("../c/app", "a/b/app.new");
	move("a/b/app.new", "a/b/app");
}

static void file_moves(void)
{
	move("a/b/app", "a/b/app.old");
}

static void dir_moves(void)
{
	move("a/b", "a/b.old");
}

static void dir_comes(void)
{
	make_dir("a/b");
}

static void dir_becomes_link(void)
{
	make_link("c", "a/b");
}

static void link_turns(void)
{
	make_link("../d/app", "a/b/app.new");
	move("a/b/app.new", "a/b/app");
}

static void target_becomes_link(void)
{
	make_link("/nowhere", "a/c/app.new");
	move("a/c/app.new", "a/c/app");
}

static void target_dir_moves(void)
{
	move("a/c", "a/c.old");
}

static void test_told(void **state)
{
	static void (*const stories[][5])(void) = {
		{ file_comes, file_goes, file_comes, file_becomes_link },
		{ file_comes, file_moves, file_becomes_link, link_turns },
		{ file_comes, file_becomes_link, target_becomes_link },
		{ file_becomes_link, target_dir_moves },
		{ file_comes, dir_moves, dir_comes, file_comes, file_goes },
		{ dir_moves, dir_becomes_link, target_dir_moves },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++) {
		make_dir("a");
		make_dir("a/b");
		make_dir("a/c");
		make_dir("a/d");
		make_file("a/c/app");
		look("a/b/app");
		for (size_t k = 0; k < 5 && stories[i][k]; k++) {
			assert_false(is_told());
			stories[i][k]();
			if (!is_told())
				fail_msg("story %zu, step %zu", i, k);
			/* the second drains what letting go has told */
			look("a/b/app");
			look("a/b/app");
		}
		assert_int_equal(system("rm -r a"), 0);
		look("a/b/app");
	}
}

/* What others do in the same directory is nobody's business. */
static void test_quiet(void **state)
{
	(void)state;
	make_dir("q");
	make_file("q/app");
	look("q/app");
	make_file("q/other");
	assert_int_equal(unlink("q/other"), 0);
	assert_false(is_told());
}

/* Made by whoever may write there: the kernel follows 40 links, and no more. */
static void test_links_in_a_row(void **state)
{
	char name[PATH_MAX] = "l";
	int status;
	pid_t pid;

	(void)state;
	make_dir("l");
	make_link(".", "l/l");
	make_file("l/app");
	for (int i = 0; i < 38; i++)
		strcat(name, "/l");
	strcat(name, "/app");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(20);
		look(name);
		assert_int_equal(unlink("l/app"), 0);
		_exit(!is_told());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Each new directory is another inode: only the last is of interest. */
static void test_lets_go(void **state)
{
	char old[32];
	unsigned int n;

	(void)state;
	make_dir("g");
	make_dir("g/bin");
	make_file("g/bin/app");
	look("g/bin/app");
	n = count_watches();
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(old, sizeof(old), "g/old%d", i);
		move("g/bin", old);
		make_dir("g/bin");
		make_file("g/bin/app");
		look("g/bin/app");
	}
	assert_int_equal(count_watches(), n);
	look("g/nothing");
	assert_true(count_watches() < n);
}

static int enter(void **state)
{
	(void)state;
	paths = (struct pathwatch){ 0 };
	strcpy(dir, "/tmp/pathwatch-XXXXXX");
	return !mkdtemp(dir) || chdir(dir) < 0 || pathwatch_open(&paths) < 0;
}

static int leave(void **state)
{
	char command[128];

	(void)state;
	pathwatch_close(&paths);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") < 0 || system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_told, enter, leave),
		cmocka_unit_test_setup_teardown(test_quiet, enter, leave),
		cmocka_unit_test_setup_teardown(test_links_in_a_row, enter,
						leave),
		cmocka_unit_test_setup_teardown(test_lets_go, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
