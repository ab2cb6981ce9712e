/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is installed: replaced, removed, and never half there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/daemon/installed.h"
#include "loader/daemon/installed_item.h"
#include "loader/daemon/moment.h"
#include "policy/model/document.h"
#include "policy/read/report.h"
#include "tests/unit/state_fixture.h"

#define NOW    1000000
#define SIGNED TEST_DATA "/signed/"
#ifndef TEST_DATA
#define TEST_DATA "tests/data"
#endif

/* ---- documents ----------------------------------------------------------- */

static struct document *parse(const char *text, size_t len)
{
	struct document *document = NULL;
	struct report report = { 0 };

	assert_int_equal(document_parse("f", text, len, &report, &document), 0);
	report_clear(&report);
	return document;
}

/* A profile without payloads, and whatever keys come with it. */
static char *profile(const char *identifier, const char *more)
{
	char *text = NULL;

	assert_true(asprintf(&text,
			     "<plist version=\"1.0\"><dict>"
			     "<key>PayloadType</key><string>Configuration"
			     "</string><key>PayloadVersion</key>"
			     "<integer>1</integer><key>PayloadUUID</key>"
			     "<string>u</string><key>PayloadIdentifier</key>"
			     "<string>%s</string>%s<key>PayloadContent</key>"
			     "<array/></dict></plist>",
			     identifier, more) > 0);
	return text;
}

/* Settings of two apps; NULL: no VPNUUID. */
static char *settings(const char *first, const char *second)
{
	const char *uuids[] = { first, second }, *ids[] = { "a", "b" };
	char *text = NULL, items[1024] = "";

	for (size_t i = 0; i < 2; i++) {
		char item[400];

		if (uuids[i] && !strcmp(uuids[i], "-"))
			continue;
		snprintf(item, sizeof(item),
			 "<dict><key>Item</key><string>ApplicationAttributes"
			 "</string><key>Identifier</key><string>%s</string>"
			 "<key>Attributes</key><dict>%s%s%s</dict></dict>",
			 ids[i], uuids[i] ? "<key>VPNUUID</key><string>" : "",
			 uuids[i] ? uuids[i] : "", uuids[i] ? "</string>" : "");
		strcat(items, item);
	}
	assert_true(asprintf(&text,
			     "<plist version=\"1.0\"><dict><key>Command</key>"
			     "<dict><key>RequestType</key><string>Settings"
			     "</string><key>Settings</key><array>%s</array>"
			     "</dict><key>CommandUUID</key><string>c</string>"
			     "</dict></plist>",
			     items) > 0);
	return text;
}

static char *command(const char *request, const char *identifier)
{
	char *text = NULL;

	assert_true(asprintf(&text,
			     "<plist version=\"1.0\"><dict><key>Command</key>"
			     "<dict><key>RequestType</key><string>%s</string>"
			     "<key>Identifier</key><string>%s</string></dict>"
			     "<key>CommandUUID</key><string>c</string></dict>"
			     "</plist>",
			     request, identifier) > 0);
	return text;
}

/* ---- the store ----------------------------------------------------------- */

static struct installed *open_store(void)
{
	struct installed *installed = NULL;

	assert_int_equal(installed_open(state, &installed), 0);
	return installed;
}

static int put_bytes(struct installed *installed, const char *text, size_t len,
		     int64_t wall)
{
	const struct moment now = { .wall = wall };
	struct document *document = parse(text, len);
	struct installed_view view = { 0 };
	int r;

	assert_int_equal(installed_view(installed, &view), 0);
	r = installed_put(&view, document, "f", text, len, &now);
	if (r == 0)
		r = installed_commit(installed, &view);
	if (r == 0)
		installed_sweep(installed);
	installed_view_clear(&view);
	document_free(document);
	return r;
}

/* Frees the text. */
static int put(struct installed *installed, char *text, int64_t wall)
{
	int r = put_bytes(installed, text, strlen(text), wall);

	free(text);
	return r;
}

static size_t count(struct installed *installed)
{
	struct installed_view view = { 0 };
	size_t n;

	assert_int_equal(installed_view(installed, &view), 0);
	n = json_array_size(installed_items(&view));
	installed_view_clear(&view);
	return n;
}

