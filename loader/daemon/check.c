/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checking files and telling about it: splitctl check and splitd --check. */
#include <errno.h>
#include <stdlib.h>

#include "loader/daemon/check.h"
#include "loader/daemon/merge.h"
#include "loader/daemon/sandbox.h"
#include "loader/util/cleanup.h"
#include "loader/util/json.h"
#include "loader/util/plain.h"
#include "policy/plan/compile.h"
#include "policy/plan/policy.h"
#include "policy/read/signature.h"

/* The smaller budget of what turned out to be no host file. */
static int check_size(struct check *check, const struct document *document,
		      size_t len)
{
	const struct place place = { .file = document_file(document),
				     .path = "" };

	if (document_kind(document) == DOCUMENT_HOST ||
	    len <= INPUT_MAX_PROFILE)
		return 0;
	return report_add(&check->report, "E100", &place, NULL,
			  "file is %zu bytes, the limit is %zu", len,
			  INPUT_MAX_PROFILE);
}

/* One input and what came of it. */
struct parsed {
	struct report report;
	struct document *document;
};

static int parse_one(const struct input *input,
		     const struct signature_policy *demands, int64_t now,
		     struct parsed *parsed)
{
	int r;

	if (!input->bytes)
		return 0;
	r = sandbox_parse(input->path, input->bytes, input->len, demands,
			  &parsed->report, &parsed->document);
	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	return document_check_dates(parsed->document, now, &parsed->report);
}

static bool is_host(const struct parsed *parsed)
{
	return parsed->document &&
	       document_kind(parsed->document) == DOCUMENT_HOST;
}

/* All but the host file once more, now that its demands are known. */
static int parse_again(const struct input_list *inputs, int64_t now,
		       struct parsed *parsed)
{
	const struct signature_policy *demands = NULL;
	int r = 0;

	for (size_t i = 0; i < inputs->n; i++) {
		if (is_host(&parsed[i]))
			demands = document_demands(parsed[i].document);
	}
	if (!demands || (!demands->required && !demands->allow_sha1 &&
			 demands->n_pins == 0))
		return 0;
	for (size_t i = 0; i < inputs->n && r == 0; i++) {
		if (is_host(&parsed[i]))
			continue;
		document_free(TAKE_PTR(parsed[i].document));
		report_clear(&parsed[i].report);
		r = parse_one(&inputs->inputs[i], demands, now, &parsed[i]);
	}
	return r;
}

/* Its dates have been looked at. */
static int append(struct check *check, struct document *document)
{
	bool over = document_is_over(document, check->all.now);

	return documents_append(over ? &check->over : &check->all, document);
}

/* Into the check what came of all inputs, in their order. */
static int gather(struct check *check, const struct input_list *inputs,
		  struct parsed *parsed)
{
	int r = 0;

	for (size_t i = 0; i < inputs->n; i++) {
		struct document *document = TAKE_PTR(parsed[i].document);

		if (r == 0)
			r = report_move(&check->report, &parsed[i].report);
		report_clear(&parsed[i].report);
		if (r == 0 && document)
			r = check_size(check, document, inputs->inputs[i].len);
		if (document && document_kind(document) == DOCUMENT_HOST)
			check->all.demands = document_demands(document);
		if (document && append(check, document) < 0)
			r = -ENOMEM;
	}
	return r;
}

/*
 * With a file missing, warnings about what the others lack would mislead; the
 * errors between those that are good still count.
 */
static int compile(struct check *check)
{
	struct documents *all = &check->all;
	struct report alone = { 0 };
	bool complete = check->report.n_errors == 0;
	int r;

	r = policy_compile(all->items, all->n,
			   complete ? &check->report : &alone, &check->policy);
	if (r == -EBADMSG && !complete)
		r = policy_compile(all->items, all->n, &check->report,
				   &check->policy);
	report_clear(&alone);
	return r == -EBADMSG ? 0 : r;
}

int check_run(struct check *check, const struct input_list *inputs,
	      const struct installed_view *installed)
{
	_cleanup_free_ struct parsed *parsed =
		calloc(inputs->n + 1, sizeof(*parsed));
	int r = 0, gathered;

	check->all = documents_now();
	if (!parsed)
		return -ENOMEM;
	for (size_t i = 0; i < inputs->n && r == 0; i++)
		r = parse_one(&inputs->inputs[i], NULL, check->all.now,
			      &parsed[i]);
	if (r == 0)
		r = parse_again(inputs, check->all.now, parsed);
	gathered = gather(check, inputs, parsed);
	if (r == 0)
		r = gathered;
	if (r == 0)
		r = documents_add_installed(&check->all, installed,
					    &check->report);
	if (r == 0 || r == -EBADMSG)
		r = compile(check);
	if (r == 0 && check->policy)
		policy_disable(check->policy, installed);
	return r;
}

