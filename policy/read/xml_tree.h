/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the XML events (xml.c) and the tree they build (xml_tree.c). */
#ifndef SPLITD_POLICY_XML_TREE_H
#define SPLITD_POLICY_XML_TREE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/read/text.h"
#include "policy/read/value.h"
#include "policy/read/xml.h"

struct arena;
struct report;

enum element {
	ELEMENT_PLIST,
	ELEMENT_DICT,
	ELEMENT_ARRAY,
	ELEMENT_KEY,
	ELEMENT_STRING,
	ELEMENT_INTEGER,
	ELEMENT_REAL,
	ELEMENT_TRUE,
	ELEMENT_FALSE,
	ELEMENT_DATE,
	ELEMENT_DATA,
	ELEMENT_UNKNOWN,
};

/* One open element. */
struct frame {
	enum element element;
	uint32_t line, column;
	struct trail trail;
	bool is_root;	     /* the root value, or the plist around it */
	struct value *value; /* dict and array: under construction */
	struct value **tail;
	uint32_t index;	 /* of the next array item, refused ones counted */
	const char *key; /* dict: waits for its value */
	uint32_t key_line, key_column;
	bool complained; /* of its text, once */
};

struct tree {
	const char *file;
	uint32_t layer; /* of reader.h: goes into every position */
	struct report *report;
	struct arena *arena;
	const char *const *host_keys;
	const struct budget *budget;
	struct frame frames[BUDGET_DEPTH + 2]; /* plist, 32 deep, a scalar */
	unsigned int depth;
	struct value *root;
	size_t nodes;
	char *text; /* of the open scalar */
	size_t text_len, text_size;
	bool text_too_long;
	unsigned int complaints;
	uint32_t line, column; /* of the event */
	int error; /* parsing must stop: -ENOMEM, or -EBADMSG when reported */
};

enum element element_find(const char *name);
const char *element_name(enum element element);
bool element_is_container(enum element element);

/* False: the element is refused (reported) and its content to be skipped. */
bool tree_open(struct tree *tree, const char *name);
void tree_text(struct tree *tree, const char *text, size_t len);
void tree_close(struct tree *tree);

struct frame *tree_top(struct tree *tree); /* NULL outside of the plist */

/* Reports at the event's place, with the key path of the open element. */
void tree_complain(struct tree *tree, const char *code, const char *value,
		   const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* xml_scalar.c: the value of the scalar element just closed; NULL: refused. */
struct value *tree_scalar(struct tree *tree, const struct frame *frame);
struct value *tree_value(struct tree *tree, const struct frame *frame,
			 enum value_type type);

#endif
