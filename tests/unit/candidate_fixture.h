/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of candidates share: files, a store, a reading of it all. */
#ifndef SPLITD_TEST_CANDIDATE_FIXTURE_H
#define SPLITD_TEST_CANDIDATE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loader/daemon/candidate.h"
#include "loader/daemon/check.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/moment.h"
#include "loader/daemon/store.h"
#include "loader/util/file.h"
#include "policy/model/document.h"
#include "policy/plan/policy.h"

#define EC                                                                     \
	"sha256:"                                                              \
	"af3a766360be705bd528c8b4a986573f4f7a163ab7b53dd515efb7c228d7e8b0"
#define TUNNEL "d2773557-b535-414f-968a-5447d9c02d52"

static char dir[64], policy_dir[80], host_path[80], state[80];
static struct store *store;
static struct installed *installed;

static inline int enter(void **ctx)
{
	(void)ctx;
	strcpy(dir, "/tmp/test_candidate.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(policy_dir, sizeof(policy_dir), "%s/p", dir);
	snprintf(host_path, sizeof(host_path), "%s/host.plist", dir);
	snprintf(state, sizeof(state), "%s/state", dir);
	if (store_open(state, &store) < 0)
		return -1;
	return installed_open(state, &installed);
}

static inline int leave(void **ctx)
{
	char command[96];

	(void)ctx;
	store_close(store);
	installed_close(installed);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? 0 : -1;
}

static inline void put_bytes(const char *folder, const char *name,
			     const void *bytes, size_t len)
{
	int fd;

	assert_int_equal(dir_make(folder, 0755, &fd), 0);
	assert_int_equal(file_replace_at(fd, name, bytes, len, 0644), 0);
	close(fd);
}

static inline int unlink_host(void)
{
	return unlink(host_path) == 0 || errno == ENOENT ? 0 : -errno;
}

static inline void put_host(const char *keys)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "<plist version=\"1.0\"><dict><key>Apps</key><dict/>%s</dict>"
		 "</plist>",
		 keys);
	put_bytes(dir, "host.plist", text, strlen(text));
}

/* A file of the test data under another name. */
static inline void *read_data(const char *from, size_t *ret_len)
{
	char path[128];
	void *bytes = malloc(1 << 16);
	FILE *f;

	snprintf(path, sizeof(path), "tests/data/%s", from);
	f = fopen(path, "rb");
	assert_non_null(f);
	assert_non_null(bytes);
	*ret_len = fread(bytes, 1, 1 << 16, f);
	fclose(f);
	return bytes;
}

static inline void put_data(const char *name, const char *from)
{
	size_t len;
	void *bytes = read_data(from, &len);

	put_bytes(policy_dir, name, bytes, len);
	free(bytes);
}

static inline void put_host_data(const char *from)
{
	size_t len;
	void *bytes = read_data(from, &len);

	put_bytes(dir, "host.plist", bytes, len);
	free(bytes);
}

static inline void unlink_data(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", policy_dir, name);
	assert_int_equal(unlink(path), 0);
}

/* Commits the file's bytes to the store. */
static inline void install(const void *bytes, size_t len)
{
	const struct moment first = { .wall = 1 };
	struct installed_view view = { 0 };
	struct document *document = NULL;
	struct report report = { 0 };

	assert_int_equal(document_parse("f", bytes, len, &report, &document),
			 0);
	assert_int_equal(installed_view(installed, &view), 0);
	assert_int_equal(
		installed_put(&view, document, "f", bytes, len, &first), 0);
	assert_int_equal(installed_commit(installed, &view), 0);
	installed_view_clear(&view);
	document_free(document);
	report_clear(&report);
}

static inline void install_data(const char *from)
{
	size_t len;
	void *bytes = read_data(from, &len);

	install(bytes, len);
	free(bytes);
}

static struct candidate candidate;
static struct report report;

static inline void clear(void)
{
	candidate_clear(&candidate);
	report_clear(&report);
}

static inline size_t count_code(const char *code)
{
	size_t n = 0;

	for (size_t i = 0; i < report.n; i++)
		n += !strcmp(report.findings[i].code, code);
	return n;
}

static inline struct candidate_source
source_of(const struct installed_view *view)
{
	return (struct candidate_source){ .policy_dir = policy_dir,
					  .host_path = host_path,
					  .store = store,
					  .installed = view };
}

/* Reads everything anew, and on success has it as last good versions. */
static inline int read_all(void)
{
	struct installed_view view = { 0 };
	struct candidate_source source;
	int r;

	clear();
	assert_int_equal(installed_view(installed, &view), 0);
	source = source_of(&view);
	r = candidate_read(&candidate, &source, &report);
	if (r == 0)
		assert_int_equal(store_write(store, &candidate.good), 0);
	installed_view_clear(&view);
	return r;
}

#endif
