/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long a large policy takes from text to compiled, and what it costs. */

/*
 * 1,000,000 prefixes over 255 tunnels in one host file, one profile for each
 * tunnel, 4,096 links; before that a quarter and a half of the prefixes, which
 * shows how time grows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "policy/model/document.h"
#include "policy/plan/compile.h"
#include "policy/plan/policy.h"
#include "policy/read/report.h"

#define TUNNELS	 255
#define LINKS	 4096
#define COMMANDS 4 /* that many files hold the links: each has a budget */
#define PREFIXES 1000000

#define PLIST	 "<plist version=\"1.0\"><dict>"
#define END	 "</dict></plist>"

struct text {
	char *bytes;
	size_t len;
	FILE *out;
};

static void text_open(struct text *text)
{
	text->out = open_memstream(&text->bytes, &text->len);
	if (!text->out)
		abort();
}

/* Shuffled: a list that comes sorted would flatter the sort. */
static void put_routes(FILE *out, unsigned int tunnel, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		unsigned int k = (i * 2654435761U + tunnel) & 0xffffff;

		fprintf(out, "<string>%u.%u.%u.%u/32</string>\n",
			1 + tunnel % 120, k >> 16, k >> 8 & 255, k & 255);
	}
}

static void put_host(FILE *out, unsigned int n_prefixes)
{
	fputs(PLIST "<key>Apps</key><dict>\n", out);
	for (unsigned int i = 0; i < LINKS; i++)
		fprintf(out,
			"<key>com.example.app%u</key><array><string>"
			"exe:/usr/bin/app%u</string></array>\n",
			i, i);
	fputs("</dict><key>Tunnels</key><dict>\n", out);
	for (unsigned int t = 0; t < TUNNELS; t++) {
		fprintf(out,
			"<key>tunnel%u</key><dict><key>Interface</key>"
			"<string>wg%u</string><key>IncludedRoutes</key>"
			"<array>\n",
			t, t);
		put_routes(out, t,
			   n_prefixes / TUNNELS + (t < n_prefixes % TUNNELS));
		fputs("</array></dict>\n", out);
	}
	fputs("</dict>" END, out);
}

static void put_common(FILE *out, const char *type, unsigned int i)
{
	fprintf(out,
		"<key>PayloadType</key><string>%s</string>"
		"<key>PayloadVersion</key><integer>1</integer>"
		"<key>PayloadIdentifier</key><string>p%u</string>"
		"<key>PayloadUUID</key>"
		"<string>5f0c2a1e-0000-4000-8000-%012x</string>",
		type, i, i);
}

static void put_profile(FILE *out, unsigned int i)
{
	fputs(PLIST, out);
	put_common(out, "Configuration", i);
	fputs("<key>PayloadContent</key><array><dict>", out);
	put_common(out, "com.apple.vpn.managed.applayer", i + TUNNELS);
	fprintf(out,
		"<key>VPNUUID</key><string>tunnel%u</string>"
		"<key>VPNType</key><string>VPN</string><key>VPNSubType</key>"
		"<string>com.example</string><key>UserDefinedName</key>"
		"<string>t</string><key>VPN</key><dict/></dict></array>" END,
		i);
}

static void put_links(FILE *out, unsigned int command)
{
	fputs(PLIST "<key>Command</key><dict><key>RequestType</key>"
		    "<string>Settings</string><key>Settings</key><array>\n",
	      out);
	for (unsigned int i = command; i < LINKS; i += COMMANDS)
		fprintf(out,
			"<dict><key>Item</key><string>ApplicationAttributes"
			"</string><key>Identifier</key><string>com.example."
			"app%u</string><key>Attributes</key><dict>"
			"<key>VPNUUID</key><string>tunnel%u</string></dict>"
			"</dict>\n",
			i, i % TUNNELS);
	fputs("</array></dict>" END, out);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static struct document *read_text(struct text *text, const char *name,
				  struct report *report)
{
	struct document *document = NULL;

	fclose(text->out);
	if (document_parse(name, text->bytes, text->len, report, &document) <
	    0) {
		fprintf(stderr, "%s does not parse\n", name);
		exit(1);
	}
	free(text->bytes);
	return document;
}

/* Host file, commands, profiles; returns how many. */
static size_t read_all(struct document **documents, unsigned int n_prefixes,
		       struct report *report)
{
	struct text text = { 0 };
	char name[32];
	size_t n = 0;

	text_open(&text);
	put_host(text.out, n_prefixes);
	documents[n++] = read_text(&text, "host", report);
	for (unsigned int i = 0; i < COMMANDS; i++) {
		text_open(&text);
		put_links(text.out, i);
		snprintf(name, sizeof(name), "links%u", i);
		documents[n++] = read_text(&text, name, report);
	}
	for (unsigned int i = 0; i < TUNNELS; i++) {
		text_open(&text);
		put_profile(text.out, i);
		snprintf(name, sizeof(name), "profile%u", i);
		documents[n++] = read_text(&text, name, report);
	}
	return n;
}

static size_t count_included(const struct policy *policy)
{
	size_t n = 0;

	for (size_t i = 0; i < policy->n_tunnels; i++)
		n += policy->tunnels[i].n_included;
	return n;
}

static void run(unsigned int n_prefixes)
{
	static struct document *documents[TUNNELS + COMMANDS + 1];
	struct report report = { 0 };
	struct policy *policy = NULL;
	double start = seconds();
	size_t n = read_all(documents, n_prefixes, &report);
	double parsed = seconds();

	if (policy_compile(documents, n, &report, &policy) < 0 ||
	    count_included(policy) != n_prefixes || policy->n_apps != LINKS) {
		fprintf(stderr, "the policy does not compile, or not to all "
				"of it\n");
		exit(1);
	}
	printf("%u prefixes, %d tunnels, %d links: read %.2f s, compiled "
	       "%.2f s, peak %ld MiB\n",
	       n_prefixes, TUNNELS, LINKS, parsed - start, seconds() - parsed,
	       peak_kib() / 1024);
	while (n)
		document_free(documents[--n]);
	policy_free(policy);
	report_clear(&report);
}

int main(void)
{
	run(PREFIXES / 4);
	run(PREFIXES / 2);
	run(PREFIXES);
	return 0;
}
