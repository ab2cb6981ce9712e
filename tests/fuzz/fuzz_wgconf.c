/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: the text of WgQuickConfig, in a profile around it. */
#include "tests/fuzz/fuzz.h"

#define PAIR(key, value) "<key>" key "</key><string>" value "</string>"
#define COMMON(type)                                                           \
	PAIR("PayloadType", type)                                              \
	PAIR("PayloadIdentifier", type)                                        \
	PAIR("PayloadUUID", type)                                              \
	"<key>PayloadVersion</key><integer>1</integer>"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	fuzz_wrapped(
		"<plist version=\"1.0\"><dict>" COMMON(
			"Configuration") "<key>PayloadContent</"
					 "key><array><dict>" COMMON("com.apple."
								    "vpn."
								    "managed."
								    "applayer")
						 PAIR("VPNUUID", "u") PAIR(
							 "VPNType",
							 "VPN") PAIR("VPNSubTyp"
								     "e",
								     "com."
								     "wireguard"
								     ".macos")
							 PAIR("UserDefinedName", "n") "<key>VPN</key><dict>" PAIR(
								 "RemoteAddres"
								 "s",
								 "a:1") "</"
									"dict><"
									"key>"
									"Vendor"
									"Config"
									"</"
									"key><"
									"dict>"
									"<key>"
									"WgQuic"
									"kConfi"
									"g</"
									"key><"
									"string"
									">",
		bytes, len, "</string></dict></dict></array></dict></plist>");
	return 0;
}
