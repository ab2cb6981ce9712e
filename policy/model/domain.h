/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domain names as profiles write them. */
#ifndef SPLITD_POLICY_DOMAIN_H
#define SPLITD_POLICY_DOMAIN_H

#define DOMAIN_MAX 255 /* 253, and room for "*." */

/*
 * "example.com", "*.example.com", "example.com.": lower case, without the
 * final dot, "*." kept. Internationalised names must be written as A-labels
 * ("xn--..."). -EINVAL with a static text saying why in *ret_problem.
 */
int domain_parse(const char *text, char ret_name[DOMAIN_MAX + 1],
		 const char **ret_problem);

#endif
