/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * splitctl install: hands a file to the daemon, which checks it and takes it
 * into its store. Only bytes go over: nothing of the file is looked at here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/ctl/client.h"
#include "loader/ctl/commands.h"
#include "loader/ctl/finding.h"
#include "loader/ctl/plist.h"
#include "loader/daemon/control.h"
#include "loader/daemon/inputs.h"
#include "loader/util/base64.h"
#include "loader/util/cleanup.h"
#include "loader/util/file.h"
#include "loader/util/path.h"
#include "loader/util/plain.h"

struct install {
	const char *run;
	bool json, plist;
};

static int read_file(const char *path, void **ret_bytes, size_t *ret_len)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	r = fd < 0 ? -errno :
		     file_read_fd(fd, INPUT_MAX_PROFILE, ret_bytes, ret_len);
	if (r == -EFBIG)
		complain("install: %s is larger than %zu bytes", path,
			 INPUT_MAX_PROFILE);
	else if (r < 0)
		complain("install: %s: %s", path, strerror(-r));
	return r;
}

/* The request, or NULL after the reason has been printed. */
static json_t *make_request(const char *path)
{
	_cleanup_free_ char *text = NULL, *absolute = NULL;
	_cleanup_free_ void *bytes = NULL;
	json_t *request;
	size_t len = 0;

	if (read_file(path, &bytes, &len) < 0)
		return NULL;
	/* The daemon reads no more than this of anybody else. */
	if (geteuid() != 0 && len > CONTROL_MAX_REQUEST / 2) {
		complain("install: is for root");
		return NULL;
	}
	text = base64_encode(bytes, len);
	if (!text || path_resolve(path, &absolute) < 0) {
		complain("install: out of memory");
		return NULL;
	}
	request = json_pack("{s:s, s:s}", "file", absolute, "content", text);
	if (!request)
		complain("install: %s: the name is not UTF-8", path);
	return request;
}

static void print_text(const json_t *outcome, const char *path, bool done)
{
	const char *error =
		json_string_value(json_object_get(outcome, "error"));

	findings_print_json(json_object_get(outcome, "errors"));
	if (done)
		plain_print(stdout, "installed %s\n", path);
	else
		complain("%s: %s; nothing has changed", path,
			 error ? error : "no reason");
}

static int show(const struct install *install, json_t *outcome,
		const char *path)
{
	bool done = json_is_true(json_object_get(outcome, "done"));
	json_t *result = json_object_get(outcome, "mdm_result");

	if (install->plist)
		plist_print(result, stdout);
	else if (install->json &&
		 json_is_true(json_object_get(outcome, "command")))
		print_json(json_incref(result));
	else if (install->json)
		print_json(json_incref(outcome));
	else
		print_text(outcome, path, done);
	json_decref(outcome);
	return done ? EXIT_SUCCESS : EXIT_FAILED;
}

int cmd_install(int argc, char **argv)
{
	struct install install = { .run = DEFAULT_RUN };
	const struct option_spec specs[] = {
		{ "json", NULL, &install.json },
		{ "plist", NULL, &install.plist },
		{ "run", &install.run, NULL },
		{ 0 },
	};
	json_t *request, *outcome;
	int n = parse_options(argc, argv, specs), r;

	if (n < 0)
		return EXIT_USAGE;
	if (n != 1 || (install.json && install.plist))
		return usage(argv[0]);
	request = make_request(argv[1]);
	if (!request)
		return EXIT_FAILED;
	r = client_ask(install.run, "install", request, &outcome);
	return r != 0 ? r : show(&install, outcome, argv[1]);
}
