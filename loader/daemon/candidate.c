/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files say now: the policy that a reload would bring into force.
 *
 * The host file is parsed first, since it says whose signatures the other files
 * need. A last good version is parsed without that demand: whether it may stay
 * in force is a question to all files together, which the compiler answers, and
 * a no keeps the policy in force as it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/daemon/candidate.h"
#include "loader/daemon/documents.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/sandbox.h"
#include "loader/daemon/store.h"
#include "loader/util/cleanup.h"
#include "policy/plan/compile.h"
#include "policy/plan/policy.h"
#include "policy/read/report.h"
#include "policy/read/signature.h"

/* What was good once: its warnings have been told, its signature judged. */
static int parse_again(const char *file, const void *bytes, size_t len,
		       struct document **ret_document)
{
	const struct signature_policy anybody = { .allow_sha1 = true };
	struct report ignored = { 0 };
	int r;

	r = sandbox_parse(file, bytes, len, &anybody, &ignored, ret_document);
	report_clear(&ignored);
	return r;
}

/* Replaces a bad file's bytes by its last good ones; -ENOENT: none. */
static int fall_back(struct input *input, const struct store *store,
		     struct document **ret_document)
{
	int r;

	free(TAKE_PTR(input->bytes));
	if (!store)
		return -ENOENT;
	r = store_read(store, input, &input->bytes, &input->len);
	if (r < 0)
		return r;
	return parse_again(input->path, input->bytes, input->len, ret_document);
}

static int parse(struct candidate *candidate, struct input *input,
		 const struct store *store,
		 const struct signature_policy *demands, struct report *report,
		 struct document **ret_document)
{
	int r = -EBADMSG;

	if (input->bytes)
		r = sandbox_parse(input->path, input->bytes, input->len,
				  demands, report, ret_document);
	if (r != -EBADMSG)
		return r;

	r = fall_back(input, store, ret_document);
	if (r == 0)
		candidate->n_kept++;
	/* Only what is known to have no good version is left out. */
	return r == -EBADMSG ? -ENOENT : r;
}

/* Drops the input at this place, which has no good version at all. */
static void drop(struct input_list *list, size_t at)
{
	free(list->inputs[at].path);
	free(list->inputs[at].bytes);
	list->n--;
	for (size_t i = at; i < list->n; i++)
		list->inputs[i] = list->inputs[i + 1];
}

/* The host file to the front. */
static void sort_host_first(struct input_list *list)
{
	for (size_t i = 1; i < list->n; i++) {
		struct input host = list->inputs[i];

		if (!host.host)
			continue;
		for (size_t k = i; k > 0; k--)
			list->inputs[k] = list->inputs[k - 1];
		list->inputs[0] = host;
	}
}

static int parse_files(struct candidate *candidate, const struct store *store,
		       struct documents *documents, struct report *report)
{
	struct input_list *good = &candidate->good;
	size_t i = 0;

	sort_host_first(good);
	while (i < good->n) {
		struct input *input = &good->inputs[i];
		struct document *document = NULL;
		int r = parse(candidate, input, store,
			      input->host ? NULL : documents->demands, report,
			      &document);

		if (r == -ENOENT) {
			drop(good, i);
			continue;
		}
		if (r == 0)
			r = documents_add(documents, document, report);
		if (r < 0)
			return r;
		if (input->host)
			documents->demands = document_demands(document);
		i++;
	}
	return 0;
}

/* ---- what is installed --------------------------------------------------- */

/* Only the links that no later command has taken off. */
static void choose_links(struct document *document, const json_t *item)
{
	size_t i = 0;

	while (i < document_links(document)) {
		if (installed_links(item, document_link(document, i).id))
			i++;
		else
			document_drop_link(document, i);
	}
}

static int add_installed(const struct installed_view *view, const json_t *item,
			 struct documents *documents, struct report *report)
{
	_cleanup_free_ char *name = installed_name(item);
	_cleanup_free_ void *bytes = NULL;
	struct document *document = NULL;
	size_t len = 0;
	int r;

	if (!name)
		return -ENOMEM;
	r = installed_read(view, item, &bytes, &len);
	if (r < 0)
		return r;
	r = sandbox_parse(name, bytes, len, documents->demands, report,
			  &document);
	if (r == -EBADMSG)
		r = parse_again(name, bytes, len, &document);
	/* Never good: not even by these rules. It has been told why. */
	if (r == -EBADMSG)
		return 0;
	if (r < 0)
		return r;
	choose_links(document, item);
	return documents_add(documents, document, report);
}

static int parse_installed(const struct installed_view *view,
			   struct documents *documents, struct report *report)
{
	size_t n_files = documents->n, i;
	const json_t *item;
	int r = 0;

