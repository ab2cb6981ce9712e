/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files a policy may be made of, and the store of their last versions. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/daemon/inputs.h"
#include "loader/daemon/store.h"
#include "loader/util/file.h"
#include "policy/read/report.h"

static char dir[64];

/* Every test has a directory of its own, and is in it. */
static int enter_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_inputs.XXXXXX");
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void put(const char *name, const char *text)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(file_replace_at(here, name, text, strlen(text), 0644),
			 0);
	close(here);
}

/* Reads "." and expects so many files and errors. */
static void expect(struct input_list *list, size_t n, size_t n_errors)
{
	struct report report = { 0 };

	inputs_clear(list);
	assert_int_equal(inputs_add_dir(list, ".", INPUT_TRUSTED, &report), 0);
	assert_int_equal(list->n, n);
	assert_int_equal(report.n_errors, n_errors);
	for (size_t i = 0; i < report.n; i++)
		assert_string_equal(report.findings[i].code, "E102");
	report_clear(&report);
}

static void test_names(void **state)
{
	struct input_list list = { 0 };

	(void)state;
	put("b.plist", "bb");
	put("a.mobileconfig", "a");
	put("c.xml", "");
	put("README", "no");
	put(".hidden.plist", "no");
	put("plist", "no");
	expect(&list, 3, 0);
	assert_string_equal(list.inputs[0].path, "./a.mobileconfig");
	assert_string_equal(list.inputs[1].path, "./b.plist");
	assert_int_equal(list.inputs[1].len, 2);
	assert_memory_equal(list.inputs[1].bytes, "bb", 2);
	assert_string_equal(list.inputs[2].path, "./c.xml");
	inputs_clear(&list);
}

static void test_untrusted(void **state)
{
	struct input_list list = { 0 };

	(void)state;
	put("good.plist", "x");
	put("group.plist", "x");
	chmod("group.plist", 0664);
	put("world.plist", "x");
	chmod("world.plist", 0646);
	assert_int_equal(symlink("good.plist", "link.plist"), 0);
	assert_int_equal(mkfifo("fifo.plist", 0600), 0);
	assert_int_equal(mkdir("folder.plist", 0700), 0);
	put("caf\xe9.plist", "x");
	expect(&list, 7, 6);
	for (size_t i = 0; i < list.n; i++)
		assert_true(!strcmp(list.inputs[i].path, "./good.plist") ==
			    !!list.inputs[i].bytes);

	if (geteuid() == 0) {
		assert_int_equal(chown("good.plist", 1000, 1000), 0);
		expect(&list, 7, 7);
	}
	inputs_clear(&list);
}

static void test_untrusted_dir(void **state)
{
	struct report report = { 0 };
	struct input_list list = { 0 };

	(void)state;
	chmod(".", 0777);
	assert_int_equal(inputs_add_dir(&list, ".", INPUT_TRUSTED, &report),
			 -EBADMSG);
	assert_int_equal(report.n_errors, 1);
	assert_int_equal(inputs_add_dir(&list, "none", INPUT_TRUSTED, &report),
			 0);
	assert_int_equal(list.n, 0);
	report_clear(&report);
}

static void test_too_large(void **state)
{
	struct report report = { 0 };
	struct input_list list = { 0 };
	int fd = open("a.plist", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)INPUT_MAX_PROFILE), 0);
	assert_int_equal(inputs_add_dir(&list, ".", INPUT_TRUSTED, &report), 0);
	assert_int_equal(report.n_errors, 0);
	assert_int_equal(list.inputs[0].len, INPUT_MAX_PROFILE);
	inputs_clear(&list);

	assert_int_equal(ftruncate(fd, (off_t)INPUT_MAX_PROFILE + 1), 0);
	assert_int_equal(inputs_add_dir(&list, ".", INPUT_TRUSTED, &report), 0);
	assert_int_equal(report.n_errors, 1);
	assert_string_equal(report.findings[0].code, "E100");
	assert_null(list.inputs[0].bytes);
	inputs_clear(&list);

	/* The host file has a budget of its own. */
	assert_int_equal(inputs_add_file(&list, "a.plist", true, INPUT_TRUSTED,
					 &report),
			 0);
	assert_int_equal(report.n_errors, 1);
	close(fd);
	inputs_clear(&list);
	report_clear(&report);
}

static void test_store(void **state)
{
	struct input both[] = {
		{ .path = "p/one.plist", .bytes = "1", .len = 1 },
		{ .path = "/somewhere/host.plist",
		  .host = true,
		  .bytes = "host",
		  .len = 4 },
	};
	struct input_list good = { .inputs = both, .n = 2 };
	struct input_list kept = { 0 };
	struct store *store = NULL;
	void *bytes = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(store_open("state/deep", &store), 0);
	assert_int_equal(store_read(store, &both[0], &bytes, &len), -ENOENT);
	assert_int_equal(store_write(store, &good), 0);
	store_close(store);

	/* After a restart. */
	assert_int_equal(store_open("state/deep", &store), 0);
	assert_int_equal(store_list(store, "p", "/etc/h", &kept), 0);
	assert_int_equal(kept.n, 2);
	assert_string_equal(kept.inputs[0].path, "p/one.plist");
	assert_string_equal(kept.inputs[1].path, "/etc/h");
	assert_memory_equal(kept.inputs[1].bytes, "host", 4);
	inputs_clear(&kept);

	/* A file that went is forgotten, one that changed is replaced. */
	both[1] = (struct input){ .path = "p/two.plist",
				  .bytes = "22",
				  .len = 2 };
	both[0].bytes = "3";
	assert_int_equal(store_write(store, &good), 0);
	assert_int_equal(store_list(store, "p", "/etc/h", &kept), 0);
	assert_int_equal(kept.n, 2);
	assert_int_equal(store_read(store, &both[0], &bytes, &len), 0);
	assert_memory_equal(bytes, "3", 1);
	free(bytes);
	inputs_clear(&kept);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, enter_dir,
						leave_dir),
		cmocka_unit_test_setup_teardown(test_untrusted, enter_dir,
						leave_dir),
		cmocka_unit_test_setup_teardown(test_untrusted_dir, enter_dir,
						leave_dir),
		cmocka_unit_test_setup_teardown(test_too_large, enter_dir,
						leave_dir),
		cmocka_unit_test_setup_teardown(test_store, enter_dir,
						leave_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
