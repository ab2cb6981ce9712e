/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a profile say what the seed's does, whatever format it came in? */
#ifndef SPLITD_TEST_POLICY_SAME_H
#define SPLITD_TEST_POLICY_SAME_H

#include "tests/unit/policy_fixture.h"

#include "policy/read/signature.h"

/* Under another name, and with demands on the signature. */
static inline int parse_as(const char *name, const char *path,
			   const struct signature_policy *policy,
			   struct report *report, struct document **ret)
{
	char full[512];
	size_t len = 0;
	char *bytes;
	int r;

	snprintf(full, sizeof(full), TEST_DATA "/%s", path);
	bytes = slurp(full, &len);
	assert_non_null(bytes);
	r = document_parse_signed(name, bytes, len, policy, report, ret);
	free(bytes);
	return r;
}

/* Takes the positions out of the origins: " @3 f:12:5 Apps.x". */
static inline void strip_positions(char *text)
{
	char *out = text;

	for (char *p = text; *p;) {
		if (p[0] == ' ' && p[1] == '@') {
			p = strchr(p + 2, ' ');
			assert_non_null(p);
			p = strchr(p + 1, ' ');
			assert_non_null(p);
			continue;
		}
		*out++ = *p++;
	}
	*out = '\0';
}

/* The seed's policy with one profile in the place of its own. */
static inline char *policy_with(struct document *profile)
{
	static const struct signature_policy anybody;
	struct document *documents[3] = { profile };
	struct report report = { 0 };
	struct policy *policy = NULL;
	char *text;

	assert_int_equal(parse_as("b", "seed/application-attributes.plist",
				  &anybody, &report, &documents[1]),
			 0);
	assert_int_equal(parse_as("c", "seed/host.plist", &anybody, &report,
				  &documents[2]),
			 0);
	assert_int_equal(policy_compile(documents, 3, &report, &policy), 0);
	text = policy_text(policy);
	strip_positions(text);
	policy_free(policy);
	document_free(documents[1]);
	document_free(documents[2]);
	report_clear(&report);
	return text;
}

static inline char *seed_policy(void)
{
	static const struct signature_policy anybody;
	struct document *profile = NULL;
	struct report report = { 0 };
	char *text;

	assert_int_equal(parse_as("a", "seed/per-app-vpn.mobileconfig",
				  &anybody, &report, &profile),
			 0);
	text = policy_with(profile);
	assert_non_null(strstr(text, "1.1.1.1/32 included"));
	document_free(profile);
	report_clear(&report);
	return text;
}

#endif
