/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of MDM commands. */

/*
 * From Apple's published schema of MDM commands. What speaks to splitd is the
 * VPNUUID among an app's attributes, in Settings and InstallApplication, and
 * RemoveApplication, which takes it off; and profiles, which InstallProfile
 * carries. The schema gives ManagementFlags 1, 4 and 5, Apple's own example 0:
 * all are taken.
 */
#include "policy/model/keys.h"

#define ENF	   TREATMENT_ENFORCED
#define NA	   TREATMENT_NOT_APPLICABLE
#define META	   TREATMENT_METADATA

#define NO_LINUX   "not applicable on Linux"
#define NO_INSTALL "splitd installs no apps"

#define REQUEST_TYPE(what)                                                     \
	{                                                                      \
		"RequestType", KEY_STRING, KEY_REQUIRED, (what),               \
			.note = "selects the command"                          \
	}

static const struct key_rule attribute_rules[] = {
	{ "VPNUUID", KEY_ID, 0, ENF, .note = "links the app to the tunnel",
	  .code = "E320" },
	{ "ContentFilterUUID", KEY_STRING, 0, NA, .note = NO_LINUX },
	{ "DNSProxyUUID", KEY_STRING, 0, NA, .note = NO_LINUX },
	{ "RelayUUID", KEY_STRING, 0, NA, .note = NO_LINUX },
	{ "AssociatedDomains", KEY_STRINGS, KEY_ITEMS, NA, .note = NO_LINUX },
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

static const struct key_rule item_configuration_rules[] = {
	{ "Item", KEY_STRING, KEY_REQUIRED, NA, .note = NO_LINUX,
	  .code = "E361" },
	{ "Identifier", KEY_ID, KEY_REQUIRED, NA, .note = NO_LINUX },
	{ "Configuration", KEY_DICT, KEY_SECRET, NA,
	  .note = "the app's own settings, opaque to splitd" },
};
const struct key_table keys_item_configuration =
	KEY_TABLE(item_configuration_rules);

static const struct key_rule item_other_rules[] = {
	{ "Item", KEY_STRING, KEY_REQUIRED, NA,
	  .note = "settings of this kind are not applicable on Linux",
	  .code = "E361" },
	{ "*", KEY_ANY, KEY_SECRET, NA, .note = NO_LINUX },
};
const struct key_table keys_item_other = KEY_TABLE(item_other_rules);

const char *const item_names[] = {
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
	"DefaultApplications",
	NULL,
};

/* Settings' items are checked one by one, each by its own table. */
static const struct key_rule settings_rules[] = {
	REQUEST_TYPE(ENF),
	{ "Settings", KEY_DICTS, KEY_REQUIRED, ENF,
	  .note = "what it holds is read key by key",
	  .reader = command_read_settings },
};
static const struct key_table settings = KEY_TABLE(settings_rules);

static const char *const management_states[] = { "Managed", NULL };

static const struct key_rule option_rules[] = {
	{ "PurchaseMethod", KEY_FLAG, 0, NA, .note = NO_INSTALL },
};
static const struct key_table options = KEY_TABLE(option_rules);

static const struct key_rule install_rules[] = {
	REQUEST_TYPE(ENF),
	{ "Identifier", KEY_ID, 0, ENF, .note = "names the app" },
	{ "Attributes", KEY_DICT, 0, ENF,
	  .note = "without VPNUUID the app's link is taken off",
	  .inner = &attributes },
	{ "iTunesStoreID", KEY_INTEGER, 0, NA, .note = NO_INSTALL },
	{ "ManifestURL", KEY_STRING, KEY_SECRET, NA, .note = NO_INSTALL },
	{ "Options", KEY_DICT, 0, NA, .note = NO_INSTALL, .inner = &options },
	{ "ManagementFlags", KEY_INTEGER, 0, NA, .note = NO_INSTALL, .max = 5 },
	{ "Configuration", KEY_DICT, KEY_SECRET, NA, .note = NO_INSTALL },
	{ "ChangeManagementState", KEY_STRING, 0, NA, .note = NO_INSTALL,
	  .values = management_states },
	{ "InstallAsManaged", KEY_BOOL, 0, NA, .note = NO_INSTALL },
	{ "iOSApp", KEY_BOOL, 0, NA, .note = NO_INSTALL },
};
static const struct key_table install = KEY_TABLE(install_rules);

static const struct key_rule enterprise_rules[] = {
	REQUEST_TYPE(NA),
	{ "Manifest", KEY_DICT, KEY_SECRET, NA, .note = NO_INSTALL },
	{ "ManifestURL", KEY_STRING, KEY_SECRET, NA, .note = NO_INSTALL },
	{ "ManifestURLPinningCerts", KEY_ANY, KEY_SECRET, NA,
	  .note = NO_INSTALL },
	{ "PinningRevocationCheckRequired", KEY_BOOL, 0, NA,
	  .note = NO_INSTALL },
	{ "InstallAsManaged", KEY_BOOL, 0, NA, .note = NO_INSTALL },
	{ "ManagementFlags", KEY_INTEGER, 0, NA, .note = NO_INSTALL, .max = 5 },
	{ "Configuration", KEY_DICT, KEY_SECRET, NA, .note = NO_INSTALL },
	{ "ChangeManagementState", KEY_STRING, 0, NA, .note = NO_INSTALL,
	  .values = management_states },
	{ "iOSApp", KEY_BOOL, 0, NA, .note = NO_INSTALL },
};
static const struct key_table enterprise = KEY_TABLE(enterprise_rules);

static const struct key_rule remove_rules[] = {
	REQUEST_TYPE(ENF),
	{ "Identifier", KEY_ID, KEY_REQUIRED, ENF,
	  .note = "the app's link is taken off" },
};
static const struct key_table remove = KEY_TABLE(remove_rules);

static const struct key_rule app_query_rules[] = {
	REQUEST_TYPE(ENF),
	{ "Identifiers", KEY_STRINGS, KEY_REQUIRED, ENF,
	  .note = "of these the linked apps are in the answer" },
};
static const struct key_table app_query = KEY_TABLE(app_query_rules);

static const struct key_rule app_list_rules[] = {
	REQUEST_TYPE(NA),
	{ "Identifiers", KEY_STRINGS, 0, NA, .note = NO_LINUX },
};
static const struct key_table app_list = KEY_TABLE(app_list_rules);

/* command.c reads the payload: it is a document of its own. */
static const struct key_rule install_profile_rules[] = {
	REQUEST_TYPE(ENF),
	{ "Payload", KEY_DATA, KEY_REQUIRED | KEY_SECRET, ENF,
	  .note = "a profile, read like a file of its own" },
};
static const struct key_table install_profile =
	KEY_TABLE(install_profile_rules);

static const struct key_rule remove_profile_rules[] = {
	REQUEST_TYPE(ENF),
	{ "Identifier", KEY_STRING, KEY_REQUIRED | KEY_NONEMPTY, ENF,
	  .note = "taken out of the store by splitctl install; in the policy "
		  "directory it does nothing" },
};
static const struct key_table remove_profile = KEY_TABLE(remove_profile_rules);

static const struct key_rule profile_list_rules[] = {
	REQUEST_TYPE(ENF),
	{ "ManagedOnly", KEY_BOOL, 0, NA,
	  .note = "what is installed is managed: all of it is listed" },
};
static const struct key_table profile_list = KEY_TABLE(profile_list_rules);

static const struct key_rule other_rules[] = {
	REQUEST_TYPE(NA),
	{ "*", KEY_ANY, KEY_SECRET, NA, .note = NO_LINUX },
};
static const struct key_table other = KEY_TABLE(other_rules);

#define NOT_HERE(name)                                                         \
	{                                                                      \
		(name), NA, &other                                             \
	}

const struct request_rule request_rules[] = {
	{ "Settings", ENF, &settings },
	{ "InstallApplication", ENF, &install },
	{ "RemoveApplication", ENF, &remove },
	{ "InstallProfile", ENF, &install_profile },
	{ "RemoveProfile", ENF, &remove_profile },
	{ "ProfileList", ENF, &profile_list },
	{ "ManagedApplicationAttributes", ENF, &app_query },
	{ "ManagedApplicationList", NA, &app_list },
	{ "InstallEnterpriseApplication", NA, &enterprise },
	NOT_HERE("AccountConfiguration"),
	NOT_HERE("ActivationLockBypassCode"),
	NOT_HERE("ActiveNSExtensions"),
	NOT_HERE("ApplyRedemptionCode"),
	NOT_HERE("AvailableOSUpdates"),
	NOT_HERE("CertificateList"),
	NOT_HERE("ClearActivationLockBypassCode"),
	NOT_HERE("ClearPasscode"),
	NOT_HERE("ClearRestrictionsPassword"),
	NOT_HERE("ContentCachingInformation"),
	NOT_HERE("DeclarativeManagement"),
	NOT_HERE("DeleteUser"),
	NOT_HERE("DeviceConfigured"),
	NOT_HERE("DeviceInformation"),
	NOT_HERE("DeviceLocation"),
	NOT_HERE("DeviceLock"),
	NOT_HERE("DisableLostMode"),
	NOT_HERE("DisableRemoteDesktop"),
	NOT_HERE("EnableLostMode"),
	NOT_HERE("EnableRemoteDesktop"),
	NOT_HERE("EraseDevice"),
	NOT_HERE("InstallMedia"),
	NOT_HERE("InstallProvisioningProfile"),
	NOT_HERE("InstalledApplicationList"),
	NOT_HERE("InviteToProgram"),
	NOT_HERE("LOMDeviceRequest"),
	NOT_HERE("LOMSetupRequest"),
	NOT_HERE("LogOutUser"),
	NOT_HERE("ManagedApplicationConfiguration"),
	NOT_HERE("ManagedApplicationFeedback"),
	NOT_HERE("ManagedMediaList"),
	NOT_HERE("NSExtensionMappings"),
	NOT_HERE("OSUpdateStatus"),
	NOT_HERE("PlayLostModeSound"),
	NOT_HERE("ProvisioningProfileList"),
	NOT_HERE("RefreshCellularPlans"),
	NOT_HERE("RemoveMedia"),
	NOT_HERE("RemoveProvisioningProfile"),
	NOT_HERE("RequestMirroring"),
	NOT_HERE("RequestUnlockToken"),
	NOT_HERE("RestartDevice"),
	NOT_HERE("Restrictions"),
	NOT_HERE("RotateFileVaultKey"),
	NOT_HERE("ScheduleOSUpdate"),
	NOT_HERE("ScheduleOSUpdateScan"),
	NOT_HERE("SecurityInfo"),
	NOT_HERE("SetAutoAdminPassword"),
	NOT_HERE("SetFirmwarePassword"),
	NOT_HERE("SetRecoveryLock"),
	NOT_HERE("ShutDownDevice"),
	NOT_HERE("StopMirroring"),
	NOT_HERE("UnlockUserAccount"),
	NOT_HERE("UserConfigured"),
	NOT_HERE("UserList"),
	NOT_HERE("ValidateApplications"),
	NOT_HERE("VerifyFirmwarePassword"),
	NOT_HERE("VerifyRecoveryLock"),
	{ NULL, NA, NULL },
};

static const struct key_rule root_rules[] = {
	{ "Command", KEY_DICT, KEY_REQUIRED, ENF,
	  .note = "what it holds is read key by key",
	  .reader = command_read_request },
	{ "CommandUUID", KEY_STRING, 0, META, .note = "shown, never acted on" },
};
const struct key_table keys_command = KEY_TABLE(root_rules);
