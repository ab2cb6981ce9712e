/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitd's command line, paths and destinations: what is taken, what is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/ctl/target.h"
#include "loader/daemon/options.h"
#include "loader/util/path.h"
#include "loader/util/plain.h"
#include "policy/plan/explain.h"

static void test_mark(void **state)
{
	static const char *const bad[] = { "",	   "1",	      "1/",
					   "/1",   "0/0xff",  "0x100/0xff",
					   "1/0",  "-1/0xff", "1/0x100000000",
					   "1/1x", "x/y",     " 1/1" };
	uint32_t value = 0, mask = 0;

	(void)state;
	assert_int_equal(
		options_parse_mark("0x01000000/0xff000000", &value, &mask), 0);
	assert_int_equal(value, 0x01000000);
	assert_int_equal(mask, 0xff000000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(options_parse_mark(bad[i], &value, &mask),
				 -EINVAL);
}

static void test_mark_room(void **state)
{
	(void)state;
	assert_int_equal(options_mark_room(0x01000000, 0xff000000), 255);
	assert_int_equal(options_mark_room(0x1000, 0x1000), 1);
	assert_int_equal(options_mark_room(0x1000, 0x3000), 3);
	/* 4, then 5 would be outside the mask */
	assert_int_equal(options_mark_room(4, 6), 2);
	assert_int_equal(options_mark_room(1, 0xffffffff), 255);
	/* beyond the word there is nothing */
	assert_int_equal(options_mark_room(0xf0000000, 0xf0000000), 1);
}

static void test_defaults(void **state)
{
	char *argv[] = { "splitd", "--cgroup", "sub/../here", NULL };
	struct options options;
	char *expected;

	(void)state;
	assert_int_equal(options_parse(3, argv, &options), 0);
	assert_int_equal(path_resolve("here", &expected), 0);
	assert_string_equal(options.cgroup, expected);
	assert_string_equal(options.policy, "/etc/splitd/policy.d");
	assert_string_equal(options.host, "/etc/splitd/host.plist");
	assert_string_equal(options.state, "/var/lib/splitd");
	assert_string_equal(options.run, "/run/splitd");
	assert_string_equal(options.bpffs, "/sys/fs/bpf/splitd");
	assert_int_equal(options.engine.table_base, 51000);
	assert_int_equal(options.engine.rule_priority, 5100);
	assert_ptr_equal(options.engine.cgroup, options.cgroup);
	free(expected);
	options_clear(&options);
}

static void test_resolve(void **state)
{
	static const char *const cases[][2] = {
		{ "/", "/" },
		{ "//a//b/", "/a/b" },
		{ "/a/./b/../c", "/a/c" },
		{ "/..", "/" },
		{ "/a/../../b", "/b" },
		{ "/...", "/..." },
	};
	char *path;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(path_resolve(cases[i][0], &path), 0);
		assert_string_equal(path, cases[i][1]);
		free(path);
	}
	assert_int_equal(path_resolve("", &path), -EINVAL);
}

static void test_cgroup2_mount(void **state)
{
	static const char text[] =
		"22 1 0:20 / /sys rw - sysfs sysfs rw\n"
		"40 31 0:37 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
		"41 31 0:38 /part /bound rw shared:9 - cgroup2 cgroup2 rw\n"
		"42 31 0:38 / /sys/fs/a\\040b rw,relatime - cgroup2 none rw\n";
	char name[] = "/tmp/test_options.XXXXXX", *path;
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(path_cgroup2_mount(name, &path), 0);
	assert_string_equal(path, "/sys/fs/a b");
	free(path);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(path_cgroup2_mount(name, &path), -ENOENT);
	close(fd);
	unlink(name);
}

static void test_target(void **state)
{
	static const struct {
		const char *text, *addr;
		uint16_t port;
	} good[] = {
		{ "1.1.1.1", "1.1.1.1", 0 },
		{ "1.1.1.1:443", "1.1.1.1", 443 },
		{ "::1", "::1", 0 },
		{ "[::1]", "::1", 0 },
		{ "[::1]:65535", "::1", 65535 },
		{ "2001:db8::1:443", "2001:db8::1:443", 0 },
		{ "::ffff:1.1.1.1", "1.1.1.1", 0 },
		{ "[::ffff:1.1.1.1]:53", "1.1.1.1", 53 },
	};
	static const char *const bad[] = {
		"",
		"example.org",
		"example.org:443",
		"1.1.1.1:",
		"1.1.1.1:0",
		"1.1.1.1:65536",
		"1.1.1.1:4a",
		"[::1",
		"[::1]443",
		"[1.1.1.1]:443",
		"[::1]:",
		"1.1.1.1/32",
		"fe80::1%lo",
		"1.1.1",
		":443",
		"1.1.1.1:-1",
	};
	struct target target;
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(target_parse(good[i].text, &target), 0);
		assert_true(address_format(&target.addr, text, sizeof(text)) >=
			    0);
		assert_string_equal(text, good[i].addr);
		assert_int_equal(target.port, good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(target_parse(bad[i], &target), -EINVAL);
}

static void test_escape(void **state)
{
	static const char *const cases[][2] = {
		{ "plain", "plain" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\x1b[31m\a\n", "\\x1b[31m\\x07\\x0a" },
		{ "\xff\xc0\x80", "\\xff\\xc0\\x80" },
		{ "\xc2\x9b", "\\xc2\\x9b" }, /* CSI in C1 */
		{ "a\xe2\x80\xae"
		  "b",
		  "a\\xe2\\x80\\xae"
		  "b" },			       /* RLO */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" }, /* surrogate */
		{ "cut\xe2\x80", "cut\\xe2\\x80" },
	};

	(void)state;
	assert_null(plain_escape(NULL));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *escaped = plain_escape(cases[i][0]);

		assert_string_equal(escaped, cases[i][1]);
		free(escaped);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_mark_room),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_cgroup2_mount),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
