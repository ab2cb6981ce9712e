/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: binary property lists; also behind a header that is right. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define MAGIC "bplist00"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const size_t magic = sizeof(MAGIC) - 1;
	uint8_t *whole;

	if (len >= magic && memcmp(bytes, MAGIC, magic) == 0) {
		fuzz_document(bytes, len);
		return 0;
	}
	whole = malloc(magic + len);
	if (!whole)
		return 0;
	memcpy(whole, MAGIC, magic);
	memcpy(whole + magic, bytes, len);
	fuzz_document(whole, magic + len);
	free(whole);
	return 0;
}
