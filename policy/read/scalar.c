/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of a property list's scalars, read strictly. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/read/scalar.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int scalar_integer(const char *text, int64_t *ret)
{
	bool negative = text[0] == '-';
	const char *p = text + negative;
	int64_t number = 0;

	if (!is_digit(*p) || (*p == '0' && (p[1] || negative)))
		return -EINVAL;

	for (; *p; p++) {
		int digit = *p - '0';

		if (!is_digit(*p))
			return -EINVAL;
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, negative ? -digit : digit,
					   &number))
			return -ERANGE;
	}
	*ret = number;
	return 0;
}

static const char *skip_digits(const char *p, size_t *n)
{
	for (; is_digit(*p); p++)
		(*n)++;
	return p;
}

static bool is_real(const char *p)
{
	size_t digits = 0, exponent = 0;

	p += *p == '-' || *p == '+';
	p = skip_digits(p, &digits);
	if (*p == '.')
		p = skip_digits(p + 1, &digits);
	if (digits && (*p == 'e' || *p == 'E')) {
		p++;
		p += *p == '-' || *p == '+';
		p = skip_digits(p, &exponent);
		digits = exponent;
	}
	return digits && !*p;
}

int scalar_real(const char *text, double *ret)
{
	locale_t plain;
	double number;

	if (!is_real(text))
		return -EINVAL;
	plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!plain)
		return -ENOMEM;
	number = strtod_l(text, NULL, plain);
	freelocale(plain);
	if (!isfinite(number))
		return -EINVAL;

	*ret = number;
	return 0;
}

static int days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Years begin in March here, so that the leap day is a year's last one. */
static int64_t days_since_epoch(int year, int month, int day)
{
	int64_t y = year - (month <= 2) + 400; /* never negative */
	int64_t m = (month + 9) % 12;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day -
	       1 - 719468 - 146097;
}

/* timegm() would open /etc/localtime, which the confined parser must not. */
int scalar_seconds(const struct tm *tm, int64_t *ret)
{
	int year = tm->tm_year + 1900, month = tm->tm_mon + 1;

	if (year < 0 || year > 9999 || month < 1 || month > 12 ||
	    tm->tm_mday < 1 || tm->tm_mday > days_of_month(year, month) ||
	    tm->tm_hour < 0 || tm->tm_hour > 23 || tm->tm_min < 0 ||
	    tm->tm_min > 59 || tm->tm_sec < 0 || tm->tm_sec > 59)
		return -EINVAL;
	*ret = days_since_epoch(year, month, tm->tm_mday) * 86400 +
	       tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
	return 0;
}

int scalar_date(const char *text, int64_t *ret)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
	struct tm tm = { 0 };

	if (strlen(text) != sizeof(form) - 1)
		return -EINVAL;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? !is_digit(text[i]) : text[i] != form[i])
			return -EINVAL;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &tm.tm_year, &tm.tm_mon,
		   &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return scalar_seconds(&tm, ret);
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int scalar_data(const char *text, size_t len, unsigned char *data,
		size_t *ret_len, const char **ret_problem)
{
	size_t digits = 0, padding = 0, out = 0;
	uint32_t bits = 0;

	*ret_problem = "a character that is not base64";
	for (size_t i = 0; i < len; i++) {
		int digit = base64_digit(text[i]);

		if (strchr(" \t\r\n", text[i]) && text[i])
			continue;
		if (text[i] == '=') {
			padding++;
			continue;
		}
		if (digit < 0 || padding)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)digit;
		if (digits++ % 4)
			data[out++] = (unsigned char)(bits >>
						      (8 - digits % 4 * 2) % 8);
	}

	*ret_problem = "bad base64 padding";
	if ((digits + padding) % 4 || padding > 2 || digits % 4 == 1)
		return -EINVAL;
	*ret_problem = "base64 bits after the last byte";
	if ((digits % 4 == 2 && bits & 0xf) || (digits % 4 == 3 && bits & 3))
		return -EINVAL;
	*ret_len = out;
	return 0;
}
