/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of MDM commands. */

/*
 * From Apple's published schema of MDM commands. Of Settings only the item
 * ApplicationAttributes speaks to splitd, and of that one VPNUUID.
 */
#include "policy/model/keys.h"

#define ENF	   TREATMENT_ENFORCED
#define NA	   TREATMENT_NOT_APPLICABLE
#define META	   TREATMENT_METADATA
#define NYET	   TREATMENT_NOT_YET

#define NO_LINUX   "not applicable on Linux"
#define NO_COMMAND "this build does not act on this command yet"

static const struct key_rule attribute_rules[] = {
	{ "VPNUUID", KEY_ID, 0, ENF, .note = "links the app to the tunnel",
	  .code = "E320" },
	{ "ContentFilterUUID", KEY_STRING, 0, NA, .note = NO_LINUX },
	{ "DNSProxyUUID", KEY_STRING, 0, NA, .note = NO_LINUX },
	{ "RelayUUID", KEY_STRING, 0, NA, .note = NO_LINUX },
	{ "AssociatedDomains", KEY_STRINGS, 0, NA, .note = NO_LINUX },
	{ "AssociatedDomainsEnableDirectDownloads", KEY_BOOL, 0, NA,
	  .note = NO_LINUX },
	{ "Removable", KEY_BOOL, 0, NA, .note = NO_LINUX },
	{ "TapToPayScreenLock", KEY_BOOL, 0, NA, .note = NO_LINUX },
	{ "CellularSliceUUID", KEY_STRING, 0, NA, .note = NO_LINUX },
	{ "Hideable", KEY_BOOL, 0, NA, .note = NO_LINUX },
	{ "Lockable", KEY_BOOL, 0, NA, .note = NO_LINUX },
};
static const struct key_table attributes = KEY_TABLE(attribute_rules);

static const struct key_rule item_attribute_rules[] = {
	{ "Item", KEY_STRING, KEY_REQUIRED, ENF, .note = "selects the setting",
	  .code = "E361" },
	{ "Identifier", KEY_ID, KEY_REQUIRED, ENF, .note = "names the app" },
	{ "Attributes", KEY_DICT, 0, ENF,
	  .note = "without VPNUUID the app's link is taken off",
	  .inner = &attributes },
};
const struct key_table keys_item_attributes = KEY_TABLE(item_attribute_rules);

static const struct key_rule item_other_rules[] = {
	{ "Item", KEY_STRING, KEY_REQUIRED, NA,
	  .note = "settings of this kind are not applicable on Linux",
	  .code = "E361" },
	{ "*", KEY_ANY, KEY_SECRET, NA, .note = NO_LINUX },
};
const struct key_table keys_item_other = KEY_TABLE(item_other_rules);

/* Settings' items are checked one by one, each by its own table. */
static const struct key_rule settings_rules[] = {
	{ "RequestType", KEY_STRING, KEY_REQUIRED, ENF,
	  .note = "selects the command" },
	{ "Settings", KEY_DICTS, KEY_REQUIRED, ENF,
	  .note = "what it holds is read key by key",
	  .reader = command_read_settings },
};
const struct key_table keys_command_settings = KEY_TABLE(settings_rules);

static const struct key_rule later_rules[] = {
	{ "RequestType", KEY_STRING, KEY_REQUIRED, NYET, .note = NO_COMMAND },
	{ "*", KEY_ANY, KEY_SECRET, NYET, .note = NO_COMMAND },
};
const struct key_table keys_command_later = KEY_TABLE(later_rules);

static const struct key_rule other_rules[] = {
	{ "RequestType", KEY_STRING, KEY_REQUIRED, NA, .note = NO_LINUX },
	{ "*", KEY_ANY, KEY_SECRET, NA, .note = NO_LINUX },
};
const struct key_table keys_command_other = KEY_TABLE(other_rules);

static const struct key_rule root_rules[] = {
	{ "Command", KEY_DICT, KEY_REQUIRED, ENF,
	  .note = "what it holds is read key by key",
	  .reader = command_read_request },
	{ "CommandUUID", KEY_STRING, 0, META, .note = "shown, never acted on" },
};
const struct key_table keys_command = KEY_TABLE(root_rules);
