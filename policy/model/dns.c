/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS and proxies: servers, domains, and what goes with what. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/model/domain.h"
#include "policy/model/keys.h"
#include "policy/plan/explain.h"

static void check_domain(struct reading *reading, const struct value *item,
			 const struct trail *trail)
{
	char name[DOMAIN_MAX + 1];
	const char *problem;

	/* empty: allowed where the key's rule did not complain */
	if (item->type != VALUE_STRING || !item->n)
		return;
	if (domain_parse(item->string, name, &problem) < 0)
		reading_complain(reading, "E353", item, trail, item->string,
				 "%s", problem);
}

void domains_check(struct reading *reading, const struct value *value,
		   const struct trail *trail)
{
	size_t index = 0;

	if (value->type != VALUE_ARRAY) {
		check_domain(reading, value, trail);
		return;
	}
	value_foreach(item, value) {
		const struct trail below = { trail, NULL, index++ };

		check_domain(reading, item, &below);
	}
}

void dns_check_servers(struct reading *reading, const struct value *value,
		       const struct trail *trail)
{
	struct in6_addr addr;
	size_t index = 0;

	if (value->type != VALUE_ARRAY)
		return;
	value_foreach(item, value) {
		const struct trail below = { trail, NULL, index++ };

		if (item->type == VALUE_STRING &&
		    address_parse(item->string, &addr) < 0)
			reading_complain(reading, "E352", item, &below,
					 item->string,
					 "not an IPv4 or IPv6 address");
	}
}

static void check_protocol(struct reading *reading, const struct value *dns,
			   const struct trail *trail, const char *protocol)
{
	const char *url = value_get_string(dns, "ServerURL");

	if (strcmp(protocol, "HTTPS") == 0 &&
	    (!url || strncasecmp(url, "https://", 8) != 0 || !url[8]))
		reading_complain_at(reading, "E351", dns, trail, "ServerURL",
				    url,
				    url ? "not an https URL" :
					  "required when DNSProtocol is HTTPS");
	if (strcmp(protocol, "TLS") == 0 && !value_get(dns, "ServerName"))
		reading_complain_at(reading, "E351", dns, trail, "ServerName",
				    NULL, "required when DNSProtocol is TLS");
}

void dns_read(struct reading *reading, const struct value *value,
	      const struct trail *trail)
{
	const char *protocol = value_get_string(value, "DNSProtocol");

	if (value->type != VALUE_DICT)
		return;
	keys_check(reading, value, trail, &keys_dns);
	if (protocol)
		check_protocol(reading, value, trail, protocol);
	else if (!value_get(value, "DNSProtocol"))
		reading_complain_at(reading, "W350", value, trail,
				    "DNSProtocol", NULL,
				    "missing, taken as Cleartext");
}

/* A proxy's name without a port is half a statement. */
static void check_proxy(struct reading *reading, const struct value *dict,
			const struct trail *trail, const char *name,
			const char *port)
{
	char message[64];

	if (!value_get_string(dict, name) || value_get(dict, port))
		return;
	snprintf(message, sizeof(message), "required beside %s", name);
	reading_complain_at(reading, "E314", dict, trail, port, NULL, message);
}

void proxies_read(struct reading *reading, const struct value *value,
		  const struct trail *trail)
{
	static const char *const switches[] = { "ProxyAutoConfigEnable",
						"HTTPEnable", "HTTPSEnable" };

	if (value->type != VALUE_DICT)
		return;
	keys_check(reading, value, trail, &keys_proxies);
	check_proxy(reading, value, trail, "HTTPProxy", "HTTPPort");
	check_proxy(reading, value, trail, "HTTPSProxy", "HTTPSPort");
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (flag_get(value_get(value, switches[i]), false))
			reading_complain_at(reading, "W440", value, trail,
					    switches[i], NULL,
					    "traffic of apps will not be "
					    "proxied");
}
