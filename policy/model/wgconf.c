/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WireGuard's configuration text: its lines, sections and keys. */

/*
 * The grammar is the strict one of WireGuard's Apple apps, which wrote these
 * texts: every key once a section but the lists, nothing outside a section,
 * no key twice among the peers. What wg-quick would run as root (PreUp and its
 * like) is refused without exception: a profile must not execute anything.
 *
 * A line that cannot be understood is never shown: it may be half of a key.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/model/wgconf.h"
#include "policy/read/cleanup.h"
#include "policy/read/sort.h"

#define KEY_CHARS_MIN 40 /* so much base64 in a row may be a key */
#define ALLOWED_MAX   4096
#define MTU_MIN	      576
#define MTU_MIN_IPV6  1280 /* RFC 8200, section 5 */

static bool may_be_key(const char *text)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/=";

	while (*text) {
		size_t n = strspn(text, base64);

		if (n >= KEY_CHARS_MIN)
			return true;
		text += n + strcspn(text + n, base64);
	}
	return false;
}

void wgconf_complain(struct wgconf *wg, const char *code, const char *shown,
		     const char *format, ...)
{
	char message[256];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (shown && may_be_key(shown))
		shown = "<redacted>";
	reading_complain(wg->reading, code, wg->value, wg->trail, shown, "%s",
			 message);
}

/* The same at another line. */
static void complain_line(struct wgconf *wg, const char *code, uint32_t line,
			  const char *message)
{
	uint32_t open_line = wg->reading->text_line;

	wg->reading->text_line = line;
	wgconf_complain(wg, code, NULL, "%s", message);
	wg->reading->text_line = open_line;
}

static uint32_t bit_of(const struct wg_rule *rule)
{
	return 1U << (rule - wg_rules);
}

static bool has_seen(const struct wgconf *wg, const char *name)
{
	for (const struct wg_rule *rule = wg_rules; rule->name; rule++)
		if (strcmp(rule->name, name) == 0)
			return wg->seen & bit_of(rule);
	return false;
}

static void end_section(struct wgconf *wg)
{
	if (wg->section != WG_PEER)
		return;
	if (!has_seen(wg, "PublicKey"))
		complain_line(wg, "E481", wg->section_line,
			      "peer without PublicKey");
	if (!has_seen(wg, "AllowedIPs"))
		complain_line(wg, "W479", wg->section_line,
			      "peer without AllowedIPs: nothing enters the "
			      "tunnel by it");
}

static void open_section(struct wgconf *wg, const char *text)
{
	end_section(wg);
	wg->seen = 0;
	wg->section_line = wg->reading->text_line;
	wg->section = WG_PEER;
	if (strcasecmp(text, "[Peer]") == 0)
		return;

	wg->section = WG_INTERFACE;
	if (strcasecmp(text, "[Interface]") != 0) {
		wgconf_complain(wg, "E483", NULL,
				"unknown section; [Interface] and [Peer] are "
				"known");
		return;
	}
	if (wg->interface_line)
		wgconf_complain(wg, "E472", NULL,
				"second [Interface]; the first is in line %u",
				wg->interface_line);
	else
		wg->interface_line = wg->section_line;
}

static const struct wg_rule *find_rule(const char *key)
{
	for (const struct wg_rule *rule = wg_rules; rule->name; rule++)
		if (strcasecmp(rule->name, key) == 0)
			return rule;
	return NULL;
}

static void complain_unknown(struct wgconf *wg, const char *key)
{
	const char *names[32] = { NULL };
	const char *meant;

	for (size_t i = 0; wg_rules[i].name && i < 31; i++)
		names[i] = wg_rules[i].name;
	meant = suggest(key, names);
	wgconf_complain(wg, "E483", NULL, "unknown key%s%s%s",
			meant ? ", did you mean " : "", meant ? meant : "",
			meant ? "?" : "");
}

static void read_key(struct wgconf *wg, const char *key, char *text)
{
	const struct wg_rule *rule = find_rule(key);

	if (!rule) {
		complain_unknown(wg, key);
		return;
	}
	reading_note(wg->reading, wg->trail, rule->treatment, rule->note);
	if (wg->section == WG_NONE) {
		wgconf_complain(wg, "E471", NULL, "%s before any section",
				rule->name);
		return;
	}
	if (wg->section != rule->section) {
		wgconf_complain(
			wg, "E483", NULL, "%s belongs in [%s]", rule->name,
			rule->section == WG_PEER ? "Peer" : "Interface");
		return;
	}
	if (!rule->repeats && wg->seen & bit_of(rule)) {
		wgconf_complain(wg, "E472", NULL,
				"second %s in the section of line %u",
				rule->name, wg->section_line);
		return;
	}
	wg->seen |= bit_of(rule);
	rule->read(wg, rule, text);
}

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t\r");
	n = strlen(text);
	while (n && strchr(" \t\r", text[n - 1]))
		n--;
	text[n] = '\0';
	return text;
}

