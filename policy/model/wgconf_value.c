/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WireGuard's configuration text: what each key takes. */

/*
 * One reader for each kind of value, and the table that names them with what
 * this build does. What could be a key is decoded to see that it is one, and
 * wiped; only routes are kept.
 */
#include <string.h>
#include <strings.h>

#include "policy/model/domain.h"
#include "policy/model/prefix.h"
#include "policy/model/wgconf.h"
#include "policy/plan/explain.h"
#include "policy/read/scalar.h"

#define KEY_CHARS 44 /* base64 of 32 bytes */
#define PORT_MAX  65535

/* The next of some words between commas; NULL at the end. */
static char *next_item(char **rest)
{
	char *item = *rest, *comma;
	size_t n;

	if (!item)
		return NULL;
	comma = strchr(item, ',');
	*rest = comma ? comma + 1 : NULL;
	if (comma)
		*comma = '\0';
	item += strspn(item, " \t");
	n = strlen(item);
	while (n && strchr(" \t", item[n - 1]))
		n--;
	item[n] = '\0';
	return item;
}

static bool parse_number(const char *text, uint32_t max, uint32_t *ret)
{
	int64_t number;

	if (scalar_integer(text, &number) < 0 || number < 0 || number > max)
		return false;
	*ret = (uint32_t)number;
	return true;
}

static bool decode_key(const char *text, unsigned char key[WG_KEY_BYTES])
{
	unsigned char bytes[KEY_CHARS / 4 * 3];
	const char *problem;
	size_t n = 0;
	bool good;

	if (strlen(text) != KEY_CHARS || strpbrk(text, " \t"))
		return false;
	good = scalar_data(text, KEY_CHARS, bytes, &n, &problem) == 0 &&
	       n == WG_KEY_BYTES;
	if (good)
		memcpy(key, bytes, WG_KEY_BYTES);
	explicit_bzero(bytes, sizeof(bytes));
	return good;
}

/* Looked at, and forgotten: this version loads no key. */
static void read_secret(struct wgconf *wg, const struct wg_rule *rule,
			char *text)
{
	static const unsigned char zero[WG_KEY_BYTES];
	unsigned char key[WG_KEY_BYTES];
	bool good = decode_key(text, key);

	if (!good)
		wgconf_complain(wg, "E481", "<redacted>",
				"%s is not 32 bytes of base64", rule->name);
	else if (strcmp(rule->name, "PrivateKey") == 0 &&
		 memcmp(key, zero, sizeof(key)) == 0)
		wgconf_complain(wg, "E481", "<redacted>", "%s is all zero",
				rule->name);
	explicit_bzero(key, sizeof(key));
}

static void read_public_key(struct wgconf *wg, const struct wg_rule *rule,
			    char *text)
{
	struct wg_peer *peer = &wg->peers[wg->n_peers];

	/* what stands here by mistake may be secret */
	if (!decode_key(text, peer->key)) {
		wgconf_complain(wg, "E481", "<redacted>",
				"%s is not 32 bytes of base64", rule->name);
		return;
	}
	peer->line = wg->reading->text_line;
	wg->n_peers++;
}

/* An address alone is its own network. */
static bool parse_network(struct wgconf *wg, const char *text, bool *ret_host,
			  struct route *route)
{
	const char *problem;

	memset(route, 0, sizeof(*route));
	*ret_host = false;
	route->len = 128;
	if (!strchr(text, '/') && address_parse(text, &route->addr) == 0)
		return true;
	if (prefix_parse(text, &route->addr, &route->len, ret_host, &problem) <
	    0) {
		wgconf_complain(wg, "E474", text, "%s", problem);
		return false;
	}
	return true;
}

static void add_route(struct wgconf *wg, struct wg_routes *routes,
		      const struct route *route)
{
	struct route *added = &routes->routes[routes->n++];

	*added = *route;
	added->line = wg->value->line;
	added->column = wg->value->column;
	added->index = wg->reading->text_line;
}

