/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of a property list's scalars, read strictly. */
#ifndef SPLITD_POLICY_SCALAR_H
#define SPLITD_POLICY_SCALAR_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* All return 0, or -EINVAL with *ret untouched, whatever the locale. */

/* Decimal, without leading zeros, blanks or "+"; -ERANGE beyond 64 bits. */
int scalar_integer(const char *text, int64_t *ret);

/* A finite decimal number. */
int scalar_real(const char *text, double *ret);

/* YYYY-MM-DDThh:mm:ssZ, a date that exists; in seconds since the epoch. */
int scalar_date(const char *text, int64_t *ret);

/* The same of a date in UTC, from year 0 to 9999. */
int scalar_seconds(const struct tm *tm, int64_t *ret);

/*
 * Base64 with blanks anywhere. data must hold len / 4 * 3 bytes and may be
 * text itself. -EINVAL: what is wrong in *ret_problem.
 */
int scalar_data(const char *text, size_t len, unsigned char *data,
		size_t *ret_len, const char **ret_problem);

#endif