/* Which command's word counts on the app: its number; 0: none's. */
static int64_t speaker(struct installed *installed, const char *app)
{
	struct installed_view view = { 0 };
	const json_t *item;
	int64_t number = 0;
	size_t i;

	assert_int_equal(installed_view(installed, &view), 0);
	json_array_foreach(installed_items(&view), i, item) {
		if (installed_links(item, app)) {
			assert_int_equal(number, 0);
			number = item_number(item);
		}
	}
	installed_view_clear(&view);
	return number;
}

static void test_replace(void **ctx)
{
	struct installed *installed = open_store();
	struct installed_view view = { 0 };
	void *bytes = NULL;
	size_t len = 0;
	char *second = profile("x", "<key>PayloadDisplayName</key>"
				    "<string>second</string>");

	(void)ctx;
	assert_int_equal(put(installed, profile("x", ""), NOW), 0);
	assert_int_equal(put(installed, profile("y", ""), NOW), 0);
	assert_int_equal(count(installed), 2);
	assert_int_equal(put_bytes(installed, second, strlen(second), NOW), 0);
	assert_int_equal(count(installed), 2);
	installed_close(installed);

	installed = open_store();
	assert_int_equal(installed_view(installed, &view), 0);
	assert_int_equal(installed_read(&view, installed_find(&view, "x"),
					&bytes, &len),
			 0);
	assert_int_equal(len, strlen(second));
	assert_memory_equal(bytes, second, len);
	assert_int_equal(installed_drop(&view, "x"), 0);
	assert_int_equal(installed_drop(&view, "x"), -ENOENT);
	assert_int_equal(installed_commit(installed, &view), 0);
	assert_int_equal(count(installed), 1);
	/* And back, as after a kernel that refuses. */
	assert_int_equal(installed_commit(installed, &view), 0);
	assert_int_equal(count(installed), 2);
	installed_view_clear(&view);
	installed_close(installed);
	free(second);
	free(bytes);
}

static void test_links(void **ctx)
{
	struct installed *installed = open_store();

	(void)ctx;
	assert_int_equal(put(installed, settings("u", "u"), NOW), 0);
	assert_int_equal(speaker(installed, "a"), 1);
	assert_int_equal(speaker(installed, "b"), 1);

	/* The last word wins, app by app. */
	assert_int_equal(put(installed, settings("v", "-"), NOW), 0);
	assert_int_equal(speaker(installed, "a"), 2);
	assert_int_equal(speaker(installed, "b"), 1);

	/* Without VPNUUID it is taken off, and nothing is left of it. */
	assert_int_equal(put(installed, settings("-", NULL), NOW), 0);
	assert_int_equal(speaker(installed, "b"), 0);
	assert_int_equal(count(installed), 1);
	assert_int_equal(put(installed, command("RemoveApplication", "a"), NOW),
			 0);
	assert_int_equal(count(installed), 0);
	installed_close(installed);
}

static char *read_data(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rb");
	char *bytes = malloc(1 << 20);

	assert_non_null(f);
	assert_non_null(bytes);
	*ret_len = fread(bytes, 1, 1 << 20, f);
	fclose(f);
	return bytes;
}

/* The same profile by two signers, and by nobody. */
static void test_signer(void **ctx)
{
	struct installed *installed = open_store();
	struct document *document;
	char *bytes, *identifier;
	size_t len;

	(void)ctx;
	bytes = read_data(SIGNED "der.mobileconfig", &len);
	assert_int_equal(put_bytes(installed, bytes, len, NOW), 0);
	assert_int_equal(put_bytes(installed, bytes, len, NOW), 0);
	document = parse(bytes, len);
	identifier = strdup(document_identity(document)->identifier);
	document_free(document);
	free(bytes);

	assert_int_equal(put(installed, profile(identifier, ""), NOW),
			 -EKEYREJECTED);
	bytes = read_data(SIGNED "other.mobileconfig", &len);
	assert_int_equal(put_bytes(installed, bytes, len, NOW), -EKEYREJECTED);
	assert_int_equal(
		put(installed, command("RemoveProfile", identifier), NOW), 0);
	assert_int_equal(put(installed, command("RemoveProfile", identifier),
			     NOW),
			 -ENOENT);
	assert_int_equal(put_bytes(installed, bytes, len, NOW), 0);
	free(bytes);
	free(identifier);
	installed_close(installed);
}

