/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The readers of the document kinds, and what they share. */
#ifndef SPLITD_POLICY_SETTINGS_H
#define SPLITD_POLICY_SETTINGS_H

#include "policy/model/keys.h"

/*
 * All fill reading->document from a dictionary; what is wrong goes to the
 * report, -ENOMEM to reading->error.
 */
void profile_read(struct reading *reading, const struct value *root);
void command_read(struct reading *reading, const struct value *root);
void host_read(struct reading *reading, const struct value *root);

/*
 * A VPN payload that is not device-wide, or one that is and does nothing;
 * payload_certificates: whether the certificates it names are in content, the
 * profile's PayloadContent.
 */
void payload_read_applayer(struct reading *reading, const struct value *payload,
			   const struct trail *trail);
void payload_read_device(struct reading *reading, const struct value *payload,
			 const struct trail *trail);
void payload_certificates(struct reading *reading, const struct value *payload,
			  const struct trail *trail,
			  const struct value *content);

/* The profile that InstallProfile carries; payload may be NULL or no data. */
void command_read_profile(struct reading *reading, const struct value *payload,
			  const struct trail *up);

/* The facts of a VendorConfig or of an entry of the host file's Tunnels. */
void settings_read(struct reading *reading, const struct value *dict,
		   const struct trail *trail, struct tunnel_entry *entry);

/* PayloadVersion: 1, or what some generators write for it. */
void payload_version_check(struct reading *reading, const struct value *dict,
			   const struct trail *trail);

#endif
