/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who signed a file, and who must have. */
#ifndef SPLITD_POLICY_SIGNATURE_H
#define SPLITD_POLICY_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNERS_MAX 8

/* SHA-256 of a certificate's SubjectPublicKeyInfo in DER. */
struct pin {
	unsigned char bytes[32];
};

#define PIN_TEXT (7 + 64 + 1)

/* "sha256:" (which may be absent) and 64 hexadecimal digits; or -EINVAL. */
int pin_parse(const char *text, struct pin *ret);
void pin_format(const struct pin *pin, char text[PIN_TEXT]);

/*
 * What is asked of signatures; all zero accepts unsigned files and whoever
 * signed. A signature that is there is verified in any case. With pins, one of
 * the signers must be pinned and its certificate valid but for its end; no
 * other authority is asked, and none without pins.
 */
struct signature_policy {
	bool required;
	bool allow_sha1;
	const struct pin *pins;
	size_t n_pins;
	int64_t at_time; /* certificates must be valid then; 0: now */
};

/* All signers, each verified; none: the file is unsigned. */
struct signature {
	size_t n;
	struct pin signers[SIGNERS_MAX];
};

bool signature_is_pinned(const struct signature_policy *policy,
			 const struct pin *pin);

#endif
