/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contract's JSON of an explanation, online and offline alike. */
#include <linux/types.h>

#include "bpf/abi.h"
#include "loader/daemon/explanation.h"
#include "loader/util/json.h"

/* The line that decided: the prefix's, else the app's; NULL: none did. */
static const struct origin *origin_of(const struct policy *policy,
				      const struct explain_query *query,
				      const struct explanation *explanation)
{
	uint32_t index;

	if (explanation->prefix)
		index = explanation->prefix->origin;
	else if (query->app)
		index = query->app->origin;
	else
		return NULL;
	return index < policy->n_origins ? &policy->origins[index] : NULL;
}

json_t *explanation_json(const struct policy *policy,
			 const struct explain_query *query,
			 const struct explanation *explanation,
			 const struct selector *selector, const struct way *way)
{
	const struct origin *origin = origin_of(policy, query, explanation);
	const struct tunnel *tunnel = explanation->tunnel;
	const struct prefix *prefix = explanation->prefix;
	const char *near_miss = explanation->near_miss;
	const char *interface = way ? way->interface : NULL;
	char text[64] = "";

	if (!way && tunnel && explanation->verdict == SP_TUNNEL)
		interface = tunnel->interface;
	if (prefix)
		prefix_format(prefix, text, sizeof(text));
	return json_pack(
		"{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:o, s:s?, s:s?, "
		"s:s?, s:s?, s:s?}",
		"verdict", verdict_name(explanation->verdict), "reason",
		reason_name(explanation->reason), "reason_text",
		explanation->text, "app", query->app ? query->app->id : NULL,
		"tunnel", tunnel ? tunnel->uuid : NULL, "selector",
		selector ? selector->text : NULL, "prefix",
		prefix ? text : NULL, "source_file",
		json_text(origin ? origin->file : NULL), "key_path",
		origin ? origin->key_path : NULL, "interface", interface,
		"source_address", way ? way->source : NULL, "route",
		way ? way->route : NULL, "near_miss",
		*near_miss ? near_miss : NULL);
}
