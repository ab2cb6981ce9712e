/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The profile that a command carries: a file within a file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/model/settings.h"
#include "policy/read/arena.h"
#include "policy/read/cleanup.h"
#include "policy/read/envelope.h"
#include "policy/read/position.h"
#include "policy/read/report.h"

#define ARROW " \xe2\x86\x92 " /* U+2192 */

POLICY_CLEANUP(struct arena, arena_free)

/* What the readers found, told as of the file around it. */
static int relay(struct reading *reading, const struct report *inner,
		 const char *prefix)
{
	for (size_t i = 0; i < inner->n; i++) {
		const struct finding *finding = &inner->findings[i];
		struct place place = finding_place(finding);
		char *path _cleanup_free_ = NULL;
		int r;

		if (asprintf(&path, "%s%s", prefix,
			     place.path[0] ? place.path : "(file)") < 0)
			return -ENOMEM;
		place.path = path;
		r = report_copy(reading->report, finding->code, &place,
				finding->value, finding->message);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * A signature around the command covers what is in it. Without one, that of
 * the profile is the file's; a demand was not met by then, and told.
 */
static int read_envelope(struct reading *reading, const struct value *payload,
			 const char *prefix, struct arena *arena,
			 struct value **ret_root)
{
	static const char *const no_host_keys[] = { NULL };
	struct signature_policy demands = { 0 };
	struct report inner _cleanup_(report_clear) = { 0 };
	struct signature signature = { 0 };
	const struct reader reader = { reading->document->file, POSITION_INNER,
				       no_host_keys, &inner, arena };
	int r, told;

	if (reading->signatures)
		demands = *reading->signatures;
	demands.required = false;
	r = envelope_read(&reader, payload->data, payload->n, &demands,
			  &signature, ret_root);
	told = relay(reading, &inner, prefix);
	if (told < 0)
		return told;
	if (r == 0 && !reading->document->signature.n)
		reading->document->signature = signature;
	return r;
}

void command_read_profile(struct reading *reading, const struct value *payload,
			  const struct trail *up)
{
	const struct trail trail = { up, "Payload", 0 };
	struct arena *arena _cleanup_(policy_arena_free_p) = arena_new();
	char *path _cleanup_free_ = trail_format(&trail);
	char *prefix _cleanup_free_ = NULL;
	struct reading nested = *reading;
	struct value *root = NULL;
	const char *type;
	int r;

	if (!payload || payload->type != VALUE_DATA)
		return;
	if (!arena || !path || asprintf(&prefix, "%s" ARROW, path) < 0) {
		reading->error = -ENOMEM;
		return;
	}
	r = read_envelope(reading, payload, prefix, arena, &root);
	if (r == -ENOMEM)
		reading->error = r;
	if (r < 0)
		return;

	type = value_get_string(root, "PayloadType");
	if (!type || strcmp(type, "Configuration") != 0) {
		reading_complain(reading, "E364", payload, &trail, NULL,
				 "holds no profile (PayloadType "
				 "Configuration)");
		return;
	}
	nested.prefix = prefix;
	profile_read(&nested, root);
	reading->error = nested.error;
}
