/* SPDX-License-Identifier: GPL-2.0-or-later */
/* On-demand rules: what their keys' types alone do not say. */
#include <string.h>
#include <strings.h>

#include "policy/model/keys.h"
#include "policy/plan/explain.h"

#define PATTERN_MAX 45 /* the longest address */

/* "17.*", "2001:db8:*", "*": an address cut short by one wildcard. */
static bool is_pattern(const char *text)
{
	size_t n = strlen(text);

	if (!n || n > PATTERN_MAX || text[n - 1] != '*')
		return false;
	if (strspn(text, "0123456789abcdefABCDEF.:") != n - 1)
		return false;
	return n == 1 || text[n - 2] == '.' || text[n - 2] == ':';
}

void on_demand_check_servers(struct reading *reading, const struct value *value,
			     const struct trail *trail)
{
	struct in6_addr addr;
	size_t index = 0;

	if (value->type != VALUE_ARRAY)
		return;
	value_foreach(item, value) {
		const struct trail below = { trail, NULL, index++ };

		if (item->type == VALUE_STRING && !is_pattern(item->string) &&
		    address_parse(item->string, &addr) < 0)
			reading_complain(reading, "E344", item, &below,
					 item->string,
					 "not an address, nor one that ends in "
					 "a \"*\" after a dot or colon");
	}
}

void on_demand_check_url(struct reading *reading, const struct value *value,
			 const struct trail *trail)
{
	const char *text = value->string, *host = NULL;
	size_t n;

	if (value->type != VALUE_STRING || !value->n)
		return;
	if (strncasecmp(text, "http://", 7) == 0)
		host = text + 7;
	if (strncasecmp(text, "https://", 8) == 0)
		host = text + 8;
	n = host ? strcspn(host, "/?#") : 0;
	if (!n || strcspn(text, " \t\r\n") != value->n)
		reading_complain(reading, "E345", value, trail, NULL,
				 "not an http or https URL");
	else if (memchr(host, '@', n))
		reading_complain(reading, "E345", value, trail, NULL,
				 "a URL with a user or password");
}

/* What is asked before connecting needs a connection to ask for. */
static void check_parameter(struct reading *reading, const struct value *item,
			    const struct trail *trail)
{
	static const char *const keys[] = { "RequiredDNSServers",
					    "RequiredURLStringProbe" };
	const char *action = value_get_string(item, "DomainAction");

	if (!action || strcmp(action, "NeverConnect") != 0)
		return;
	for (size_t i = 0; i < 2; i++)
		if (value_get(item, keys[i]))
			reading_complain_at(reading, "E343", item, trail,
					    keys[i], NULL,
					    "only with DomainAction "
					    "ConnectIfNeeded");
}

void on_demand_read_parameters(struct reading *reading,
			       const struct value *value,
			       const struct trail *trail)
{
	size_t index = 0;

	keys_check_items(reading, value, trail, &keys_parameters);
	if (value->type != VALUE_ARRAY)
		return;
	value_foreach(item, value) {
		const struct trail below = { trail, NULL, index++ };

		check_parameter(reading, item, &below);
	}
}

/* What is no action at all is an error of its own. */
static bool is_ignored_per_app(const char *action)
{
	static const char *const ignored[] = { "Allow", "Connect", "Ignore",
					       "EvaluateConnection" };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		if (strcmp(ignored[i], action) == 0)
			return true;
	return false;
}

static void check_rule(struct reading *reading, const struct value *rule,
		       const struct trail *trail)
{
	const struct value *parameters = value_get(rule, "ActionParameters");
	const char *action = value_get_string(rule, "Action");
	bool evaluates = action && strcmp(action, "EvaluateConnection") == 0;

	if (!action)
		return;
	if (evaluates && !parameters)
		reading_complain_at(reading, "E342", rule, trail,
				    "ActionParameters", NULL,
				    "required when Action is "
				    "EvaluateConnection");
	if (!evaluates && parameters)
		reading_complain_at(reading, "W342", rule, trail,
				    "ActionParameters", NULL,
				    "ignored: Action is not "
				    "EvaluateConnection");
	if (strcmp(action, "Allow") == 0)
		reading_complain_at(reading, "W430", rule, trail, "Action",
				    action, "deprecated by Apple");
	if (reading->per_app && is_ignored_per_app(action))
		reading_complain_at(reading, "N431", rule, trail, "Action",
				    action,
				    "only Disconnect counts in a per-app "
				    "payload");
}

static bool is_catch_all(const struct value *rule)
{
	static const char *const criteria[] = {
		"DNSDomainMatch", "DNSServerAddressMatch", "InterfaceTypeMatch",
		"SSIDMatch",	  "URLStringProbe",
	};

	for (size_t i = 0; i < sizeof(criteria) / sizeof(criteria[0]); i++)
		if (value_get(rule, criteria[i]))
			return false;
	return true;
}

void on_demand_read(struct reading *reading, const struct value *value,
		    const struct trail *trail)
{
	bool catches_all = false;
	size_t index = 0;

	keys_check_items(reading, value, trail, &keys_rule);
	if (value->type != VALUE_ARRAY)
		return;
	if (value->n > RULES_MAX)
		reading_complain(reading, "E116", value, trail, NULL,
				 "more than %d rules", RULES_MAX);
	value_foreach(rule, value) {
		const struct trail below = { trail, NULL, index++ };

		check_rule(reading, rule, &below);
		catches_all |= is_catch_all(rule);
	}
	if (value->n && !catches_all && !reading->per_app)
		reading_complain(reading, "W432", value, trail, NULL,
				 "no rule matches every network");
}

void on_demand_read_foreign(struct reading *reading, const struct value *value,
			    const struct trail *trail)
{
	const char *inert = reading->inert;

	if (!inert)
		reading->inert = "belongs to a VPN type that splitd does not "
				 "drive";
	on_demand_read(reading, value, trail);
	reading->inert = inert;
}
