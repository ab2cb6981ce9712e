/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No byte of a secret comes out of check: not as text, JSON or log. */

/*
 * Files with a marker wherever a secret can stand, rightly or by mistake, go
 * through the programs that people run. What they print is searched for the
 * marker, as it is and in base64.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/policy_fixture.h"

#define MARKER "hunter2-Zq9"
#define BASE64 "aHVudGVyMi1acTk" /* of the marker, without padding */

static char build_dir[PATH_MAX];

static const char *const secret_keys[] = {
	"Password",	 "AuthPassword",      "SharedSecret",
	"XAuthPassword", "HTTPProxyPassword", "HTTPSProxyPassword",
	"PPK",		 "PrivateKey",	      "PresharedKey",
};

/* Where it belongs and where it does not. */
static const char *const dicts[] = { "VPN",	"IPSec",	"PPP", "IKEv2",
				     "Proxies", "VendorConfig", "DNS" };

/* As it should be written, and as a mistake would have it. */
static const char *const forms[] = {
	"<string>" MARKER "</string>",
	"<data>" BASE64 "=</data>",
	"<data>" MARKER "!</data>",
	"<integer>" MARKER "</integer>",
	"<real>" MARKER "</real>",
	"<date>" MARKER "</date>",
	"<array><string>" MARKER "</string></array>",
	"<dict><key>a</key><string>" MARKER "</string></dict>",
	"<dict><key>a</key><integer>" MARKER "</integer></dict>",
	"<true>" MARKER "</true>",
	"<string><b>" MARKER "</b></string>",
};

static const char *const texts[] = {
	"[Interface]\nPrivateKey = " MARKER "\n",
	"[Interface]\nPrivateKey " MARKER "\n",
	"PrivateKey = " MARKER "\n",
	"[Interface]\nPrivatKey = " MARKER "\n",
	"[Interface]\nPrivateKey = a\nPrivateKey = " MARKER "\n",
	"[Interface]\n# " MARKER "\nMTU = 1 # " MARKER "\n",
	"[Peer]\nPrivateKey = " MARKER "\n",
	"[Peer]\nPresharedKey = " MARKER "\nPresharedKey = " MARKER "\n",
	"[Interface]\nPostUp = wg set wg0 private-key " MARKER "\n",
	"[PrivateKey = " MARKER "]\n",
	MARKER "\n",
};

#define PAIR(key, value) "<key>" key "</key><string>" value "</string>"
#define COMMON(type)                                                           \
	PAIR("PayloadType", type)                                              \
	PAIR("PayloadIdentifier", type)                                        \
	PAIR("PayloadUUID", type)                                              \
	"<key>PayloadVersion</key><integer>1</integer>"

/* A profile with one payload, and these keys in it. */
static void put_profile(FILE *out, const char *keys)
{
	fprintf(out,
		"<plist version=\"1.0\"><dict>" COMMON(
			"Configuration") "<key>PayloadContent</"
					 "key><array><dict>" COMMON("com.apple."
								    "vpn."
								    "managed."
								    "applayer")
						 PAIR("VPNUUID", "u") PAIR(
							 "VPNType", "VPN")
							 PAIR("VPNSubType",
							      "com.wireguard."
							      "macos") "%s</"
								       "dict></"
								       "array><"
								       "/dict><"
								       "/plist"
								       ">",
		keys);
}

static char *output_of(const char *program, const char *option,
		       const char *path)
{
	char command[PATH_MAX * 2], *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size), *in;
	int c;

	assert_non_null(out);
	snprintf(command, sizeof(command), "%s/%s %s %s 2>&1", build_dir,
		 program, option, path);
	in = popen(command, "r");
	assert_non_null(in);
	while ((c = fgetc(in)) != EOF)
		fputc(c, out);
	pclose(in);
	fclose(out);
	return text;
}

static void expect_secret(const char *path, const char *what)
{
	static const char *const options[] = { "check", "check --json" };

	for (int i = 0; i < 2; i++) {
		char *text = output_of("splitctl", options[i], path);

		if (strstr(text, MARKER) || strstr(text, BASE64)) {
			unlink(path);
			fail_msg("%s: %s", what, text);
		}
		/* it has read the file, and says something of it */
		assert_non_null(strstr(text, i ? "\"valid\"" : "valid"));
		free(text);
	}
}

static void try(const char *keys)
{
	char path[] = "/tmp/splitd-secret-XXXXXX.plist";
	int fd = mkstemps(path, 6);
	FILE *out = fdopen(fd, "w");

	assert_non_null(out);
	put_profile(out, keys);
	fclose(out);
	expect_secret(path, keys);
	unlink(path);
}

static void test_keys(void **state)
{
	char *keys = NULL;
	size_t n_keys = sizeof(secret_keys) / sizeof(secret_keys[0]);
	size_t n_dicts = sizeof(dicts) / sizeof(dicts[0]);

	(void)state;
	for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
		size_t size = 0;
		FILE *out = open_memstream(&keys, &size);

		assert_non_null(out);
		for (size_t d = 0; d < n_dicts; d++) {
			fprintf(out, "<key>%s</key><dict>", dicts[d]);
			for (size_t k = 0; k < n_keys; k++)
				fprintf(out, "<key>%s</key>%s", secret_keys[k],
					forms[f]);
			fputs("</dict>", out);
		}
		for (size_t k = 0; k < n_keys; k++)
			fprintf(out, "<key>%s</key>%s", secret_keys[k],
				forms[f]);
		fclose(out);
		try(keys);
		free(keys);
	}
}

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *keys = NULL;

		assert_true(asprintf(&keys,
				     "<key>VendorConfig</key><dict>"
				     "<key>WgQuickConfig</key>"
				     "<string>%s</string></dict>",
				     texts[i]) > 0);
		try(keys);
		free(keys);
	}
}

/* The same in binary, where a string may also be cut or misplaced. */
static void test_binary(void **state)
{
	static const char head[] = "bplist00\xd1\x01\x02"
				   "\x58Password\x5b" MARKER;
	static const unsigned char tail[] = {
		8, 11, 20, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0,  0,
		3, 0,  0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(head) - 1; i++) {
		char path[] = "/tmp/splitd-secret-XXXXXX.plist";
		char copy[sizeof(head)];
		FILE *out = fdopen(mkstemps(path, 6), "w");

		assert_non_null(out);
		memcpy(copy, head, sizeof(head));
		copy[i] ^= (char)(i ? 0x80 : 0);
		fwrite(copy, 1, sizeof(head) - 1, out);
		fwrite(tail, 1, sizeof(tail), out);
		fclose(out);
		expect_secret(path, "binary");
		unlink(path);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_binary),
	};

	(void)argc;
	/* built beside us, in the directory above */
	snprintf(build_dir, sizeof(build_dir), "%s/..", dirname(argv[0]));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
