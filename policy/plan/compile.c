/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documents in, one compiled policy out: the frame around the steps. */

/*
 * Everything is gathered into arrays and sorted before it is looked at, with
 * the file's name as the last key: so neither the policy nor the findings
 * depend on the order in which the documents were given, and nothing is worse
 * than n log n. Findings do not stop the steps; whoever reads the report sees
 * all of them at once.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/plan/compile.h"
#include "policy/plan/compiler.h"
#include "policy/read/cleanup.h"
#include "policy/read/position.h"
#include "policy/read/report.h"

POLICY_CLEANUP(struct policy, policy_free)

void compiler_complain(struct compiler *compiler, const char *code,
		       const struct source *source, const struct source *other,
		       const struct spot *at, const char *value,
		       const char *format, ...)
{
	const struct place place = { source->document->file, at->line,
				     at->column, at->path };
	va_list args;
	int r;

	va_start(args, format);
	r = report_addv(compiler->report, code, &place, value, format, args);
	va_end(args);
	if (r < 0)
		compiler->error = r;
	if (other == source && code[0] == 'E')
		*source->is_wrong = true;
}

static const struct spot file_as_such = { .path = "" };

void compiler_complain_limit(struct compiler *compiler,
			     const struct source *source, const struct spot *at,
			     size_t (*count)(const struct document *document),
			     size_t max, const char *what)
{
	const struct source *alone = NULL;

	for (size_t i = 0; i < compiler->n_sources && !alone; i++)
		if (count(compiler->sources[i].document) > max)
			alone = &compiler->sources[i];
	if (alone && alone != source) {
		source = alone;
		at = &file_as_such;
	}
	compiler_complain(compiler, "E328", source, alone, at, NULL,
			  "more than %zu %s%s", max, what,
			  alone ? "" : " in all files");
}

void compiler_describe(const struct source *source, const struct spot *at,
		       char *buf, size_t size)
{
	char position[POSITION_MAX];

	position_format(at->line, at->column, position, sizeof(position));
	snprintf(buf, size, "%s:%s %s", source->document->file, position,
		 at->path);
}

char *compiler_copy(struct compiler *compiler, const char *text)
{
	char *copy = arena_strdup(compiler->arena, text);

	if (!copy)
		compiler->error = -ENOMEM;
	return copy;
}

void *compiler_array(struct compiler *compiler, size_t n, size_t size)
{
	void *array = arena_array(compiler->arena, n, size);

	if (!array)
		compiler->error = -ENOMEM;
	return array;
}

/* There is room: count_origins() has looked at every document. */
static uint32_t add_origin(struct compiler *compiler, const char *file,
			   uint32_t line, uint32_t column, const char *path)
{
	struct policy *policy = compiler->policy;
	struct origin *origin = &policy->origins[policy->n_origins];

	origin->file = file;
	origin->line = line;
	origin->column = column;
	origin->key_path = path;
	return (uint32_t)policy->n_origins++;
}

uint32_t compiler_origin(struct compiler *compiler, const struct source *source,
			 const struct spot *at)
{
	return add_origin(compiler, source->file, at->line, at->column,
			  compiler_copy(compiler, at->path));
}

/* By hand: there may be a million of them. */
static size_t put_number(char *to, uint32_t number)
{
	char digits[10];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while (number /= 10);
	for (size_t i = 0; i < n; i++)
		to[i] = digits[n - 1 - i];
	return n;
}

/* PATH, the number between these two, and so its place. */
static uint32_t item_origin(struct compiler *compiler,
			    const struct source *source, const char *path,
			    const char *before, uint32_t index,
			    const char *behind, const struct spot *at)
{
	size_t n_path = strlen(path), n_before = strlen(before);
	size_t n_behind = strlen(behind), n = n_path + n_before;
	char number[10], *text;
	size_t digits = put_number(number, index);

	text = arena_alloc(compiler->arena, n + digits + n_behind + 1);
	if (text) {
		memcpy(text, path, n_path);
		memcpy(text + n_path, before, n_before);
		memcpy(text + n, number, digits);
		memcpy(text + n + digits, behind, n_behind + 1);
	} else {
		compiler->error = -ENOMEM;
	}
	return add_origin(compiler, source->file, at->line, at->column, text);
}

uint32_t compiler_item_origin(struct compiler *compiler,
			      const struct source *source, const char *path,
			      uint32_t index, uint32_t line, uint32_t column)
{
	const struct spot at = { .line = line, .column = column };

	return item_origin(compiler, source, path, "[", index, "]", &at);
}

uint32_t compiler_route_origin(struct compiler *compiler,
			       const struct source *source,
			       const struct route_list *list,
			       const struct route *route)
{
	static const char *const behind[2][2] = {
		{ "]", "] (implied by Address)" },
		{ "", " (implied by Address)" },
	};
	const struct spot at = { .line = route->line, .column = route->column };

	return item_origin(compiler, source, list->at.path,
			   list->by_line ? ":" : "[", route->index,
			   behind[list->by_line][route->implied], &at);
}