static bool is_ipv6(const struct route *route)
{
	return route->len < MAPPED_BITS || !IN6_IS_ADDR_V4MAPPED(&route->addr);
}

static void read_allowed(struct wgconf *wg, const struct wg_rule *rule,
			 char *text)
{
	bool had_host_bits;
	struct route route;

	(void)rule;
	if (!*text)
		return;
	for (char *item; (item = next_item(&text));) {
		if (!parse_network(wg, item, &had_host_bits, &route))
			continue;
		if (had_host_bits)
			wgconf_complain(wg, "W475", item,
					"bits behind the prefix length are "
					"ignored");
		add_route(wg, &wg->allowed, &route);
		wg->allows_ipv6 |= is_ipv6(&route);
		wg->allows_all_ipv4 |= !is_ipv6(&route) &&
				       route.len == MAPPED_BITS;
	}
}

static void read_address(struct wgconf *wg, const struct wg_rule *rule,
			 char *text)
{
	bool had_host_bits;
	struct route route;

	(void)rule;
	for (char *item; (item = next_item(&text));) {
		if (!parse_network(wg, item, &had_host_bits, &route))
			continue;
		route.implied = true;
		add_route(wg, &wg->implied, &route);
		wg->has_ipv6_address |= is_ipv6(&route);
	}
}

static void read_dns(struct wgconf *wg, const struct wg_rule *rule, char *text)
{
	char name[DOMAIN_MAX + 1];
	struct in6_addr addr;
	const char *problem;

	(void)rule;
	for (char *item; (item = next_item(&text));)
		if (address_parse(item, &addr) < 0 &&
		    domain_parse(item, name, &problem) < 0)
			wgconf_complain(wg, "E353", item,
					"neither an address nor a domain");
}

static void read_mtu(struct wgconf *wg, const struct wg_rule *rule, char *text)
{
	(void)rule;
	if (!parse_number(text, PORT_MAX, &wg->mtu))
		wgconf_complain(wg, "E485", text,
				"MTU is not a number in 576..65535");
	else if (wg->mtu) /* 0: automatic */
		wg->mtu_line = wg->reading->text_line;
}

static void read_number(struct wgconf *wg, const struct wg_rule *rule,
			char *text)
{
	uint32_t number;

	if (strcmp(rule->name, "PersistentKeepalive") == 0 &&
	    strcasecmp(text, "off") == 0)
		return;
	if (!parse_number(text, PORT_MAX, &number))
		wgconf_complain(wg, "E486", text, "%s is not in 0..65535",
				rule->name);
}

static bool is_host(const char *host, bool in_brackets)
{
	char name[DOMAIN_MAX + 1];
	struct in6_addr addr;
	const char *problem;

	if (in_brackets || strchr(host, ':'))
		return in_brackets && strchr(host, ':') &&
		       address_parse(host, &addr) == 0;
	return host[0] != '*' && domain_parse(host, name, &problem) == 0;
}

/* HOST:PORT or [IPV6]:PORT; cuts the text at the port. */
static bool parse_endpoint(char *text)
{
	char *colon = strrchr(text, ':');
	bool in_brackets = text[0] == '[';
	uint32_t port;

	if (!colon || !parse_number(colon + 1, PORT_MAX, &port) || !port)
		return false;
	*colon = '\0';
	if (in_brackets) {
		if (colon[-1] != ']' || colon - text < 3)
			return false;
		colon[-1] = '\0';
	}
	return is_host(text + in_brackets, in_brackets);
}

static void read_endpoint(struct wgconf *wg, const struct wg_rule *rule,
			  char *text)
{
	char shown[DOMAIN_MAX + 16];
	bool too_long = strlen(text) >= sizeof(shown);

	(void)rule;
	memset(shown, 0, sizeof(shown));
	memcpy(shown, text, too_long ? sizeof(shown) - 1 : strlen(text));
	if (too_long || !parse_endpoint(text)) {
		wgconf_complain(wg, "E482", shown,
				"not HOST:PORT or [IPV6]:PORT");
		return;
	}
	wg->n_endpoints++;
	if (wg->remote && strcasecmp(wg->remote, shown) == 0)
		wg->remote_found = true;
}

