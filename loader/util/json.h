/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON of texts that need not be UTF-8, such as file names. */
#ifndef SPLITD_JSON_H
#define SPLITD_JSON_H

#include <jansson.h>

/* The text, escaped where it is not UTF-8; null for NULL. A new reference. */
json_t *json_text(const char *text);

#endif
