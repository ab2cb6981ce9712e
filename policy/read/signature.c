/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who signed a file, and who must have. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/read/signature.h"

static const char prefix[] = "sha256:";

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -EINVAL;
}

int pin_parse(const char *text, struct pin *ret)
{
	struct pin pin;

	if (strncmp(text, prefix, sizeof(prefix) - 1) == 0)
		text += sizeof(prefix) - 1;
	if (strlen(text) != sizeof(pin.bytes) * 2)
		return -EINVAL;

	for (size_t i = 0; i < sizeof(pin.bytes); i++) {
		int high = hex_digit(text[i * 2]);
		int low = hex_digit(text[i * 2 + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		pin.bytes[i] = (unsigned char)(high << 4 | low);
	}
	*ret = pin;
	return 0;
}

void pin_format(const struct pin *pin, char text[PIN_TEXT])
{
	int n = snprintf(text, PIN_TEXT, "%s", prefix);

	for (size_t i = 0; i < sizeof(pin->bytes); i++)
		n += snprintf(text + n, 3, "%02x", pin->bytes[i]);
}

bool signature_is_pinned(const struct signature_policy *policy,
			 const struct pin *pin)
{
	for (size_t i = 0; i < policy->n_pins; i++)
		if (memcmp(&policy->pins[i], pin, sizeof(*pin)) == 0)
			return true;
	return false;
}
