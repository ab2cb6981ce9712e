/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of one compilation, shared by the compile*.c files. */
#ifndef SPLITD_POLICY_COMPILER_H
#define SPLITD_POLICY_COMPILER_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/model/model.h"
#include "policy/plan/policy.h"
#include "policy/read/arena.h"

struct report;

/* A document, and its file's name as the policy owns it. */
struct source {
	const struct document *document;
	const char *file;
	bool *is_wrong; /* alone, whatever the others say */
};

/* What all documents say of one tunnel: two files at most. */
struct tunnel_sources {
	const struct source *profile_source, *host_source;
	const struct tunnel_entry *profile, *host;
};

struct compiler {
	struct source *sources; /* sorted by file */
	size_t n_sources;
	struct report *report;
	struct policy *policy;
	struct arena *arena; /* the policy's */
	uint32_t built_in;   /* origin of what the compiler adds */
	size_t n_routes;     /* taken so far, against PREFIXES_MAX */
	int error;	     /* -ENOMEM; findings do not stop the compiler */
};

/*
 * A finding at a spot of a source. One about two things names the source of the
 * other: where that is another file, an error is one between files, else it is
 * the file's alone. NULL where all files together are at fault.
 */
void compiler_complain(struct compiler *compiler, const char *code,
		       const struct source *source, const struct source *other,
		       const struct spot *at, const char *value,
		       const char *format, ...)
	__attribute__((format(printf, 7, 8)));

/*
 * E328: more than max of what count() counts, noticed at a spot of a source. A
 * file that has too many alone is the one to blame, else all together are.
 */
void compiler_complain_limit(struct compiler *compiler,
			     const struct source *source, const struct spot *at,
			     size_t (*count)(const struct document *document),
			     size_t max, const char *what);

/* "host.plist:3:4 Apps.x", for messages that name a second place. */
void compiler_describe(const struct source *source, const struct spot *at,
		       char *buf, size_t size);

uint32_t compiler_origin(struct compiler *compiler, const struct source *source,
			 const struct spot *at);
/* The origin of one thing of a list: PATH[index]. */
uint32_t compiler_item_origin(struct compiler *compiler,
			      const struct source *source, const char *path,
			      uint32_t index, uint32_t line, uint32_t column);
uint32_t compiler_route_origin(struct compiler *compiler,
			       const struct source *source,
			       const struct route_list *list,
			       const struct route *route);

char *compiler_copy(struct compiler *compiler, const char *text);
void *compiler_array(struct compiler *compiler, size_t n, size_t size);

/* The steps, in this order. */
void compile_tunnels(struct compiler *compiler);
void compile_apps(struct compiler *compiler);

/* The prefix set of a tunnel whose modes are known. */
void compile_prefixes(struct compiler *compiler,
		      const struct tunnel_sources *sources,
		      struct tunnel *tunnel);

/*
 * Do two lists name the same prefixes, in whatever order? What is implied
 * counts for nothing. -ENOMEM.
 */
int route_lists_agree(const struct route_list *a, const struct route_list *b);

#endif
