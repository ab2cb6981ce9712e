/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with an input, and where: collected, never printed here. */
#ifndef SPLITD_POLICY_REPORT_H
#define SPLITD_POLICY_REPORT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum severity {
	SEVERITY_ERROR,
	SEVERITY_WARNING,
};

/* Codes are the catalogue's ("E312", "W323"); all strings are owned. */
struct finding {
	enum severity severity;
	char code[8];
	char *file;
	bool inner;	     /* in the content of a signed message */
	bool is_object;	     /* of a binary property list, below */
	unsigned int line;   /* 0: unknown, or no text */
	unsigned int column; /* 0: unknown, or no text */
	unsigned int object; /* number and byte offset */
	unsigned int offset;
	char *path;    /* key path; "(root)"; "" for the file as such */
	char *message; /* lower case, no full stop */
	char *value;   /* the offending text, clipped, escaped; or NULL */
};

/*
 * Zero-initialise. Keeps the first 100 errors and the first 100 warnings of a
 * file and counts the rest, so that no flood of warnings hides an error.
 */
struct report {
	struct finding *findings;
	size_t n;
	size_t n_errors; /* kept and suppressed */
	size_t n_suppressed;
	/* Private: how many of the file of the last finding are kept. */
	const char *counted_file;
	size_t counted[2];
};

/* line and column as in position.h. */
struct place {
	const char *file;
	unsigned int line, column;
	const char *path;
};

/* Where a finding is; the strings stay the finding's. */
struct place finding_place(const struct finding *finding);

/*
 * Adds a finding; the severity is the code's first letter (E, or W and N).
 * value may be NULL. 0, or -ENOMEM with the report as it was.
 */
int report_add(struct report *report, const char *code,
	       const struct place *place, const char *value, const char *format,
	       ...) __attribute__((format(printf, 5, 6)));
int report_addv(struct report *report, const char *code,
		const struct place *place, const char *value,
		const char *format, va_list args)
	__attribute__((format(printf, 5, 0)));

/* Adds what was a finding before: its value is clipped already. */
int report_copy(struct report *report, const char *code,
		const struct place *place, const char *value,
		const char *message);

/* Moves all findings of one report behind those of another. 0 or -ENOMEM. */
int report_move(struct report *to, struct report *from);

/* True if one of the file's findings is an error. */
bool report_file_failed(const struct report *report, const char *file);

/*
 * FILE[:LINE:COL]: KEY.PATH: what is wrong: 'offending text' [CODE]. The
 * position in a binary or signed file reads as position_format() has it.
 */
int finding_format(const struct finding *finding, char *buf, size_t size);

/* The same, however long its key path is. free(); NULL without memory. */
char *finding_text(const struct finding *finding);

void report_clear(struct report *report);

#endif
