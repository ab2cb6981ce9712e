/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes as text (RFC 4648), for JSON. */
#ifndef SPLITD_BASE64_H
#define SPLITD_BASE64_H

#include <stddef.h>

/* free(); NULL without memory. */
char *base64_encode(const void *bytes, size_t len);

/* No line breaks, padding required. -EBADMSG. free() the bytes. */
int base64_decode(const char *text, void **ret_bytes, size_t *ret_len);

#endif
