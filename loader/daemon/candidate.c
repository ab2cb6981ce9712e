/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files say now: the policy that a reload would bring into force.
 *
 * The host file is parsed first, since it says whose signatures the other files
 * need. A last good version is parsed without that demand: whether it may stay
 * in force is a question to all files together, which the compiler answers, and
 * a no keeps the policy in force as it is.
 *
 * Some mistakes of a single file show only when it is compiled. The host file
 * is compiled alone for that, before anything depends on it. Another such file
 * is set aside like one that cannot be read, and all are compiled once more.
 *
 * Without any good version of a host file that is there, nobody knows whose
 * signatures it demands: then no file is good enough.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/daemon/answers.h"
#include "loader/daemon/candidate.h"
#include "loader/daemon/documents.h"
#include "loader/daemon/merge.h"
#include "loader/daemon/sandbox.h"
#include "loader/daemon/store.h"
#include "loader/util/cleanup.h"
#include "policy/plan/compile.h"
#include "policy/plan/policy.h"
#include "policy/read/report.h"
#include "policy/read/signature.h"

/* Replaces a bad file's bytes by its last good ones; -ENOENT: none. */
static int fall_back(struct input *input, const struct store *store,
		     struct report *report, struct document **ret_document)
{
	int r;

	free(TAKE_PTR(input->bytes));
	if (!store)
		return -ENOENT;
	r = store_read(store, input, &input->bytes, &input->len);
	if (r < 0)
		return r;
	return parse_kept(input->path, input->bytes, input->len, report,
			  ret_document);
}

/*
 * What was told of a file that is not taken as it lies is final; of one that
 * is, it is told anew in the next round.
 */
struct told {
	struct report *final, *round;
};

/* A host file that is wrong alone must not make demands of the others. */
static int compile_alone(struct document *document, struct report *report)
{
	struct report alone = { 0 };
	struct policy *policy = NULL;
	int r, moved = 0;

	r = policy_compile(&document, 1, &alone, &policy);
	policy_free(policy);
	if (r == -EBADMSG)
		moved = report_move(report, &alone);
	report_clear(&alone);
	return moved < 0 ? moved : r;
}

/* Whoever may add a profile should not speak for the host by that. */
static int refuse_host(const struct input *input, struct report *report)
{
	const struct place place = { .file = input->path, .path = "" };
	int r = report_add(report, "E329", &place, NULL,
			   "a host file has a place of its own, not among "
			   "profiles and commands");

	return r < 0 ? r : -EBADMSG;
}

/* What was good when it had these bytes need not be tried again. */
static int judge(const struct input *input, struct document *document,
		 bool known, struct report *report)
{
	if (!input->host && document_kind(document) == DOCUMENT_HOST)
		return refuse_host(input, report);
	return input->host && !known ? compile_alone(document, report) : 0;
}

static int parse_now(const struct input *input,
		     const struct documents *documents, const struct told *told,
		     struct document **ret_document)
{
	struct document *document = NULL;
	struct report report = { 0 };
	int r, moved;

	r = answers_parse(documents->answers, input->path, input->bytes,
			  input->len, input->host ? NULL : documents->demands,
			  &report, &document);
	if (r >= 0)
		r = judge(input, document, r > 0, &report);
	if (r < 0)
		answers_forget(documents->answers, input->path);
	moved = report_move(r == 0 ? told->round : told->final, &report);
	report_clear(&report);
	if (r < 0 || moved < 0)
		document_free(document);
	else
		*ret_document = document;
	return moved < 0 ? moved : r;
}

static int parse(struct candidate *candidate, struct input *input,
		 const struct store *store, const struct documents *documents,
		 const struct told *told, struct document **ret_document)
{
	int r = -EBADMSG;

	if (input->bytes && !input->kept)
		r = parse_now(input, documents, told, ret_document);
	if (r != -EBADMSG)
		return r;

	r = input->kept ? parse_kept(input->path, input->bytes, input->len,
				     told->final, ret_document) :
			  fall_back(input, store, told->final, ret_document);
	input->kept = r == 0;
	candidate->n_kept += r == 0;
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
		       struct documents *documents, const struct told *told)
{
	struct input_list *good = &candidate->good;
	size_t i = 0;

