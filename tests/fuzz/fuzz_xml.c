/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: XML property lists, and whatever else a file may begin with. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	fuzz_document(bytes, len);
	return 0;
}
