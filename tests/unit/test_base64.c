/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes as text and back; what is no such text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loader/util/base64.h"

static void test_base64(void **ctx)
{
	static const char *const bad[] = { "A",	   "AA",       "AAA",  "AA=A",
					   "A===", "AB==",     "AAB=", "AA-A",
					   "=AAA", "AA==AAAA", "AA A" };
	unsigned char bytes[70];
	void *back = NULL;
	size_t len = 0;

	(void)ctx;
	for (size_t n = 0; n < sizeof(bytes); n++) {
		char *text;

		for (size_t i = 0; i < n; i++)
			bytes[i] = (unsigned char)(i * 37 + n);
		text = base64_encode(bytes, n);
		assert_non_null(text);
		assert_int_equal(base64_decode(text, &back, &len), 0);
		assert_int_equal(len, n);
		assert_memory_equal(back, bytes, n);
		free(back);
		free(text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(base64_decode(bad[i], &back, &len), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_base64) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
