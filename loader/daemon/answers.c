/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What parsers said of files that have not changed since.
 *
 * Most reloads are for one file of many, and a file may have a million
 * prefixes. Kept is what the parser wrote to its pipe, not what was made of it:
 * each reading decodes a document of its own, as distrustfully as the first
 * time, and may do with it what it likes. Of the file only a digest is kept,
 * since profiles hold secrets.
 *
 * There are two sets: what was asked for in this round, and in the one before.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "loader/daemon/answers.h"
#include "loader/daemon/sandbox.h"
#include "loader/util/cleanup.h"
#include "policy/model/document.h"
#include "policy/read/cms.h"
#include "policy/read/report.h"
#include "policy/read/signature.h"

struct answer {
	char *file;
	unsigned char digest[CMS_DIGEST];
	void *bytes; /* of document_encode() */
	size_t len;
};

struct answers {
	void *now, *before; /* trees of struct answer, by file */
};

static void answer_free(void *node)
{
	struct answer *answer = node;

	if (!answer)
		return;
	free(answer->file);
	free(answer->bytes);
	free(answer);
}

DEFINE_CLEANUP(struct answer *, answer_free);

struct answers *answers_open(void)
{
	return calloc(1, sizeof(struct answers));
}

void answers_close(struct answers *answers)
{
	if (!answers)
		return;
	tdestroy(answers->now, answer_free);
	tdestroy(answers->before, answer_free);
	free(answers);
}

void answers_sweep(struct answers *answers)
{
	if (!answers)
		return;
	tdestroy(answers->before, answer_free);
	answers->before = answers->now;
	answers->now = NULL;
}

static int compare(const void *a, const void *b)
{
	const struct answer *x = a, *y = b;

	return strcmp(x->file, y->file);
}

static struct answer *find(void *const *tree, const struct answer *key)
{
	struct answer **found = tfind(key, tree, compare);

	return found ? *found : NULL;
}

/* Takes the file's answer out of whatever set it is in; NULL: there is none. */
static struct answer *take(struct answers *answers, const struct answer *key)
{
	void **trees[] = { &answers->now, &answers->before };

	for (size_t i = 0; i < 2; i++) {
		struct answer *answer = find(trees[i], key);

		if (!answer)
			continue;
		tdelete(key, trees[i], compare);
		return answer;
	}
	return NULL;
}

void answers_forget(struct answers *answers, const char *file)
{
	const struct answer key = { .file = (char *)file };

	if (answers)
		answer_free(take(answers, &key));
}

/* Into this round's set. Without memory it is forgotten, that is all. */
static void put(struct answers *answers, struct answer *answer)
{
	if (!tsearch(answer, &answers->now, compare))
		answer_free(answer);
}

static void remember(struct answers *answers, const struct answer *key,
		     const struct document *document,
		     const struct report *report)
{
	_cleanup_(answer_free_p) struct answer *answer =
		malloc(sizeof(*answer));

	if (!answer)
		return;
	*answer = *key;
	answer->file = strdup(key->file);
	if (!answer->file ||
	    document_encode(document, report, &answer->bytes, &answer->len) < 0)
		return;
	put(answers, TAKE_PTR(answer));
}

/* Can the same bytes get another answer another time? */
static bool is_lasting(const struct document *document)
{
	return document_signature(document)->n == 0;
}

static bool asks_nothing(const struct signature_policy *demands)
{
	return !demands || (!demands->required && !demands->allow_sha1 &&
			    demands->n_pins == 0);
}

static int recall(struct answers *answers, const struct answer *key,
		  struct report *report, struct document **ret_document)
{
	struct answer *answer = take(answers, key);
	int r = -ENOENT;

	if (answer && !memcmp(answer->digest, key->digest, CMS_DIGEST))
		r = document_decode(answer->bytes, answer->len, report,
				    ret_document);
	if (r < 0) {
		answer_free(answer);
		return r;
	}
	put(answers, answer);
	return 1;
}

int answers_parse(struct answers *answers, const char *file, const void *bytes,
		  size_t len, const struct signature_policy *demands,
		  struct report *report, struct document **ret_document)
{
	struct answer key = { .file = (char *)file };
	struct document *document = NULL;
	struct report said = { 0 };
	int r, moved;

	if (!answers || !asks_nothing(demands) ||
	    cms_digest(bytes, len, key.digest) < 0)
		return sandbox_parse(file, bytes, len, demands, report,
				     ret_document);
	r = recall(answers, &key, report, ret_document);
	if (r != -ENOENT)
		return r;

	r = sandbox_parse(file, bytes, len, demands, &said, &document);
	if (r == 0 && is_lasting(document))
		remember(answers, &key, document, &said);
	moved = report_move(report, &said);
	report_clear(&said);
	if (r < 0 || moved < 0) {
		document_free(document);
		return moved < 0 ? moved : r;
	}
	*ret_document = document;
	return 0;
}