static void test_disabled(void **ctx)
{
	struct installed *installed = open_store();
	struct installed_view view = { 0 };

	(void)ctx;
	assert_int_equal(installed_view(installed, &view), 0);
	assert_int_equal(installed_disable(&view, "u", true), 0);
	assert_int_equal(installed_disable(&view, "u", true), 0);
	assert_int_equal(installed_commit(installed, &view), 0);
	installed_view_clear(&view);
	installed_close(installed);

	installed = open_store();
	assert_int_equal(installed_view(installed, &view), 0);
	assert_true(installed_is_disabled(&view, "u"));
	assert_int_equal(installed_disable(&view, "u", false), 0);
	assert_false(installed_is_disabled(&view, "u"));
	installed_view_clear(&view);
	installed_close(installed);
}

/* ---- killed at every point ----------------------------------------------- */

/* What is in the store, as text. Every item has to be readable and whole. */
static char *contents(void)
{
	struct installed *installed = open_store();
	struct installed_view view = { 0 };
	char *text = calloc(1, 1 << 20);
	const json_t *item;
	size_t i;

	assert_non_null(text);
	assert_int_equal(installed_view(installed, &view), 0);
	json_array_foreach(installed_items(&view), i, item) {
		void *bytes = NULL;
		size_t len = 0;

		assert_int_equal(installed_read(&view, item, &bytes, &len), 0);
		assert_int_equal(strlen(bytes), len);
		strcat(text, item_identifier(item));
		strcat(text, "=");
		strcat(text, bytes);
		free(bytes);
	}
	installed_view_clear(&view);
	installed_close(installed);
	return text;
}

static char *big_profile(const char *identifier, char letter)
{
	char more[9000], name[8193];

	memset(name, letter, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(more, sizeof(more),
		 "<key>PayloadDisplayName</key><string>%s</string>", name);
	return profile(identifier, more);
}

static void start_over(void)
{
	char shell[160];
	struct installed *installed;

	snprintf(shell, sizeof(shell), "rm -rf '%s'", state);
	assert_int_equal(system(shell), 0);
	installed = open_store();
	assert_int_equal(put(installed, big_profile("x", 'o'), NOW), 0);
	assert_int_equal(put(installed, big_profile("y", 'y'), NOW), 0);
	installed_close(installed);
}

/* One change from opening to sweeping. */
static void change_store(unsigned int kind)
{
	struct installed *installed = open_store();

	if (kind == 0)
		put(installed, big_profile("x", 'n'), NOW);
	else if (kind == 1)
		put(installed, big_profile("z", 'z'), NOW);
	else
		put(installed, command("RemoveProfile", "x"), NOW);
	installed_close(installed);
}

/* Stops at each system call, before and after it. True: it came to its end. */
static bool killed_at(unsigned int kind, unsigned int stop)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		change_store(kind);
		_exit(0);
	}
	for (unsigned int i = 0;; i++) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return true;
		}
		assert_true(WIFSTOPPED(status));
		if (i == stop)
			break;
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return false;
}

static void test_killed(void **ctx)
{
	unsigned int points = 0, olds = 0, news = 0;

	(void)ctx;
	for (unsigned int kind = 0; kind < 3; kind++) {
		char *old, *new;
		bool ended = false;

		start_over();
		old = contents();
		change_store(kind);
		new = contents();
		assert_string_not_equal(old, new);
		for (unsigned int stop = 1; !ended && stop < 2000; stop++) {
			char *now;

			start_over();
			ended = killed_at(kind, stop);
			now = contents();
			if (ended || strcmp(now, old))
				assert_string_equal(now, new);
			olds += !strcmp(now, old);
			news += !strcmp(now, new);
			points++;
			free(now);
			/* And it goes on from there. */
			change_store(kind);
			now = contents();
			assert_string_equal(now, new);
			free(now);
		}
		assert_true(ended);
		free(old);
		free(new);
	}
	print_message("killed at %u points: %u old, %u new\n", points, olds,
		      news);
	assert_true(points >= 200);
	assert_true(olds > 0 && news > 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_state, remove_state)
	const struct CMUnitTest tests[] = {
		TEST(test_replace),  TEST(test_links),	TEST(test_signer),
		TEST(test_disabled), TEST(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
