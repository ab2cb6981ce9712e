/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is made to cost time or memory costs neither: 64 MiB and 100 ms. */

/*
 * The program that people run is measured, not the sanitized code of this
 * test: splitctl check, its sandbox included. Both numbers are the kernel's.
 * All input is wrong, so that the exit status must be 1, and nothing else.
 */
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/policy_fixture.h"

#define MAX_RSS_KIB (64 * 1024)
#define MAX_CPU_MS  100

static char splitctl[PATH_MAX];
static char left_over[40]; /* by a test that failed */

/* A file, and no memory: a child's peak begins with that of its parent. */
struct bytes {
	char path[40];
	FILE *out;
};

static void begin(struct bytes *bytes)
{
	int fd;

	strcpy(bytes->path, "/tmp/splitd-attack-XXXXXX.plist");
	fd = mkstemps(bytes->path, 6);
	assert_true(fd >= 0);
	unlink(left_over);
	strcpy(left_over, bytes->path);
	bytes->out = fdopen(fd, "wb");
	assert_non_null(bytes->out);
}

static void put(struct bytes *bytes, const char *text, size_t len, size_t times)
{
	while (times--)
		fwrite(text, 1, len, bytes->out);
}

static void put_text(struct bytes *bytes, const char *text, size_t times)
{
	put(bytes, text, strlen(text), times);
}

static void put_number(struct bytes *bytes, uint64_t number, int size)
{
	while (size--)
		fputc((int)(number >> size * 8 & 0xff), bytes->out);
}

/* ---- measuring --------------------------------------------------------- */

/* "E199" is what is said when the confined parser was killed. */
static void expect_no_death(int fd)
{
	FILE *in = fdopen(fd, "r");
	char line[4096];

	assert_non_null(in);
	while (fgets(line, sizeof(line), in))
		if (strstr(line, "[E199]"))
			fail_msg("%s", line);
	fclose(in);
}

