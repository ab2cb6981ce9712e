/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files say now: the policy that a reload would bring into force. */
#include <errno.h>
#include <stdlib.h>

#include "loader/daemon/candidate.h"
#include "loader/daemon/sandbox.h"
#include "loader/daemon/store.h"
#include "loader/util/cleanup.h"
#include "policy/model/document.h"
#include "policy/plan/compile.h"
#include "policy/plan/policy.h"
#include "policy/read/report.h"

struct documents {
	struct document **items;
	size_t n;
};

static void documents_clear(struct documents *documents)
{
	for (size_t i = 0; i < documents->n; i++)
		document_free(documents->items[i]);
	free(documents->items);
}

/* Replaces a bad file's bytes by its last good ones; -ENOENT: none. */
static int fall_back(struct input *input, const struct store *store,
		     struct document **ret_document)
{
	struct report again = { 0 };
	int r;

	free(TAKE_PTR(input->bytes));
	if (!store)
		return -ENOENT;
	r = store_read(store, input, &input->bytes, &input->len);
	if (r < 0)
		return r;

	/* It was good once; its warnings have been told then. */
	r = sandbox_parse(input->path, input->bytes, input->len, &again,
			  ret_document);
	report_clear(&again);
	return r;
}

static int parse(struct candidate *candidate, struct input *input,
		 const struct store *store, struct report *report,
		 struct document **ret_document)
{
	int r = -EBADMSG;

	if (input->bytes)
		r = sandbox_parse(input->path, input->bytes, input->len, report,
				  ret_document);
	if (r != -EBADMSG)
		return r;

	r = fall_back(input, store, ret_document);
	if (r == 0)
		candidate->n_kept++;
	return r == -ENOMEM ? r : r < 0 ? -ENOENT : 0;
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

static int compile(struct candidate *candidate, const struct store *store,
		   struct report *report)
{
	_cleanup_(documents_clear) struct documents documents = { 0 };
	struct input_list *good = &candidate->good;
	size_t i = 0;

	documents.items = calloc(good->n + 1, sizeof(*documents.items));
	if (!documents.items)
		return -ENOMEM;

	while (i < good->n) {
		int r = parse(candidate, &good->inputs[i], store, report,
			      &documents.items[documents.n]);

		if (r == -ENOENT) {
			drop(good, i);
			continue;
		}
		if (r < 0)
			return r;
		documents.n++;
		i++;
	}
	return policy_compile(documents.items, documents.n, report,
			      &candidate->policy);
}

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
		r = compile(candidate, source->store, report);
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
		r = compile(candidate, NULL, report);
	return r;
}

void candidate_clear(struct candidate *candidate)
{
	policy_free(candidate->policy);
	inputs_clear(&candidate->good);
	*candidate = (struct candidate){ 0 };
}
