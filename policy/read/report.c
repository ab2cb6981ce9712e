/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with an input, and where: collected, never printed here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/read/cleanup.h"
#include "policy/read/position.h"
#include "policy/read/report.h"
#include "policy/read/text.h"

#define KEPT_MAX    100 /* of each severity and file */
#define VALUE_CHARS 64

static void finding_clear(struct finding *finding)
{
	free(finding->file);
	free(finding->path);
	free(finding->message);
	free(finding->value);
	memset(finding, 0, sizeof(*finding));
}

/* The counts are kept for one file, as findings come file by file. */
static void count_file(struct report *report, const char *file)
{
	if (report->counted_file && strcmp(report->counted_file, file) == 0)
		return;

	report->counted_file = NULL;
	report->counted[SEVERITY_ERROR] = 0;
	report->counted[SEVERITY_WARNING] = 0;
	for (size_t i = 0; i < report->n; i++) {
		if (strcmp(report->findings[i].file, file) != 0)
			continue;
		report->counted_file = report->findings[i].file;
		report->counted[report->findings[i].severity]++;
	}
}

/* Safe for a terminal; escaping what is escaped changes nothing. */
static char *shown(const char *text, size_t max_chars)
{
	size_t size = strlen(text) * 4 + sizeof("...");
	char *copy = malloc(size);

	if (copy)
		text_escape(text, strlen(text), max_chars, copy, size);
	return copy;
}

static void set_position(struct finding *finding, const struct place *place)
{
	finding->inner = place->line & POSITION_INNER;
	finding->is_object = position_is_object(place->line);
	if (finding->is_object) {
		finding->object = position_number(place->line);
		finding->offset = place->column;
	} else {
		finding->line = position_number(place->line);
		finding->column = place->column;
	}
}

struct place finding_place(const struct finding *finding)
{
	uint32_t layer = (finding->inner ? POSITION_INNER : 0) |
			 (finding->is_object ? POSITION_OBJECT : 0);

	return (struct place){
		.file = finding->file,
		.line = layer |
			(finding->is_object ? finding->object : finding->line),
		.column = finding->is_object ? finding->offset :
					       finding->column,
		.path = finding->path,
	};
}

static int fill(struct finding *finding, const struct place *place,
		const char *value, size_t value_chars, const char *message)
{
	set_position(finding, place);
	finding->file = strdup(place->file ? place->file : "");
	finding->path = shown(place->path ? place->path : "", SIZE_MAX);
	finding->message = shown(message, SIZE_MAX);
	if (value)
		finding->value = shown(value, value_chars);
	if (!finding->file || !finding->path || !finding->message ||
	    (value && !finding->value))
		return -ENOMEM;
	return 0;
}

/* Room for one more; the array grows by doubling. */
static int grow(struct report *report)
{
	struct finding *larger;

	if (report->n && (report->n & (report->n - 1)))
		return 0;
	larger = reallocarray(report->findings, report->n ? report->n * 2 : 1,
			      sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	report->findings = larger;
	return 0;
}

static int append(struct report *report, struct finding *finding)
{
	int r = grow(report);

	if (r < 0)
		return r;
	report->findings[report->n++] = *finding;
	report->n_errors += finding->severity == SEVERITY_ERROR;
	report->counted_file = report->findings[report->n - 1].file;
	report->counted[finding->severity]++;
	memset(finding, 0, sizeof(*finding));
	return 0;
}

/* True: as many are kept of the file already, and this one was counted. */
static bool is_flood(struct report *report, const struct place *place,
		     enum severity severity)
{
	count_file(report, place->file ? place->file : "");
	if (report->counted[severity] < KEPT_MAX)
		return false;
	report->n_suppressed++;
	report->n_errors += severity == SEVERITY_ERROR;
	return true;
}

static enum severity severity_of(const char *code)
{
	return code[0] == 'E' ? SEVERITY_ERROR : SEVERITY_WARNING;
}

static int add(struct report *report, const char *code,
	       const struct place *place, const char *value, size_t value_chars,
	       const char *message)
{
	struct finding finding _cleanup_(finding_clear) = {
		.severity = severity_of(code),
	};
	int r;

	snprintf(finding.code, sizeof(finding.code), "%s", code);
	r = fill(&finding, place, value, value_chars, message);
	if (r < 0)
		return r;
	return append(report, &finding);
}

int report_addv(struct report *report, const char *code,
		const struct place *place, const char *value,
		const char *format, va_list args)
{
	char *message _cleanup_free_ = NULL;

	if (is_flood(report, place, severity_of(code)))
		return 0;
	if (vasprintf(&message, format, args) < 0) {
		message = NULL;
		return -ENOMEM;
	}
	return add(report, code, place, value, VALUE_CHARS, message);
}

int report_copy(struct report *report, const char *code,
		const struct place *place, const char *value,
		const char *message)
{
	if (is_flood(report, place, severity_of(code)))
		return 0;
	return add(report, code, place, value, SIZE_MAX, message);
}

int report_add(struct report *report, const char *code,
	       const struct place *place, const char *value, const char *format,
	       ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = report_addv(report, code, place, value, format, args);
	va_end(args);
	return r;
}

int report_move(struct report *to, struct report *from)
{
	size_t errors = 0;

	for (size_t i = 0; i < from->n; i++) {
		int r;

		errors += from->findings[i].severity == SEVERITY_ERROR;
		count_file(to, from->findings[i].file);
		r = append(to, &from->findings[i]);
		if (r < 0)
			return r;
	}
	to->n_errors += from->n_errors - errors;
	to->n_suppressed += from->n_suppressed;

	from->n = 0;
	report_clear(from);
	return 0;
}

bool report_file_failed(const struct report *report, const char *file)
{
	for (size_t i = 0; i < report->n; i++)
		if (report->findings[i].severity == SEVERITY_ERROR &&
		    strcmp(report->findings[i].file, file) == 0)
			return true;
	return false;
}

int finding_format(const struct finding *finding, char *buf, size_t size)
{
	const struct place place = finding_place(finding);
	char position[POSITION_MAX];

	position_format(place.line, place.column, position, sizeof(position));
	return snprintf(buf, size, "%s%s%s: %s%s%s%s%s%s [%s]", finding->file,
			position[0] ? ":" : "", position, finding->path,
			finding->path[0] ? ": " : "", finding->message,
			finding->value ? ": '" : "",
			finding->value ? finding->value : "",
			finding->value ? "'" : "", finding->code);
}

char *finding_text(const struct finding *finding)
{
	size_t size = (size_t)finding_format(finding, NULL, 0) + 1;
	char *text = malloc(size);

	if (text)
		finding_format(finding, text, size);
	return text;
}

void report_clear(struct report *report)
{
	for (size_t i = 0; i < report->n; i++)
		finding_clear(&report->findings[i]);
	free(report->findings);
	memset(report, 0, sizeof(*report));
}
