/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binary property lists ("bplist00") to value trees. */
#ifndef SPLITD_POLICY_BPLIST_H
#define SPLITD_POLICY_BPLIST_H

#include <stddef.h>

#include "policy/read/reader.h"

struct value;

/*
 * Stricter than what writes them, and as strict as xml_parse(): both readers
 * accept the same policies. Positions are object number and byte offset. The
 * tree does not point into bytes. With an error in the report -EBADMSG and
 * *ret_root untouched; -ENOMEM when memory is short.
 *
 *   E140 no "bplist00"                E149 integer beyond 64 bits
 *   E141 integer sizes of trailer     E150 byte beyond ASCII in ASCII string
 *   E142 number of objects, root      E151 unpaired surrogate
 *   E143 place of the offset table    E152 NUL in a string
 *   E144 offset of an object          E153 object that contains itself
 *   E145 object cut short             E154 objects that overlap
 *   E146 reference to no object       W155 bytes or objects of no use
 *   E147 key that is no string        E156 date out of range
 *   E148 type that policies lack
 *
 * and E107, E115, E116, E118 as in XML.
 */
int bplist_parse(const struct reader *reader, const void *bytes, size_t len,
		 struct value **ret_root);

#endif
