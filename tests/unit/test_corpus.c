/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every finding of the catalogue: files and the exact lines `splitctl check'
 * prints of them.
 *
 * A case is NAME.expect, with NAME.plist, NAME.2.plist ... (a host file among
 * them is told by its keys). NAME.pad is a number of bytes that NAME.plist is
 * padded to. Cases of reject/ are not valid, those of together/ are.
 */
#include <dirent.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loader/daemon/check.h"
#include "loader/daemon/install.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/moment.h"
#include "loader/daemon/sandbox.h"
#include "tests/unit/policy_fixture.h"

#define CASE_FILES 4

static char root[4096];

/* "NAME.expect" to "NAME"; false: another file. */
static bool case_name(const struct dirent *entry, char name[static 256])
{
	const char *end = strstr(entry->d_name, ".expect");

	if (!end)
		return false;
	snprintf(name, 256, "%.*s", (int)(end - entry->d_name), entry->d_name);
	return true;
}

static void pad(struct input *input, const char *name)
{
	char path[300], *text;
	size_t n, len = 0;

	snprintf(path, sizeof(path), "%s.pad", name);
	text = slurp(path, &len);
	if (!text)
		return;
	n = strtoul(text, NULL, 10);
	free(text);
	assert_true(n > input->len);
	input->bytes = realloc(input->bytes, n);
	assert_non_null(input->bytes);
	memset((char *)input->bytes + input->len, ' ', n - input->len);
	input->len = n;
}

/* What a parser may not do ends it. */
static void die(const struct sandbox_job *job, int fd)
{
	(void)job;
	(void)fd;
	socket(AF_INET, SOCK_DGRAM, 0);
}

/* The parser's own death is no work of a file's. */
static void run_dying(const char *name, struct report *report)
{
	char file[300];
	const struct sandbox_job job = { .file = file };
	struct document *document = NULL;

	snprintf(file, sizeof(file), "%s.plist", name);
	assert_true(sandbox_run(&job, die, report, &document) < 0);
}

/* The store, not the file alone, says what cannot be removed. */
static void run_install(const char *name, struct report *report)
{
	const struct moment first = { .wall = 1 };
	struct installed_view view = { 0 };
	struct installed *installed = NULL;
	struct document *document = NULL;
	char file[300], *bytes;
	size_t len = 0;
	int r;

	snprintf(file, sizeof(file), "%s.plist", name);
	bytes = slurp(file, &len);
	assert_non_null(bytes);
	assert_int_equal(document_parse(file, bytes, len, report, &document),
			 0);
	assert_int_equal(installed_peek("/nonexistent", &installed), 0);
	assert_int_equal(installed_view(installed, &view), 0);
	r = installed_put(&view, document, file, bytes, len, &first);
	assert_true(r < 0);
	assert_non_null(install_refuse(r, document, report));
	installed_view_clear(&view);
	installed_close(installed);
	document_free(document);
	free(bytes);
}

static void run_check(const char *name, struct check *check)
{
	struct input_list inputs = { 0 };
	char file[300];

	snprintf(file, sizeof(file), "%s.plist", name);
	for (int i = 2; i <= CASE_FILES + 1; i++) {
		assert_int_equal(inputs_add_file(&inputs, file, false,
						 INPUT_ANYONE, &check->report),
				 0);
		snprintf(file, sizeof(file), "%s.%d.plist", name, i);
		if (access(file, F_OK) < 0)
			break;
	}
	pad(&inputs.inputs[0], name);
	assert_int_equal(check_run(check, &inputs, NULL), 0);
	inputs_clear(&inputs);
}

static void run_case(const char *name, bool valid)
{
	struct check check = { 0 };
	char path[300], *found = NULL, *expected;
	size_t len = 0, size;
	FILE *out = open_memstream(&found, &size);

	assert_non_null(out);
	print_message("%s\n", name);
	if (!strncmp(name, "E199", 4))
		run_dying(name, &check.report);
	else if (!strncmp(name, "E363", 4))
		run_install(name, &check.report);
	else
		run_check(name, &check);
	print_report(out, &check.report);
	fclose(out);
	snprintf(path, sizeof(path), "%s.expect", name);
	expected = slurp(path, &len);
	assert_non_null(expected);
	assert_true(len > 0);
	assert_string_equal(found, expected);
	assert_null(strstr(found, "SECRET"));
	assert_int_equal(check_valid(&check), valid);
	check_clear(&check);
	free(found);
	free(expected);
}

/* The files' names stand in the findings: it is run where they are. */
static void run_folder(const char *folder, bool valid, int least)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char name[256];
	int cases = 0;

	assert_non_null(dir);
	assert_int_equal(chdir(folder), 0);
	while ((entry = readdir(dir))) {
		if (!case_name(entry, name))
			continue;
		run_case(name, valid);
		cases++;
	}
	closedir(dir);
	assert_true(cases >= least);
}

static void test_reject(void **state)
{
	(void)state;
	run_folder(TEST_DATA "/reject", false, 170);
}

static void test_together(void **state)
{
	(void)state;
	run_folder(TEST_DATA "/together", true, 7);
}

/* ---- no code without its case ----------------------------------------------
 */

struct codes {
	char code[256][5];
	size_t n;
};

static bool is_code(const char *p)
{
	return strchr("EWN", p[0]) && p[0] && p[1] >= '0' && p[1] <= '9' &&
	       p[2] >= '0' && p[2] <= '9' && p[3] >= '0' && p[3] <= '9';
}

/* Between these two characters. */
static void collect(const char *text, char open, char shut, struct codes *codes)
{
	for (const char *p = text; (p = strchr(p, open)); p++) {
		size_t i = 0;

		if (!is_code(p + 1) || p[5] != shut)
			continue;
		while (i < codes->n && strncmp(codes->code[i], p + 1, 4) != 0)
			i++;
		if (i < codes->n)
			continue;
		assert_true(codes->n < 256);
		memcpy(codes->code[codes->n++], p + 1, 4);
	}
}

static void collect_file(const char *folder, const char *name, char open,
			 char shut, struct codes *codes)
{
	char path[600], *text;
	size_t len = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	text = slurp(path, &len);
	assert_non_null(text);
	collect(text, open, shut, codes);
	free(text);
}

/* Codes in C files are string literals. */
static void collect_sources(const char *folder, struct codes *codes)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (len > 2 && !strcmp(entry->d_name + len - 2, ".c"))
			collect_file(folder, entry->d_name, '"', '"', codes);
	}
	closedir(dir);
}

/* An error has a case named after it; that and any other code is expected. */
static void collect_cases(const char *folder, struct codes *codes)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		struct codes found = { 0 };
		char name[256];

		if (!case_name(entry, name))
			continue;
		collect_file(folder, entry->d_name, '[', ']', &found);
		for (size_t i = 0; i < found.n; i++) {
			char text[8];

			if (found.code[i][0] == 'E' &&
			    strncmp(found.code[i], name, 4) != 0)
				continue;
			snprintf(text, sizeof(text), "[%s]", found.code[i]);
			collect(text, '[', ']', codes);
		}
	}
	closedir(dir);
}

static void test_complete(void **state)
{
	static const char *const sources[] = { "policy/read", "policy/model",
					       "policy/plan", "loader/daemon" };
	struct codes told = { 0 }, cases = { 0 };
	size_t missing = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		collect_sources(sources[i], &told);
	assert_true(told.n > 150);
	collect_cases(TEST_DATA "/reject", &cases);
	collect_cases(TEST_DATA "/together", &cases);
	collect_cases(TEST_DATA "/accept", &cases);
	collect_cases(TEST_DATA "/warn", &cases);
	for (size_t i = 0; i < told.n; i++) {
		size_t k = 0;

		while (k < cases.n && strcmp(cases.code[k], told.code[i]) != 0)
			k++;
		if (k < cases.n)
			continue;
		print_error("%s has no case\n", told.code[i]);
		missing++;
	}
	assert_int_equal(missing, 0);
}

/* Also after a case that failed. */
static int go_back(void **state)
{
	(void)state;
	return chdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_reject, go_back),
		cmocka_unit_test_teardown(test_together, go_back),
		cmocka_unit_test(test_complete),
	};

	if (!getcwd(root, sizeof(root)))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
