/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all fuzz targets share: what must hold of any input. */
#ifndef SPLITD_TEST_FUZZ_H
#define SPLITD_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry; replay.c calls it, too. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/*
 * Parses the bytes as one file; aborts when success and errors do not fit,
 * when what crosses the sandbox's pipe comes out as something else, or when a
 * good document does harm to the compiler.
 */
void fuzz_document(const void *bytes, size_t len);

/* The same of head, the bytes and tail; XML's own characters are escaped. */
void fuzz_wrapped(const char *head, const uint8_t *bytes, size_t len,
		  const char *tail);

#endif
