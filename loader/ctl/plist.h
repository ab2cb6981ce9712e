/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON as an XML property list. */
#ifndef SPLITD_PLIST_H
#define SPLITD_PLIST_H

#include <stdio.h>

#include <jansson.h>

/* null, which a property list has no word for, is left out. */
void plist_print(const json_t *json, FILE *out);

#endif
