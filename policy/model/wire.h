/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes across the sandbox's pipe: a growing writer, a distrustful reader. */
#ifndef SPLITD_POLICY_WIRE_H
#define SPLITD_POLICY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* Both ends are one program on one host: numbers are in host order. */
#define WIRE_MAGIC 0x31445053 /* "SPD1" */

struct wire_out {
	unsigned char *bytes;
	size_t len, size;
	int error; /* -ENOMEM, once and for all */
};

void wire_put(struct wire_out *out, const void *bytes, size_t len);
void wire_put_u8(struct wire_out *out, unsigned int number);
void wire_put_u32(struct wire_out *out, size_t number);

/* A NULL text is told from an empty one. */
void wire_put_text(struct wire_out *out, const char *text);

/* After the first failure every getter returns 0 or NULL. */
struct wire_in {
	const unsigned char *bytes;
	size_t len, at;
	struct arena *arena;
	int error; /* -EBADMSG or -ENOMEM */
};

void wire_fail(struct wire_in *in, int error);
bool wire_get(struct wire_in *in, void *bytes, size_t len);

/* At most max; more is a failure. */
uint32_t wire_get_u8(struct wire_in *in, uint32_t max);
uint32_t wire_get_u32(struct wire_in *in, uint32_t max);

/* A count of things that take at least size bytes each: so many must be left.
 */
size_t wire_get_count(struct wire_in *in, uint32_t max, size_t size);

/* Valid UTF-8 without NUL, at most max bytes; in the arena. */
const char *wire_get_text_or_null(struct wire_in *in, size_t max);
const char *wire_get_text(struct wire_in *in, size_t max);

/* Room in the arena for n things; NULL also sets error. */
void *wire_array(struct wire_in *in, size_t n, size_t size);

#endif
