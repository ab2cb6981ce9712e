/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an MDM server is answered: the shape, whatever went wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loader/daemon/check.h"
#include "loader/daemon/daemon.h"
#include "loader/daemon/install.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/mdm_result.h"
#include "loader/daemon/sandbox.h"
#include "policy/model/document.h"
#include "policy/plan/policy.h"
#include "policy/read/report.h"

#define COMMAND(body)                                                          \
	"<plist version=\"1.0\"><dict><key>CommandUUID</key>"                  \
	"<string>c1</string><key>Command</key><dict>" body                     \
	"</dict></dict></plist>"
#define REQUEST(type) "<key>RequestType</key><string>" type "</string>"
#define ITEM(id)                                                               \
	"<dict><key>Item</key><string>ApplicationAttributes</string>"          \
	"<key>Identifier</key><string>" id "</string></dict>"

static struct document *parse(const char *text)
{
	struct document *document = NULL;
	struct report report = { 0 };

	assert_int_equal(
		document_parse("f", text, strlen(text), &report, &document), 0);
	report_clear(&report);
	return document;
}

/* As the daemon makes it: what the store or the files said, else the system. */
static json_t *outcome_of(int r, const struct report *report, const char *error)
{
	return json_pack("{s:b, s:s?, s:o}", "done", r == 0, "error",
			 r == 0 ? NULL : error, "errors",
			 findings_json(report));
}

/* Numbers, domain and both texts, in every link of the chain. */
static void expect_chain(const json_t *holder, const char *domain, int number)
{
	const json_t *chain = json_object_get(holder, "ErrorChain"), *link;
	size_t i;

	assert_true(json_array_size(chain) > 0);
	json_array_foreach(chain, i, link) {
		assert_int_equal(json_object_size(link), 4);
		assert_int_equal(
			json_integer_value(json_object_get(link, "ErrorCode")),
			number);
		assert_string_equal(
			json_string_value(json_object_get(link, "ErrorDomain")),
			domain);
		assert_true(json_string_length(json_object_get(
				    link, "LocalizedDescription")) > 0);
		assert_true(json_string_length(json_object_get(
				    link, "USEnglishDescription")) > 0);
	}
}

static const struct {
	const char *text;
	int r; /* of the store */
	int number;
	bool is_system;
	size_t items;
} cases[] = {
	{ COMMAND(REQUEST(
		  "RemoveProfile") "<key>Identifier</key><string>x</string>"),
	  -ENOENT, 363, false, 0 },
	{ COMMAND(REQUEST(
		  "RemoveProfile") "<key>Identifier</key><string>x</string>"),
	  -ENOSPC, ENOSPC, true, 0 },
	{ COMMAND(REQUEST("Settings") "<key>Settings</key><array>" ITEM("a")
			  ITEM("b") "</array>"),
	  -ENOMEM, ENOMEM, true, 2 },
	{ COMMAND(REQUEST("Settings") "<key>Settings</key><array>" ITEM(
		  "a") "</array>"),
	  -EKEYREJECTED, 212, false, 1 },
	{ "<plist version=\"1.0\"><dict><key>Apps</key><dict/></dict></plist>",
	  -EINVAL, 303, false, 0 },
	{ COMMAND(REQUEST("Settings") "<key>Settings</key><array>" ITEM(
		  "a") "</array>"),
	  0, 0, false, 1 },
	{ COMMAND(REQUEST("ProfileList")), 0, 0, false, 0 },
};

static void expect_items(const json_t *result, size_t n, const char *domain,
			 int number)
{
	const json_t *items = json_object_get(result, "Settings"), *item;
	size_t i;

	assert_int_equal(json_array_size(items), n);
	json_array_foreach(items, i, item) {
		assert_true(
			json_is_string(json_object_get(item, "Identifier")));
		assert_string_equal(
			json_string_value(json_object_get(item, "Status")),
			number ? "Error" : "Acknowledged");
		if (number)
			expect_chain(item, domain, number);
		else
			assert_null(json_object_get(item, "ErrorChain"));
	}
}