static void read_table(struct wgconf *wg, const struct wg_rule *rule,
		       char *text)
{
	(void)rule;
	if (strcasecmp(text, "off") != 0 && strcasecmp(text, "auto") != 0)
		wgconf_complain(wg, "W477", text,
				"ignored: splitd has routing tables of its "
				"own");
}

static void read_mark(struct wgconf *wg, const struct wg_rule *rule, char *text)
{
	(void)rule;
	if (strcasecmp(text, "off") != 0 && strcmp(text, "0") != 0)
		wgconf_complain(wg, "W478", text,
				"ignored: splitd has marks of its own");
}

static void read_save(struct wgconf *wg, const struct wg_rule *rule, char *text)
{
	(void)rule;
	if (strcasecmp(text, "false") != 0)
		wgconf_complain(wg, "W487", text,
				"ignored: splitd writes no configuration back");
}

static void read_hook(struct wgconf *wg, const struct wg_rule *rule, char *text)
{
	(void)text;
	wgconf_complain(wg, "E470", NULL,
			"%s is refused: a profile must not run commands",
			rule->name);
}

#define ENF	  TREATMENT_ENFORCED
#define MAP	  TREATMENT_MAPPED
#define NA	  TREATMENT_NOT_APPLICABLE
#define META	  TREATMENT_METADATA
#define REJ	  TREATMENT_REFUSED
#define NYET	  TREATMENT_NOT_YET

#define NO_DEVICE "this version binds an existing interface"
#define HOOK(name)                                                             \
	{                                                                      \
		(name), WG_INTERFACE, true, REJ,                               \
			name ": a profile must not run commands", read_hook    \
	}

const struct wg_rule wg_rules[] = {
	{ "PrivateKey", WG_INTERFACE, false, NYET,
	  "PrivateKey: no key is loaded, " NO_DEVICE, read_secret },
	{ "ListenPort", WG_INTERFACE, false, NYET, "ListenPort: " NO_DEVICE,
	  read_number },
	{ "Address", WG_INTERFACE, true, MAP,
	  "Address: its network is an included route, implied by Address",
	  read_address },
	{ "DNS", WG_INTERFACE, true, NYET,
	  "DNS: does not follow the app in this build yet", read_dns },
	{ "MTU", WG_INTERFACE, false, NYET, "MTU: " NO_DEVICE, read_mtu },
	{ "Table", WG_INTERFACE, false, NA,
	  "Table: splitd has routing tables of its own", read_table },
	{ "FwMark", WG_INTERFACE, false, NA,
	  "FwMark: splitd has marks of its own", read_mark },
	{ "SaveConfig", WG_INTERFACE, false, NA,
	  "SaveConfig: splitd writes no configuration back", read_save },
	HOOK("PreUp"),
	HOOK("PostUp"),
	HOOK("PreDown"),
	HOOK("PostDown"),
	{ "PublicKey", WG_PEER, false, NYET, "PublicKey: " NO_DEVICE,
	  read_public_key },
	{ "PresharedKey", WG_PEER, false, NYET,
	  "PresharedKey: no key is loaded, " NO_DEVICE, read_secret },
	{ "AllowedIPs", WG_PEER, true, ENF,
	  "AllowedIPs: destinations that enter the tunnel", read_allowed },
	{ "Endpoint", WG_PEER, false, NYET, "Endpoint: " NO_DEVICE,
	  read_endpoint },
	{ "PersistentKeepalive", WG_PEER, false, NYET,
	  "PersistentKeepalive: " NO_DEVICE, read_number },
	{ NULL, WG_NONE, false, NA, NULL, NULL },
};
