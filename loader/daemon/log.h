/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log: lines on stderr, with priorities when the journal listens. */
#ifndef SPLITD_LOG_H
#define SPLITD_LOG_H

#include <syslog.h>

struct report;

/*
 * One line; LOG_ERR to LOG_INFO. What it holds of foreign text is escaped.
 */
void log_line(int priority, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Every finding, at its severity's priority. */
void log_report(const struct report *report);

#endif