	if (!view)
		return 0;
	json_array_foreach(installed_items(view), i, item) {
		r = add_installed(view, item, documents, report);
		if (r < 0)
			return r;
	}
	return documents_check_twice(documents, n_files, report);
}

/* A disabled tunnel is one without an interface: its apps go direct. */
static void disable(const struct installed_view *view, struct policy *policy)
{
	for (size_t i = 0; view && i < policy->n_tunnels; i++) {
		struct tunnel *tunnel = &policy->tunnels[i];

		if (!installed_is_disabled(view, tunnel->uuid))
			continue;
		tunnel->disabled = true;
		tunnel->interface = NULL;
	}
}

static int compile(struct candidate *candidate, const struct store *store,
		   const struct installed_view *view, struct report *report)
{
	_cleanup_(documents_clear) struct documents documents = documents_now();
	int r, twice;

	r = parse_files(candidate, store, &documents, report);
	if (r < 0)
		return r;
	twice = parse_installed(view, &documents, report);
	if (twice < 0 && twice != -EBADMSG)
		return twice;
	candidate->from = documents.from;
	candidate->until = documents.until;
	r = policy_compile(documents.items, documents.n, report,
			   &candidate->policy);
	if (r == 0 && twice < 0) {
		policy_free(TAKE_PTR(candidate->policy));
		r = twice;
	}
	if (r == 0)
		disable(view, candidate->policy);
	return r;
}

/* ---- candidates ---------------------------------------------------------- */

/* A file that vanishes is a mistake more often than a wish. */
static int require(const char *path, bool was_there, struct report *report)
{
	const struct place place = { .file = path, .path = "" };
	int r;

	if (!was_there || access(path, F_OK) == 0 || errno != ENOENT)
		return 0;
	r = report_add(report, "E102", &place, NULL,
		       "was in force and is gone; an empty one takes it back");
	return r < 0 ? r : -EBADMSG;
}

int candidate_read(struct candidate *candidate,
		   const struct candidate_source *source, struct report *report)
{
	int r;

	r = require(source->policy_dir, source->dir_was_there, report);
	if (r == 0)
		r = require(source->host_path, source->host_was_there, report);
	if (r == 0)
		r = inputs_add_dir(&candidate->good, source->policy_dir,
				   INPUT_TRUSTED, report);
	if (r == 0)
		r = inputs_add_file(&candidate->good, source->host_path, true,
				    INPUT_TRUSTED, report);
	if (r == 0)
		r = compile(candidate, source->store, source->installed,
			    report);
	return r;
}

int candidate_restore(struct candidate *candidate,
		      const struct candidate_source *source,
		      struct report *report)
{
	int r;

	r = store_list(source->store, source->policy_dir, source->host_path,
		       &candidate->good);
	if (r == 0 && candidate->good.n == 0)
		r = -ENOENT;
	if (r == 0)
		r = compile(candidate, NULL, source->installed, report);
	return r;
}

int candidate_parse(const struct candidate_source *source, const char *file,
		    const void *bytes, size_t len, struct report *report,
		    struct document **ret_document)
{
	_cleanup_(candidate_clear) struct candidate candidate = { 0 };
	_cleanup_(documents_clear) struct documents documents = documents_now();
	struct report ignored = { 0 };
	int r;

	r = inputs_add_file(&candidate.good, source->host_path, true,
			    INPUT_TRUSTED, &ignored);
	if (r == 0)
		r = parse_files(&candidate, source->store, &documents,
				&ignored);
	report_clear(&ignored);
	if (r < 0)
		return r;
	r = sandbox_parse(file, bytes, len, documents.demands, report,
			  ret_document);
	return r < 0 ? r :
		       document_check_dates(*ret_document, documents.now,
					    report);
}

int candidate_find(const struct candidate_source *source,
		   const char *identifier, char **ret_file)
{
	_cleanup_(candidate_clear) struct candidate candidate = { 0 };
	_cleanup_(documents_clear) struct documents documents = documents_now();
	const struct document *document = NULL;
	struct report ignored = { 0 };
	int r;

	r = inputs_add_dir(&candidate.good, source->policy_dir, INPUT_TRUSTED,
			   &ignored);
	if (r == 0)
		r = parse_files(&candidate, source->store, &documents,
				&ignored);
	report_clear(&ignored);
	if (r < 0)
		return r;
	document = documents_find(&documents, documents.n, identifier);
	if (!document)
		return -ENOENT;
	*ret_file = strdup(document_file(document));
	return *ret_file ? 0 : -ENOMEM;
}

void candidate_clear(struct candidate *candidate)
{
	policy_free(candidate->policy);
	inputs_clear(&candidate->good);
	*candidate = (struct candidate){ 0 };
}
