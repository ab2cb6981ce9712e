/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MDM commands: which app is linked to which tunnel. */
#include <string.h>

#include "policy/model/settings.h"

/* Apple's request types; what is not_yet here is acted on one day. */
static const struct {
	const char *name;
	enum treatment treatment;
} requests[] = {
	{ "Settings", TREATMENT_ENFORCED },
	{ "InstallApplication", TREATMENT_NOT_YET },
	{ "RemoveApplication", TREATMENT_NOT_YET },
	{ "ManagedApplicationAttributes", TREATMENT_NOT_YET },
	{ "InstallProfile", TREATMENT_NOT_YET },
	{ "RemoveProfile", TREATMENT_NOT_YET },
	{ "ProfileList", TREATMENT_NOT_YET },
	{ "InstallEnterpriseApplication", TREATMENT_NOT_APPLICABLE },
	{ "ManagedApplicationList", TREATMENT_NOT_APPLICABLE },
	{ "InstalledApplicationList", TREATMENT_NOT_APPLICABLE },
	{ "CertificateList", TREATMENT_NOT_APPLICABLE },
	{ "DeclarativeManagement", TREATMENT_NOT_APPLICABLE },
	{ "DeviceConfigured", TREATMENT_NOT_APPLICABLE },
	{ "DeviceInformation", TREATMENT_NOT_APPLICABLE },
	{ "DeviceLock", TREATMENT_NOT_APPLICABLE },
	{ "EraseDevice", TREATMENT_NOT_APPLICABLE },
	{ "Restrictions", TREATMENT_NOT_APPLICABLE },
	{ "SecurityInfo", TREATMENT_NOT_APPLICABLE },
};

#define N_REQUESTS (sizeof(requests) / sizeof(requests[0]))

static const char *const items[] = {
	"ApplicationAttributes",
	"ApplicationConfiguration",
	"Wallpaper",
	"DataRoaming",
	"VoiceRoaming",
	"PersonalHotspot",
	"Bluetooth",
	"DeviceName",
	"HostName",
	"OrganizationInfo",
	"MDMOptions",
	"MaximumResidentUsers",
	"SharedDeviceConfiguration",
	"DiagnosticSubmission",
	"AppAnalytics",
	"PasscodeLockGracePeriod",
	"TimeZone",
	"SoftwareUpdateSettings",
	"AccessibilitySettings",
	NULL,
};

/* No Attributes, or none of VPNUUID: the link is taken off (Apple). */
static void read_link(struct reading *reading, const struct value *item,
		      const struct trail *trail)
{
	const struct value *attributes = value_get(item, "Attributes");
	const struct value *uuid = value_get(attributes, "VPNUUID");
	const char *id = value_get_string(item, "Identifier");
	const struct trail up = { trail, "Attributes", 0 };
	const struct trail below = { &up, "VPNUUID", 0 };
	struct document *document = reading->document;
	struct link_entry *link = &document->links[document->n_links];

	if (!id || !identifier_valid(id) ||
	    (uuid &&
	     (uuid->type != VALUE_STRING || !identifier_valid(uuid->string))))
		return;

	link->id = reading_copy(reading, id);
	link->uuid = uuid ? reading_copy(reading, uuid->string) : NULL;
	link->at = uuid	      ? reading_spot(reading, uuid, &below) :
		   attributes ? reading_spot(reading, attributes, &up) :
				reading_spot(reading, item, trail);
	document->n_links++;
}

static void check_other_item(struct reading *reading, const struct value *item,
			     const struct trail *trail, const char *kind)
{
	const struct value *value = value_get(item, "Item");
	const struct trail below = { trail, "Item", 0 };
	const char *meant;

	keys_check(reading, item, trail, &keys_item_other);
	if (!kind)
		return;
	for (size_t i = 0; items[i]; i++)
		if (strcmp(items[i], kind) == 0)
			return;

	meant = suggest(kind, items);
	reading_complain(reading, "W361", value, &below, kind,
			 "unknown item, not read%s%s%s",
			 meant ? "; did you mean " : "", meant ? meant : "",
			 meant ? "?" : "");
}

/* Each item by its own table; a wrong type is reported already. */
void command_read_settings(struct reading *reading, const struct value *value,
			   const struct trail *trail)
{
	struct document *document = reading->document;
	size_t index = 0;

	if (value->type != VALUE_ARRAY)
		return;
	document->links =
		reading_array(reading, value->n, sizeof(*document->links));
	if (!document->links)
		return;

	value_foreach(item, value)
	{
		const struct trail below = { trail, NULL, index++ };
		const char *kind = value_get_string(item, "Item");

		if (item->type != VALUE_DICT)
			continue;
		if (kind && strcmp(kind, items[0]) == 0) {
			keys_check(reading, item, &below,
				   &keys_item_attributes);
			read_link(reading, item, &below);
		} else {
			check_other_item(reading, item, &below, kind);
		}
	}
}

static void check_unknown_request(struct reading *reading,
				  const struct value *command,
				  const struct trail *up, const char *type)
{
	const struct trail trail = { up, "RequestType", 0 };
	const char *names[N_REQUESTS + 1] = { NULL };
	const char *meant;

	for (size_t i = 0; i < N_REQUESTS; i++)
		names[i] = requests[i].name;
	meant = suggest(type, names);
	reading_complain(reading, "E360", value_get(command, "RequestType"),
			 &trail, type, "command is not supported%s%s%s",
			 meant ? "; did you mean " : "", meant ? meant : "",
			 meant ? "?" : "");
}

void command_read_request(struct reading *reading, const struct value *value,
			  const struct trail *trail)
{
	const char *type = value_get_string(value, "RequestType");
	const struct trail below = { trail, "RequestType", 0 };
	size_t i = 0;

	if (value->type != VALUE_DICT)
		return;
	if (!type || strcmp(type, "Settings") == 0) {
		keys_check(reading, value, trail, &keys_command_settings);
		return;
	}
	while (i < N_REQUESTS && strcmp(requests[i].name, type) != 0)
		i++;
	if (i == N_REQUESTS) {
		check_unknown_request(reading, value, trail, type);
		return;
	}
	keys_check(reading, value, trail,
		   requests[i].treatment == TREATMENT_NOT_YET ?
			   &keys_command_later :
			   &keys_command_other);
	reading_complain(reading, "W360", value_get(value, "RequestType"),
			 &below, type,
			 "this build does not act on this command");
}

void command_read(struct reading *reading, const struct value *root)
{
	/* some servers store the command without its envelope */
	if (value_get(root, "Command"))
		keys_check(reading, root, NULL, &keys_command);
	else
		command_read_request(reading, root, NULL);
}