static int run_check(const char *path, struct rusage *ret_usage)
{
	int status = 0, fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		execl(splitctl, "splitctl", "check", path, NULL);
		_exit(127);
	}
	close(fds[1]);
	expect_no_death(fds[0]);
	assert_int_equal(wait4(pid, &status, 0, ret_usage), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static long cpu_ms(const struct rusage *usage)
{
	return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000 +
	       (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1000;
}

/* The best of three, as others may use the machine, too. */
static void measure(const char *name, const char *path)
{
	struct rusage usage = { 0 };
	long best = LONG_MAX;

	for (int i = 0; i < 3 && best > MAX_CPU_MS; i++) {
		assert_int_equal(run_check(path, &usage), 1);
		if (cpu_ms(&usage) < best)
			best = cpu_ms(&usage);
	}
	print_message("%-24s %4ld ms %6ld KiB\n", name, best, usage.ru_maxrss);
	assert_in_range(best, 0, MAX_CPU_MS);
	assert_in_range(usage.ru_maxrss, 0, MAX_RSS_KIB);
}

static void attack(const char *name, struct bytes *bytes)
{
	assert_int_equal(fclose(bytes->out), 0);
	measure(name, bytes->path);
	unlink(bytes->path);
}

/* ---- XML --------------------------------------------------------------- */

static void repeat(const char *name, const char *head, const char *piece,
		   size_t times, const char *tail)
{
	struct bytes bytes;

	begin(&bytes);
	put_text(&bytes, head, 1);
	put_text(&bytes, piece, times);
	put_text(&bytes, tail, 1);
	attack(name, &bytes);
}

#define MIB ((size_t)1024 * 1024)

static void test_xml(void **state)
{
	(void)state;
	repeat("X1 entities",
	       "<!DOCTYPE plist [<!ENTITY a \"ha\"><!ENTITY b \"", "&a;", 1000,
	       "\">]><plist><string>&b;</string></plist>");
	repeat("X2 external entity",
	       "<!DOCTYPE plist SYSTEM \"file:///dev/zero\" [<!ENTITY a SYSTEM "
	       "\"file:///dev/zero\">]><plist><string>",
	       "&a;", 1, "</string></plist>");
	repeat("X3 depth", "<plist>", "<array>", 500000, "");
	repeat("X4 references", "<plist><string>", "&amp;", 800000,
	       "</string></plist>");
	repeat("X5 keys", "<plist><dict>", "<key>a</key><true/>", 200000,
	       "</dict></plist>");
	repeat("X25 one text", "<plist><string>", "x", 4 * MIB - 100,
	       "</string></plist>");
	repeat("X25 attributes", "<plist ", "a=\"\" ", 10000, "></plist>");
	repeat("X25 instruction", "<plist><?x ", "y", 4 * MIB - 100, "");
	repeat("X25 comment", "<plist><!-- ", "y", 4 * MIB - 100, "");
	repeat("X25 errors", "<plist><dict>", "<x/>", MIB - 100,
	       "</dict></plist>");
	repeat("X25 bad characters", "<plist>", "\x01", 4 * MIB - 100, "");
	repeat("X25 DOCTYPE", "<!DOCTYPE ", "'\"", 2 * MIB - 100, "");
}

/* Distinct keys: what a sort or a search over them may cost. */
static void test_xml_keys(void **state)
{
	struct bytes bytes;

	(void)state;
	begin(&bytes);
	put_text(&bytes, "<plist><dict><key>Apps</key><dict>", 1);
	for (int i = 0; i < 4096; i++)
		fprintf(bytes.out, "<key>%0250d</key><true/>", i);
	put_text(&bytes, "</dict></dict></plist>", 1);
	attack("X5 host keys", &bytes);
}

static void put_mappings(struct bytes *bytes, int payload, int n)
{
	fprintf(bytes->out,
		"<dict><key>PayloadType</key>"
		"<string>com.apple.vpn.managed.appmapping</string>"
		"<key>PayloadVersion</key><integer>1</integer>"
		"<key>PayloadIdentifier</key><string>i%d</string>"
		"<key>PayloadUUID</key><string>u%d</string>"
		"<key>AppLayerVPNMapping</key><array>",
		payload, payload);
	for (int i = 0; i < n; i++)
		fprintf(bytes->out,
			"<dict><key>Identifier</key><string>a%d.%d</string>"
			"<key>VPNUUID</key><string>u</string></dict>",
			payload, i);
	put_text(bytes, "</array></dict>", 1);
}

/* Many payloads that each add a little to what all of them say. */
static void test_xml_payloads(void **state)
{
	struct bytes bytes;

	(void)state;
	begin(&bytes);
	put_text(&bytes,
		 "<plist><dict><key>PayloadType</key>"
		 "<string>Configuration</string><key>PayloadContent</key>"
		 "<array>",
		 1);
	for (int i = 0; i < 256; i++)
		put_mappings(&bytes, i, i < 2 ? 2800 : 1);
	put_text(&bytes, "</array></dict></plist>", 1);
	attack("P16 mappings", &bytes);
}

/* ---- binary ------------------------------------------------------------ */

static size_t here(struct bytes *bytes)
{
	return (size_t)ftello(bytes->out);
}

/* Ends a file whose n objects begin at the given offsets. */
static void put_trailer(struct bytes *bytes, const size_t *offsets, size_t n,
			int ref_size)
{
	size_t table = here(bytes);

	for (size_t i = 0; i < n; i++)
		put_number(bytes, offsets[i], 4);
	put_number(bytes, 4, 7);
	put_number(bytes, (uint64_t)ref_size, 1);
	put_number(bytes, n, 8);
	put_number(bytes, 0, 8);
	put_number(bytes, table, 8);
}

/* Arrays of which each lists the next one width times. */
static void bomb(const char *name, size_t levels, int width, bool is_host)
{
	size_t offsets[64], n = 0;
	struct bytes bytes;

	begin(&bytes);
	put_text(&bytes, "bplist00", 1);
	if (is_host) {
		offsets[n++] = here(&bytes);
		put(&bytes, "\xd1\x01\x02", 3, 1);
		offsets[n++] = here(&bytes);
		put_text(&bytes,
			 "\x54"
			 "Apps",
			 1);
	}
	for (size_t i = 0; i < levels; i++) {
		offsets[n++] = here(&bytes);
		put_number(&bytes, 0xa0 | (unsigned int)width, 1);
		for (int k = 0; k < width; k++)
			put_number(&bytes, n, 1);
	}
	offsets[n++] = here(&bytes);
	put_text(&bytes, "\x09", 1);
	put_trailer(&bytes, offsets, n, 1);
	attack(name, &bytes);
}

/* One object, listed by an array as often as an array may list. */
static void listed(const char *name, const char *object, size_t len,
		   size_t times, size_t text)
{
	size_t offsets[3];
	struct bytes bytes;

	begin(&bytes);
	put_text(&bytes, "bplist00", 1);
	offsets[0] = here(&bytes);
	put(&bytes, "\xa5\1\1\1\1\1", 6, 1);
	offsets[1] = here(&bytes);
	put(&bytes, "\xaf\x11", 2, 1);
	put_number(&bytes, times, 2);
	put(&bytes, "\2", 1, times);
	offsets[2] = here(&bytes);
	put(&bytes, object, len, 1);
	put(&bytes, "\0", 1, text);
	put_trailer(&bytes, offsets, 3, 1);
	attack(name, &bytes);
}

static void chain(const char *name, size_t n)
{
	size_t *offsets = calloc(n, sizeof(*offsets));
	struct bytes bytes;

	assert_non_null(offsets);
	begin(&bytes);
	put_text(&bytes, "bplist00", 1);
	for (size_t i = 0; i < n; i++) {
		offsets[i] = here(&bytes);
		put_number(&bytes, 0xa1, 1);
		put_number(&bytes, i + 1, 4);
	}
	put_trailer(&bytes, offsets, n, 4);
	attack(name, &bytes);
	free(offsets);
}

static void test_binary(void **state)
{
	static const char string[] = "\x5f\x12\0\0\xff\xf0";

	(void)state;
	bomb("B1 bomb 24", 24, 2, false);
	bomb("B1 bomb 31", 31, 2, false);
	bomb("B1 bomb 16 wide", 6, 14, false);
	bomb("B1 bomb in a host file", 29, 2, true);
	listed("B1 NUL string", string, 6, 4000, 0xfff0);
	listed("B10 null", "\0", 1, 4000, 0);
	listed("B2 cycle", "\xa1\1", 2, 4000, 0);
	listed("B6 huge", "\x5f\x13\x7f\xff\xff\xff\xff\xff\xff\xff", 10, 4, 0);
	chain("B3 chain", 15000);
	chain("B3 too many", 400000);
}

/* ---- signed ------------------------------------------------------------ */

/* A message without length, up to its content. */
static void put_message(struct bytes *bytes)
{
	static const char head[] =
		"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80"
		"\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x09\x2a\x86\x48\x86"
		"\xf7\x0d\x01\x07\x01\xa0\x80\x24\x80";

	put(bytes, head, sizeof(head) - 1, 1);
}

/* The certificate of a signed file, many times. */
static void put_certificates(struct bytes *bytes, size_t times)
{
	size_t len = 0;
	char *file = slurp(TEST_DATA "/signed/der.mobileconfig", &len);
	unsigned char *start;

	assert_non_null(file);
	/* version 3, behind two headers of four bytes */
	start = memmem(file, len, "\xa0\x03\x02\x01\x02", 5);
	assert_non_null(start);
	start -= 8;
	assert_memory_equal(start, "\x30\x82", 2);
	put(bytes, (char *)start, (size_t)(start[2] << 8 | start[3]) + 4,
	    times);
	free(file);
}

static void test_signed(void **state)
{
	struct bytes bytes;

	(void)state;
	begin(&bytes);
	put_message(&bytes);
	put(&bytes, "\x04\x01<", 3, MIB);
	put(&bytes, "\0\0", 2, 6);
	attack("C7 tiny pieces", &bytes);

	begin(&bytes);
	put_message(&bytes);
	put(&bytes, "\0\0", 2, 3);
	put(&bytes, "\xa0\x80", 2, 1);
	put_certificates(&bytes, 9000);
	put(&bytes, "\0\0", 2, 1);
	put(&bytes, "\x31\0\0\0\0\0\0\0", 8, 1);
	attack("C3 certificates", &bytes);

	begin(&bytes);
	put(&bytes, "\x30\x80", 2, 2 * MIB - 10);
	attack("C7 depth", &bytes);
}

/* The corpus, too: many of its files are the small ones of these attacks. */
static void test_corpus(void **state)
{
	DIR *dir = opendir(TEST_DATA "/reject");
	const struct dirent *entry;
	char path[PATH_MAX];

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		struct rusage usage = { 0 };

		if (!strstr(entry->d_name, ".plist"))
			continue;
		snprintf(path, sizeof(path), TEST_DATA "/reject/%s",
			 entry->d_name);
		run_check(path, &usage);
		if (cpu_ms(&usage) > MAX_CPU_MS)
			measure(entry->d_name, path);
		assert_in_range(usage.ru_maxrss, 0, MAX_RSS_KIB);
	}
	closedir(dir);
}

/*
 * What is good gets through the same confinement: verifying signatures, dates
 * and sorting keys make no system call that is not allowed.
 */
static void test_confined(void **state)
{
	static const char *const names[] = { "der", "ber", "bare", "pss",
					     "two" };
	struct rusage usage;
	struct bytes bytes;
	char path[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path),
			 TEST_DATA "/signed/%s.mobileconfig", names[i]);
		assert_int_equal(run_check(path, &usage), 0);
	}

	begin(&bytes);
	put_text(&bytes, "<plist><dict><key>Apps</key><dict/>", 1);
	for (int i = 999; i > 0; i--)
		fprintf(bytes.out,
			"<key>x%d</key><date>2024-02-29T23:59:59Z</date>", i);
	put_text(&bytes, "</dict></plist>", 1);
	assert_int_equal(fclose(bytes.out), 0);
	assert_int_equal(run_check(bytes.path, &usage), 0);
	unlink(bytes.path);
}

/* An answer that cannot be written is a failure. */
static void test_full(void **state)
{
	static const char *const formats[] = { "--json", "--" };
	int status = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			if (!freopen("/dev/full", "w", stdout))
				_exit(126);
			execl(splitctl, "splitctl", "check", formats[i],
			      TEST_DATA "/seed/host.plist", NULL);
			_exit(127);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 1);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_xml_keys),
		cmocka_unit_test(test_xml_payloads),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_confined),
		cmocka_unit_test(test_full),
	};

	int failed;

	(void)argc;
	/* built beside us, in the directory above */
	snprintf(splitctl, sizeof(splitctl), "%s/../splitctl",
		 dirname(argv[0]));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(left_over);
	return failed;
}