bool check_valid(const struct check *check)
{
	return check->report.n_errors == 0;
}

static json_t *number_or_null(unsigned int number)
{
	return number ? json_integer(number) : json_null();
}

/* Numbers of a binary property list start at 0. */
static json_t *binary_or_null(const struct finding *finding, uint32_t number)
{
	return finding->is_object ? json_integer(number) : json_null();
}

json_t *findings_json(const struct report *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->n; i++) {
		const struct finding *f = &report->findings[i];

		const char *severity =
			f->severity == SEVERITY_ERROR ? "error" : "warning";

		json_array_append_new(
			array,
			json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:s, "
				  "s:o, s:o, s:o}",
				  "file", json_text(f->file), "line",
				  number_or_null(f->line), "column",
				  number_or_null(f->column), "object",
				  binary_or_null(f, f->object), "offset",
				  binary_or_null(f, f->offset), "inner",
				  f->inner, "code", f->code, "severity",
				  severity, "path", json_text(f->path),
				  "message", json_text(f->message), "value",
				  json_text(f->value)));
	}
	return array;
}

static void add_keys(json_t *array, const struct document *document)
{
	size_t n;
	const struct key_note *keys = document_keys(document, &n);

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			array, json_pack("{s:s, s:s, s:s, s:s?}", "file",
					 document_file(document), "path",
					 keys[i].path, "treatment",
					 treatment_name(keys[i].treatment),
					 "note", keys[i].note));
}

json_t *check_json(const struct check *check)
{
	json_t *keys = json_array();

	for (size_t i = 0; i < check->all.n; i++)
		add_keys(keys, check->all.items[i]);
	for (size_t i = 0; i < check->over.n; i++)
		add_keys(keys, check->over.items[i]);
	return json_pack("{s:b, s:o, s:o}", "valid", check_valid(check),
			 "errors", findings_json(&check->report), "keys", keys);
}

void findings_print(const struct report *report, FILE *out)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct finding *finding = &report->findings[i];
		_cleanup_free_ char *line = finding_text(finding);
		bool error = finding->severity == SEVERITY_ERROR;

		if (line)
			plain_print(out, "%s%s\n",
				    error ? "" : "warning: ", line);
	}
	if (report->n_suppressed)
		fprintf(out, "and %zu more like these\n", report->n_suppressed);
}

static const char *kind_name(const struct document *document)
{
	static const char *const names[] = {
		[DOCUMENT_PROFILE] = "profile",
		[DOCUMENT_COMMAND] = "MDM command",
		[DOCUMENT_HOST] = "host file",
	};

	return names[document_kind(document)];
}

/* People want to see kinds of keys, not a million array items. */
#define MAX_KEYS_SHOWN 200

static void print_document(const struct document *document, FILE *out)
{
	struct plain_table *table = plain_table_new(3);
	const struct key_note *keys;
	size_t n, shown;

	keys = document_keys(document, &n);
	shown = n < MAX_KEYS_SHOWN ? n : MAX_KEYS_SHOWN;
	plain_print(out, "%s: %s\n", document_file(document),
		    kind_name(document));
	if (!table)
		return;
	for (size_t i = 0; i < shown; i++) {
		const char *const cells[] = { treatment_name(keys[i].treatment),
					      keys[i].path,
					      keys[i].note ? keys[i].note :
							     "" };

		if (plain_table_add(table, cells) < 0)
			break;
	}
	plain_table_print(table, out, "  ");
	plain_table_free(table);
	if (n > shown)
		fprintf(out, "  and %zu keys more\n", n - shown);
}

void check_print(const struct check *check, FILE *out)
{
	findings_print(&check->report, out);
	for (size_t i = 0; i < check->all.n; i++)
		print_document(check->all.items[i], out);
	for (size_t i = 0; i < check->over.n; i++)
		print_document(check->over.items[i], out);
	fprintf(out, "%s\n", check_valid(check) ? "valid" : "not valid");
}

void check_clear(struct check *check)
{
	policy_free(check->policy);
	documents_clear(&check->all);
	documents_clear(&check->over);
	report_clear(&check->report);
	*check = (struct check){ 0 };
}