static void test_results(void **state)
{
	struct policy none = { 0 };
	struct daemon daemon = { .policy = &none };

	(void)state;
	assert_int_equal(installed_peek("/nonexistent", &daemon.installed), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct document *document = parse(cases[i].text);
		struct report report = { 0 };
		const char *error = NULL, *domain = "splitd";
		json_t *outcome, *result;

		if (cases[i].r < 0)
			error = install_refuse(cases[i].r, document, &report);
		if (cases[i].is_system)
			domain = "NSPOSIXErrorDomain";
		outcome = outcome_of(cases[i].r, &report, error);
		result = mdm_result(&daemon, document, outcome, cases[i].r);
		assert_string_equal(
			json_string_value(json_object_get(result, "Status")),
			cases[i].r ? "Error" : "Acknowledged");
		if (document_kind(document) == DOCUMENT_COMMAND)
			assert_string_equal(json_string_value(json_object_get(
						    result, "CommandUUID")),
					    "c1");
		expect_items(result, cases[i].items, domain, cases[i].number);
		if (cases[i].r)
			expect_chain(result, domain, cases[i].number);
		else
			assert_null(json_object_get(result, "ErrorChain"));
		json_decref(outcome);
		json_decref(result);
		report_clear(&report);
		document_free(document);
	}
	installed_close(daemon.installed);
}

static void expect_text(const json_t *object, const char *key, const char *text)
{
	assert_string_equal(json_string_value(json_object_get(object, key)),
			    text);
}

/* A query is answered for the apps it names, as far as they are linked. */
static void test_attributes(void **state)
{
	static const char text[] = COMMAND(REQUEST(
		"ManagedApplicationAttributes") "<key>Identifiers</key>"
						"<array><string>b</"
						"string><string>none</string>"
						"<string>free</string></"
						"array>");
	struct app apps[] = { { .id = "a", .linked_uuid = "u" },
			      { .id = "b", .linked_uuid = "v" },
			      { .id = "free" } };
	struct policy policy = { .apps = apps, .n_apps = 3 };
	struct daemon daemon = { .policy = &policy };
	struct report none = { 0 };
	struct document *document = NULL;
	json_t *outcome, *result, *list, *first;

	(void)state;
	assert_int_equal(sandbox_parse("f", text, strlen(text), NULL, &none,
				       &document),
			 0);
	outcome = outcome_of(0, &none, NULL);
	result = mdm_result(&daemon, document, outcome, 0);
	list = json_object_get(result, "ApplicationAttributes");
	assert_int_equal(json_array_size(list), 1);
	first = json_array_get(list, 0);
	expect_text(first, "Identifier", "b");
	expect_text(json_object_get(first, "Attributes"), "VPNUUID", "v");
	json_decref(outcome);
	json_decref(result);
	report_clear(&none);
	document_free(document);
}

/* A file that could not be read at all: its own errors, each with its number.
 */
static void test_unread(void **state)
{
	static const char text[] = COMMAND(REQUEST("Frobnicate"));
	struct policy none = { 0 };
	struct daemon daemon = { .policy = &none };
	struct document *document = NULL;
	struct report report = { 0 };
	json_t *outcome, *result;

	(void)state;
	assert_int_equal(document_parse("f", text, strlen(text), &report,
					&document),
			 -EBADMSG);
	outcome = outcome_of(-EBADMSG, &report, "the file is not valid");
	assert_int_equal(sandbox_identify("f", text, strlen(text), &document),
			 0);
	result = mdm_result(&daemon, document, outcome, -EBADMSG);
	expect_chain(result, "splitd", 360);
	expect_text(result, "CommandUUID", "c1");
	expect_text(result, "RequestType", "Frobnicate");
	document_free(document);
	json_decref(result);

	/* Of what is no command nothing is known. */
	document = NULL;
	assert_int_equal(sandbox_identify("f", "<plist", 6, &document),
			 -EBADMSG);
	assert_null(document);
	result = mdm_result(&daemon, NULL, outcome, -EBADMSG);
	assert_null(json_object_get(result, "CommandUUID"));
	json_decref(outcome);
	json_decref(result);
	report_clear(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