/* An upper bound: one for each fact that can have a place of its own. */
static size_t count_origins(const struct compiler *compiler)
{
	size_t n = 1;

	for (size_t i = 0; i < compiler->n_sources; i++) {
		const struct document *document = compiler->sources[i].document;

		n += document->n_links + document->n_apps +
		     document->n_tunnels * 3;
		for (size_t k = 0; k < document->n_apps; k++)
			n += document->apps[k].n_selectors;
		for (size_t k = 0; k < document->n_tunnels; k++)
			n += document->tunnels[k].included.n +
			     document->tunnels[k].excluded.n;
	}
	return n;
}

static int compare_sources(const void *a, const void *b)
{
	const struct source *x = a, *y = b;

	return strcmp(x->document->file, y->document->file);
}

static void gather_sources(struct compiler *compiler,
			   struct document *const *documents, size_t n,
			   bool *is_wrong)
{
	compiler->sources =
		compiler_array(compiler, n, sizeof(*compiler->sources));
	if (!compiler->sources)
		return;
	for (size_t i = 0; i < n; i++) {
		compiler->sources[i].document = documents[i];
		compiler->sources[i].file =
			compiler_copy(compiler, documents[i]->file);
		compiler->sources[i].is_wrong = &is_wrong[i];
	}
	compiler->n_sources = n;
	qsort(compiler->sources, n, sizeof(*compiler->sources),
	      compare_sources);
}

/* Two host files could disagree on everything: there is one. */
static void check_host_files(struct compiler *compiler)
{
	const struct source *first = NULL;

	for (size_t i = 0; i < compiler->n_sources; i++) {
		const struct source *source = &compiler->sources[i];

		if (source->document->kind != DOCUMENT_HOST)
			continue;
		if (first)
			compiler_complain(compiler, "E329", source, first,
					  &file_as_such, NULL,
					  "second host file; the first is %s",
					  first->document->file);
		else
			first = source;
	}
}

static bool is_signed_by(const struct signature *signature,
			 const struct signature_policy *demands)
{
	for (size_t i = 0; i < signature->n; i++)
		if (signature_is_pinned(demands, &signature->signers[i]))
			return true;
	return false;
}

/*
 * Whoever gave the documents has asked for signatures as he read them. Should
 * he have forgotten, nothing unsigned comes into force.
 */
static void check_signatures(struct compiler *compiler)
{
	const struct signature_policy *demands = NULL;

	for (size_t i = 0; i < compiler->n_sources; i++)
		if (compiler->sources[i].document->demands.required)
			demands = &compiler->sources[i].document->demands;
	for (size_t i = 0; demands && i < compiler->n_sources; i++) {
		const struct source *source = &compiler->sources[i];

		if (source->document->kind != DOCUMENT_HOST &&
		    !is_signed_by(&source->document->signature, demands))
			compiler_complain(compiler, "E212", source, NULL,
					  &file_as_such, NULL,
					  "not signed by one of the host "
					  "file's AllowedSigners");
	}
}

static int prepare(struct compiler *compiler, struct document *const *documents,
		   size_t n, bool *is_wrong)
{
	struct policy *policy = compiler->policy;

	policy->arena = arena_new();
	if (!policy->arena)
		return -ENOMEM;
	compiler->arena = policy->arena;

	gather_sources(compiler, documents, n, is_wrong);
	if (compiler->error)
		return compiler->error;
	policy->origins = compiler_array(compiler, count_origins(compiler),
					 sizeof(*policy->origins));
	if (!policy->origins)
		return -ENOMEM;
	compiler->built_in = add_origin(compiler, "(built in)", 0, 0, "");
	return 0;
}

int policy_compile_each(struct document *const *documents, size_t n_documents,
			bool *is_wrong, struct report *report,
			struct policy **ret_policy)
{
	struct policy *policy _cleanup_(policy_policy_free_p) =
		calloc(1, sizeof(*policy));
	struct compiler compiler = { .report = report, .policy = policy };
	size_t errors = report->n_errors;
	int r;

	if (!policy)
		return -ENOMEM;
	r = prepare(&compiler, documents, n_documents, is_wrong);
	if (r < 0)
		return r;

	check_host_files(&compiler);
	check_signatures(&compiler);
	compile_tunnels(&compiler);
	if (!compiler.error)
		compile_apps(&compiler);
	if (compiler.error)
		return compiler.error;
	if (report->n_errors != errors)
		return -EBADMSG;

	*ret_policy = TAKE_PTR(policy);
	return 0;
}

int policy_compile(struct document *const *documents, size_t n_documents,
		   struct report *report, struct policy **ret_policy)
{
	bool *is_wrong _cleanup_free_ =
		calloc(n_documents + 1, sizeof(*is_wrong));

	if (!is_wrong)
		return -ENOMEM;
	return policy_compile_each(documents, n_documents, is_wrong, report,
				   ret_policy);
}
