/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of policy/ share: files, documents, policies as text. */
#ifndef SPLITD_TEST_POLICY_FIXTURE_H
#define SPLITD_TEST_POLICY_FIXTURE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/model/document.h"
#include "policy/plan/compile.h"
#include "policy/plan/explain.h"
#include "policy/plan/policy.h"
#include "policy/read/position.h"
#include "policy/read/report.h"

/* Tests run in the root of the source tree. */
#ifndef TEST_DATA
#define TEST_DATA "tests/data"
#endif

/* The file's bytes, NUL-terminated; NULL when it cannot be read. */
static inline char *slurp(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rb");
	char *bytes = NULL;
	size_t len = 0, n;

	if (!f)
		return NULL;
	do {
		bytes = realloc(bytes, len + 65537);
		assert_non_null(bytes);
		n = fread(bytes + len, 1, 65536, f);
		len += n;
	} while (n);
	fclose(f);
	bytes[len] = '\0';
	*ret_len = len;
	return bytes;
}

static inline int parse_text(const char *name, const char *text,
			     struct report *report, struct document **ret)
{
	return document_parse(name, text, strlen(text), report, ret);
}

/* A document of the test data; the test fails when it has an error. */
static inline struct document *load(const char *name, struct report *report)
{
	struct document *document = NULL;
	char path[512];
	size_t len = 0;
	char *bytes;

	snprintf(path, sizeof(path), TEST_DATA "/%s", name);
	bytes = slurp(path, &len);
	assert_non_null(bytes);
	assert_int_equal(document_parse(name, bytes, len, report, &document),
			 0);
	free(bytes);
	return document;
}

/* A host file with one body of Apps and one of Tunnels. */
static inline char *host_text(const char *apps, const char *tunnels)
{
	char *text = NULL;

	assert_true(asprintf(&text,
			     "<plist version=\"1.0\"><dict>"
			     "<key>Apps</key><dict>%s</dict>"
			     "<key>Tunnels</key><dict>%s</dict>"
			     "</dict></plist>",
			     apps, tunnels) > 0);
	return text;
}

/* A profile with one applayer payload; extra goes into VendorConfig. */
static inline char *profile_text(const char *uuid, const char *extra)
{
	char *text = NULL;

	assert_true(
		asprintf(&text,
			 "<plist version=\"1.0\"><dict>"
			 "<key>PayloadType</key><string>Configuration</string>"
			 "<key>PayloadVersion</key><integer>1</integer>"
			 "<key>PayloadIdentifier</key><string>p.%s</string>"
			 "<key>PayloadUUID</key>"
			 "<string>5f0c2a1e-0000-4000-8000-000000000001</string>"
			 "<key>PayloadContent</key><array><dict>"
			 "<key>PayloadType</key>"
			 "<string>com.apple.vpn.managed.applayer</string>"
			 "<key>PayloadVersion</key><integer>1</integer>"
			 "<key>PayloadIdentifier</key><string>i</string>"
			 "<key>PayloadUUID</key>"
			 "<string>5f0c2a1e-0000-4000-8000-000000000002</string>"
			 "<key>UserDefinedName</key><string>Office</string>"
			 "<key>VPNUUID</key><string>%s</string>"
			 "<key>VPNType</key><string>VPN</string>"
			 "<key>VPNSubType</key><string>x</string>"
			 "<key>VPN</key><dict/>"
			 "<key>VendorConfig</key><dict>%s</dict>"
			 "</dict></array></dict></plist>",
			 uuid, uuid, extra) > 0);
	return text;
}

/* A command that links an app; uuid NULL takes the link off. */
static inline char *command_text(const char *app, const char *uuid)
{
	char *text = NULL;

	assert_true(asprintf(&text,
			     "<plist version=\"1.0\"><dict><key>Command</key>"
			     "<dict><key>RequestType</key>"
			     "<string>Settings</string><key>Settings</key>"
			     "<array><dict><key>Item</key>"
			     "<string>ApplicationAttributes</string>"
			     "<key>Identifier</key><string>%s</string>"
			     "<key>Attributes</key><dict>%s%s%s</dict>"
			     "</dict></array></dict></dict></plist>",
			     app, uuid ? "<key>VPNUUID</key><string>" : "",
			     uuid ? uuid : "", uuid ? "</string>" : "") > 0);
	return text;
}

/* Parses and compiles named texts; the texts are freed. */
static inline int build(char **texts, size_t n, struct report *report,
			struct policy **ret)
{
	struct document *documents[8] = { NULL };
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%c.plist", (int)('a' + i));
		r = parse_text(name, texts[i], report, &documents[i]);
		free(texts[i]);
		assert_int_equal(r, 0);
	}
	r = policy_compile(documents, n, report, ret);
	for (size_t i = 0; i < n; i++)
		document_free(documents[i]);
	return r;
}

static inline void print_report(FILE *out, const struct report *report)
{
	char line[16384];

	for (size_t i = 0; i < report->n; i++) {
		finding_format(&report->findings[i], line, sizeof(line));
		fprintf(out, "%s\n", line);
	}
}

/* True when a finding has the code and its text holds part. */
static inline bool has_finding(const struct report *report, const char *code,
			       const char *part)
{
	char line[16384];

	for (size_t i = 0; i < report->n; i++) {
		finding_format(&report->findings[i], line, sizeof(line));
		if (strcmp(report->findings[i].code, code) == 0 &&
		    strstr(line, part))
			return true;
	}
	return false;
}

static inline void print_origin(FILE *out, const struct policy *policy,
				uint32_t index)
{
	const struct origin *origin = &policy->origins[index];
	char position[POSITION_MAX];

	position_format(origin->line, origin->column, position,
			sizeof(position));
	for (char *p = position; *p; p++)
		if (*p == ' ')
			*p = '-';
	fprintf(out, " @%u %s:%s %s\n", index, origin->file, position,
		origin->key_path);
}

/* Everything a policy says, origins and their numbers included. */
static inline char *policy_text(const struct policy *policy)
{
	char *text = NULL, prefix[64];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (size_t i = 0; i < policy->n_tunnels; i++) {
		const struct tunnel *t = &policy->tunnels[i];

		fprintf(out, "tunnel %s '%s' %s %d %d %d %d %zu %zu", t->uuid,
			t->name, t->interface ? t->interface : "-",
			t->has_profile, t->when_down, t->routing_mode,
			t->inbound, t->n_included, t->n_excluded);
		print_origin(out, policy, t->origin);
		for (size_t k = 0; k < t->n_prefixes; k++) {
			prefix_format(&t->prefixes[k], prefix, sizeof(prefix));
			fprintf(out, " %s %s%s", prefix,
				t->prefixes[k].excluded ? "excluded" :
							  "included",
				t->prefixes[k].built_in ? " built in" : "");
			print_origin(out, policy, t->prefixes[k].origin);
		}
	}
	for (size_t i = 0; i < policy->n_apps; i++) {
		const struct app *a = &policy->apps[i];

		fprintf(out, "app %s -> %s %d", a->id,
			a->linked_uuid ? a->linked_uuid : "-", (int)a->tunnel);
		print_origin(out, policy, a->origin);
		for (size_t k = 0; k < a->n_selectors; k++) {
			fprintf(out, " %d %s %s", a->selectors[k].kind,
				a->selectors[k].path, a->selectors[k].text);
			print_origin(out, policy, a->selectors[k].origin);
		}
	}
	fclose(out);
	return text;
}

#endif