	sort_host_first(good);
	while (i < good->n) {
		struct input *input = &good->inputs[i];
		struct document *document = NULL;
		int r = parse(candidate, input, store, documents, told,
			      &document);

		if (r == -ENOENT) {
			candidate->blind |= input->host;
			drop(good, i);
			continue;
		}
		if (r == 0)
			r = documents_add(documents, document, told->round);
		if (r < 0)
			return r;
		if (input->host)
			documents->demands = document_demands(document);
		i++;
	}
	return candidate->blind ? -EBADMSG : 0;
}

/* ---- compiling ----------------------------------------------------------- */

/*
 * Has the file another good version than these bytes, or none at all? Or an
 * error: a version that cannot be read is not the same as none. What is from
 * the store and no longer good is left out.
 */
static int is_remediable(const struct input *input, const struct store *store)
{
	_cleanup_free_ void *bytes = NULL;
	size_t len = 0;
	int r;

	if (!store || input->kept)
		return !store;
	r = store_read(store, input, &bytes, &len);
	if (r < 0)
		return r == -ENOENT ? 1 : r;
	return len != input->len || memcmp(bytes, input->bytes, len) != 0;
}

/* Everything that was told of the file, for it is not read again. */
static int finish_file(const struct told *told, const char *file)
{
	for (size_t i = 0; i < told->round->n; i++) {
		const struct finding *f = &told->round->findings[i];
		const struct place place = finding_place(f);
		int r;

		if (strcmp(f->file, file) != 0)
			continue;
		r = report_copy(told->final, f->code, &place, f->value,
				f->message);
		if (r < 0)
			return r;
	}
	return 0;
}

/* -EAGAIN: a file that is wrong alone was set aside. -EBADMSG: none is. */
static int set_aside(struct candidate *candidate, const struct store *store,
		     const struct documents *documents, const bool *is_wrong,
		     const struct told *told)
{
	int r = -EBADMSG, remediable;

	for (size_t i = 0; i < documents->n; i++) {
		const char *file = document_file(documents->items[i]);
		struct input *input = NULL;

		for (size_t k = 0; k < candidate->good.n && !input; k++)
			if (!strcmp(candidate->good.inputs[k].path, file))
				input = &candidate->good.inputs[k];
		if (!is_wrong[i] || !input)
			continue;
		remediable = is_remediable(input, store);
		if (remediable < 0)
			return remediable;
		if (!remediable)
			continue;
		if (finish_file(told, file) < 0)
			return -ENOMEM;
		free(TAKE_PTR(input->bytes));
		input->kept = false;
		r = -EAGAIN;
	}
	return r;
}

static int compile_once(struct candidate *candidate,
			const struct candidate_source *source,
			const struct told *told)
{
	_cleanup_(documents_clear) struct documents documents = documents_now();
	_cleanup_free_ bool *is_wrong = NULL;
	int r, twice;

	candidate->n_kept = 0;
	documents.answers = source->answers;
	r = parse_files(candidate, source->store, &documents, told);
	if (r < 0)
		return r;
	twice = documents_add_installed(&documents, source->installed,
					told->round);
	if (twice < 0 && twice != -EBADMSG)
		return twice;
	candidate->from = documents.from;
	candidate->until = documents.until;
	is_wrong = calloc(documents.n + 1, sizeof(*is_wrong));
	if (!is_wrong)
		return -ENOMEM;
	r = policy_compile_each(documents.items, documents.n, is_wrong,
				told->round, &candidate->policy);
	if (r == -EBADMSG)
		return set_aside(candidate, source->store, &documents, is_wrong,
				 told);
	if (r == 0 && twice < 0) {
		policy_free(TAKE_PTR(candidate->policy));
		r = twice;
	}
	return r;
}

