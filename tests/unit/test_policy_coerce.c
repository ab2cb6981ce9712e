/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which forms of a value are taken, taken with a warning, or refused. */
#include "tests/unit/policy_fixture.h"

/* One key of each type, and where it stands. */
enum place_of_key {
	IN_PROFILE,
	IN_PAYLOAD,
	IN_VPN,
	IN_IPSEC,
};

struct subject {
	const char *key;
	enum place_of_key where;
};

static const struct subject flag = { "OnDemandEnabled", IN_VPN };
static const struct subject truth = { "PayloadRemovalDisallowed", IN_PROFILE };
static const struct subject number = { "DisconnectOnIdleTimer", IN_VPN };
static const struct subject text = { "ProviderBundleIdentifier", IN_VPN };
static const struct subject list = { "SafariDomains", IN_PAYLOAD };
static const struct subject bytes = { "SharedSecret", IN_IPSEC };
static const struct subject date = { "RemovalDate", IN_PROFILE };
static const struct subject real = { "DurationUntilRemoval", IN_PROFILE };

#define I(x)	"<integer>" x "</integer>"
#define S(x)	"<string>" x "</string>"
#define R(x)	"<real>" x "</real>"
#define T	"<true/>"
#define F	"<false/>"
#define A(x)	"<array>" x "</array>"
#define B(x)	"<data>" x "</data>"
#define TIME(x) "<date>" x "</date>"

/* code: NULL when nothing is said. */
static const struct {
	const struct subject *subject;
	const char *value, *code;
} rows[] = {
	{ &flag, I("0"), NULL },
	{ &flag, I("1"), NULL },
	{ &flag, T, "W408" },
	{ &flag, F, "W408" },
	{ &flag, S("1"), "W409" },
	{ &flag, S("TRUE"), "W409" },
	{ &flag, S("no"), "W409" },
	{ &flag, R("1"), "W409" },
	{ &flag, I("2"), "E312" },
	{ &flag, I("-1"), "E312" },
	{ &flag, S("on"), "E312" },
	{ &flag, S(" 1"), "E312" },
	{ &flag, S(""), "E312" },
	{ &flag, R("0.5"), "E312" },
	{ &flag, A(I("1")), "E312" },
	{ &truth, T, NULL },
	{ &truth, F, NULL },
	{ &truth, I("1"), "W408" },
	{ &truth, S("yes"), "W409" },
	{ &truth, R("0"), "W409" },
	{ &truth, I("2"), "E312" },
	{ &truth, S("maybe"), "E312" },
	{ &number, I("60"), NULL },
	{ &number, S("60"), "W409" },
	{ &number, R("60"), "W409" },
	{ &number, S("999999999999999999"), "W409" },
	{ &number, S("9999999999999999999"), "E312" },
	{ &number, S("060"), "E312" },
	{ &number, S("0x3c"), "E312" },
	{ &number, S("6 0"), "E312" },
	{ &number, S("+60"), "E312" },
	{ &number, S(""), "E312" },
	{ &number, R("60.5"), "E312" },
	{ &number, T, "E312" },
	{ &number, I("-60"), "E341" },
	{ &text, S("a"), NULL },
	{ &text, S(""), NULL },
	{ &text, I("1"), "E312" },
	{ &text, R("1"), "E312" },
	{ &text, T, "E312" },
	{ &text, A(S("a")), "E312" },
	{ &list, A(S("a.example")), NULL },
	{ &list, "<array/>", NULL },
	{ &list, S("a.example"), "W411" },
	{ &list, A(S("a.example") I("1")), "E312" },
	{ &list, I("1"), "E312" },
	{ &bytes, B("YQ=="), NULL },
	{ &bytes, S("YQ=="), "E312" },
	{ &date, TIME("2030-01-02T03:04:05Z"), NULL },
	{ &date, S("2030-01-02T03:04:05Z"), "E312" },
	{ &date, I("1893553445"), "E312" },
	{ &real, R("3600.5"), NULL },
	{ &real, I("3600"), NULL },
	{ &real, S("3600"), "E312" },
	{ &real, R("-1"), "E341" },
	{ &real, R("1e300"), "E341" },
};

static char *insert(char *profile, const char *before, const char *what)
{
	char *at = strstr(profile, before), *whole = NULL;

	assert_non_null(at);
	assert_true(asprintf(&whole, "%.*s%s%s", (int)(at - profile), profile,
			     what, at) > 0);
	free(profile);
	return whole;
}

static char *with(const struct subject *subject, const char *value)
{
	static const char *const before[] = {
		[IN_PROFILE] = "<key>PayloadContent</key>",
		[IN_PAYLOAD] = "<key>VPN</key>",
		[IN_VPN] = "</dict><key>VendorConfig</key>",
		[IN_IPSEC] = "<key>VPN</key>",
	};
	char *profile = profile_text("u", ""), *what = NULL;
	char *at = strstr(profile, "<dict/><key>VendorConfig");
	bool wrap = subject->where == IN_IPSEC;

	assert_non_null(at);
	memcpy(at, "<dict >", 7); /* opened, to be closed below */
	profile = insert(profile, "<key>VendorConfig</key>", "</dict>");
	assert_true(asprintf(&what, "%s<key>%s</key>%s%s%s",
			     wrap ? "<key>IPSec</key><dict>" : "", subject->key,
			     value, wrap ? "</dict>" : "",
			     subject == &number ? "<key>DisconnectOnIdle</key>"
						  "<integer>1</integer>" :
						  "") > 0);
	profile = insert(profile, before[subject->where], what);
	free(what);
	return profile;
}

static void test_matrix(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct report report = { 0 };
		struct document *document = NULL;
		char *profile = with(rows[i].subject, rows[i].value);
		bool refused = rows[i].code && rows[i].code[0] == 'E';
		int r = parse_text("p", profile, &report, &document);

		if ((r < 0) != refused || report.n != (rows[i].code != NULL) ||
		    (report.n && strcmp(report.findings[0].code, rows[i].code)))
			fail_msg("%s %s: %s", rows[i].subject->key,
				 rows[i].value,
				 report.n ? report.findings[0].code :
					    "nothing");
		document_free(document);
		report_clear(&report);
		free(profile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