static void read_line(struct wgconf *wg, char *line)
{
	char *text, *equals;

	line[strcspn(line, "#")] = '\0';
	text = trim(line);
	equals = strchr(text, '=');
	if (!*text)
		return;
	if (*text == '[') {
		open_section(wg, text);
	} else if (!equals) {
		wgconf_complain(wg, "E483", NULL,
				"neither a section nor KEY = VALUE");
	} else {
		*equals = '\0';
		read_key(wg, trim(text), trim(equals + 1));
	}
}

static int compare_peers(const void *a, const void *b)
{
	const struct wg_peer *x = a, *y = b;
	int order = memcmp(x->key, y->key, sizeof(x->key));

	return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

static void check_peers(struct wgconf *wg)
{
	if (wg->n_peers)
		sort_items(wg->peers, wg->n_peers, sizeof(*wg->peers),
			   compare_peers);
	for (size_t i = 1; i < wg->n_peers; i++) {
		const struct wg_peer *first = &wg->peers[i - 1];
		char message[96];

		if (memcmp(first->key, wg->peers[i].key, WG_KEY_BYTES) != 0)
			continue;
		snprintf(message, sizeof(message),
			 "same PublicKey as the peer in line %u", first->line);
		complain_line(wg, "E473", wg->peers[i].line, message);
	}
}

/* What only the whole text tells. */
static void check_whole(struct wgconf *wg)
{
	struct reading *reading = wg->reading;

	end_section(wg);
	reading->text_line = 0;
	if (!wg->interface_line)
		wgconf_complain(wg, "E484", NULL, "no [Interface] section");
	check_peers(wg);
	if (wg->allowed.n > ALLOWED_MAX)
		wgconf_complain(wg, "E116", NULL, "more than %d AllowedIPs",
				ALLOWED_MAX);
	if (wg->allows_all_ipv4 && !wg->allows_ipv6)
		wgconf_complain(wg, "W480", NULL,
				"0.0.0.0/0 without an IPv6 route: IPv6 of the "
				"apps goes direct");
	if (wg->mtu_line && (wg->mtu < MTU_MIN ||
			     (wg->mtu < MTU_MIN_IPV6 && wg->has_ipv6_address)))
		complain_line(wg, "E485", wg->mtu_line,
			      wg->has_ipv6_address ?
				      "MTU must be at least 1280 with an IPv6 "
				      "address" :
				      "MTU must be at least 576");
}

/* AllowedIPs, and behind them what Address implies. */
static void take_routes(struct wgconf *wg, struct tunnel_entry *entry)
{
	struct route_list *list = &entry->included;

	list->at = reading_spot(wg->reading, wg->value, wg->trail);
	list->by_line = true;
	list->routes = wg->allowed.routes;
	if (wg->implied.n)
		memcpy(wg->allowed.routes + wg->allowed.n, wg->implied.routes,
		       wg->implied.n * sizeof(*wg->implied.routes));
	list->n = wg->allowed.n + wg->implied.n;
}

/* As many routes, and as many lines, as the text can possibly hold. */
static bool prepare(struct wgconf *wg, const char *text)
{
	size_t n_items = 1, n_lines = 1;

	for (; *text; text++) {
		n_items += *text == ',' || *text == '\n';
		n_lines += *text == '\n';
	}
	wg->allowed.routes =
		reading_array(wg->reading, n_items, sizeof(struct route));
	wg->implied.routes = calloc(n_items, sizeof(struct route));
	wg->peers = calloc(n_lines, sizeof(*wg->peers));
	if (!wg->implied.routes || !wg->peers)
		wg->reading->error = -ENOMEM;
	return !wg->reading->error;
}

static void read_text(struct wgconf *wg, char *text)
{
	uint32_t line = 1;

	for (char *next; text; text = next, line++) {
		next = strchr(text, '\n');
		if (next)
			*next++ = '\0';
		wg->reading->text_line = line;
		read_line(wg, text);
	}
	check_whole(wg);
}

bool wgconf_read(struct reading *reading, const struct value *value,
		 const struct trail *trail, const char *remote,
		 struct tunnel_entry *entry)
{
	struct wgconf wg = { .reading = reading,
			     .value = value,
			     .trail = trail,
			     .remote = remote };
	char *text = strdup(value->string);

	if (!text) {
		reading->error = -ENOMEM;
		return false;
	}
	if (prepare(&wg, text)) {
		read_text(&wg, text);
		take_routes(&wg, entry);
	}
	explicit_bzero(text, value->n);
	free(text);
	free(wg.implied.routes);
	free(wg.peers);
	return remote && wg.n_endpoints && !wg.remote_found;
}