/* Every round but the last sets a file aside, and none twice. */
static int compile(struct candidate *candidate,
		   const struct candidate_source *source, struct report *report)
{
	int r, moved;

	do {
		struct report round = { 0 };
		const struct told told = { report, &round };

		r = compile_once(candidate, source, &told);
		moved = r == -EAGAIN ? 0 : report_move(report, &round);
		report_clear(&round);
	} while (r == -EAGAIN);
	if (r == 0 && moved < 0)
		policy_free(TAKE_PTR(candidate->policy));
	if (moved < 0)
		return moved;
	if (r == 0)
		policy_disable(candidate->policy, source->installed);
	return r;
}

/* ---- candidates ---------------------------------------------------------- */

/* A file that vanishes is a mistake more often than a wish. */
static int require(const char *path, bool was_there, bool is_there,
		   struct report *report)
{
	const struct place place = { .file = path, .path = "" };
	int r;

	if (!was_there || is_there)
		return 0;
	r = report_add(report, "E102", &place, NULL,
		       "was in force and is gone; an empty one takes it back");
	return r < 0 ? r : -EBADMSG;
}

static int read_files(struct candidate *candidate,
		      const struct candidate_source *source,
		      struct report *report)
{
	struct input_list *good = &candidate->good;
	int r;

	r = inputs_add_dir(good, source->policy_dir, INPUT_TRUSTED, report);
	if (r == 0)
		r = inputs_add_file(good, source->host_path, true,
				    INPUT_TRUSTED, report);
	return r ? r : inputs_digest(good, candidate->digest);
}

bool candidate_same(const struct candidate_source *source,
		    const unsigned char digest[INPUTS_DIGEST])
{
	_cleanup_(candidate_clear) struct candidate candidate = { 0 };
	struct report report = { 0 };
	int r = read_files(&candidate, source, &report);
	bool same = r == 0 && report.n_errors == 0 &&
		    candidate.good.had_dir == source->dir_was_there &&
		    candidate.good.had_host == source->host_was_there &&
		    !memcmp(candidate.digest, digest, INPUTS_DIGEST);

	report_clear(&report);
	return same;
}

int candidate_read(struct candidate *candidate,
		   const struct candidate_source *source, struct report *report)
{
	struct input_list *good = &candidate->good;
	int r = read_files(candidate, source, report);

	if (r == 0)
		r = require(source->policy_dir, source->dir_was_there,
			    good->had_dir, report);
	if (r == 0)
		r = require(source->host_path, source->host_was_there,
			    good->had_host, report);
	if (r == 0)
		r = compile(candidate, source, report);
	answers_sweep(source->answers);
	return r;
}

int candidate_restore(struct candidate *candidate,
		      const struct candidate_source *source,
		      struct report *report)
{
	const struct candidate_source alone = { .installed =
							source->installed };
	int r;

	r = store_list(source->store, source->policy_dir, source->host_path,
		       &candidate->good);
	if (r == 0 && candidate->good.n == 0)
		r = -ENOENT;
	if (r == 0)
		r = compile(candidate, &alone, report);
	return r;
}

int candidate_parse(const struct candidate_source *source, const char *file,
		    const void *bytes, size_t len, struct report *report,
		    struct document **ret_document)
{
	_cleanup_(candidate_clear) struct candidate candidate = { 0 };
	_cleanup_(documents_clear) struct documents documents = documents_now();
	struct report of_host = { 0 };
	const struct told told = { &of_host, &of_host };
	int r;

	documents.answers = source->answers;
	r = inputs_add_file(&candidate.good, source->host_path, true,
			    INPUT_TRUSTED, &of_host);
	if (r == 0)
		r = parse_files(&candidate, source->store, &documents, &told);
	if (r == -EBADMSG && report_move(report, &of_host) < 0)
		r = -ENOMEM;
	report_clear(&of_host);
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
	const struct told told = { &ignored, &ignored };
	int r;

	documents.answers = source->answers;
	r = inputs_add_dir(&candidate.good, source->policy_dir, INPUT_TRUSTED,
			   &ignored);
	if (r == 0)
		r = parse_files(&candidate, source->store, &documents, &told);
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
