/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: signed messages, by all that a policy can ask of them. */
#include <errno.h>
#include <stdlib.h>

#include "policy/model/document.h"
#include "policy/read/report.h"
#include "policy/read/signature.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct pin pin;
	static const struct signature_policy policies[] = {
		{ .allow_sha1 = true, .at_time = 7258118400 },
		{ .required = true, .pins = &pin, .n_pins = 1 },
	};

	fuzz_document(bytes, len);
	for (size_t i = 0; i < 2; i++) {
		struct document *document = NULL;
		struct report report = { 0 };
		int r = document_parse_signed("f", bytes, len, &policies[i],
					      &report, &document);

		/* nobody has the key that is pinned */
		if (r == 0 && i == 1)
			abort();
		document_free(document);
		report_clear(&report);
	}
	return 0;
}
