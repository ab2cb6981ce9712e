/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directory and store become one: what is installed, as documents. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "loader/daemon/answers.h"
#include "loader/daemon/documents.h"
#include "loader/daemon/installed.h"
#include "loader/daemon/merge.h"
#include "loader/daemon/sandbox.h"
#include "loader/util/cleanup.h"
#include "policy/plan/policy.h"
#include "policy/read/report.h"
#include "policy/read/signature.h"

static bool has_code(const struct report *report, const char *code)
{
	for (size_t i = 0; i < report->n; i++)
		if (!strcmp(report->findings[i].code, code))
			return true;
	return false;
}

int parse_kept(const char *file, const void *bytes, size_t len,
	       struct report *report, struct document **ret_document)
{
	const struct signature_policy anybody = { .allow_sha1 = true };
	struct report said = { 0 };
	int r;

	/* It was good: that its parser fails makes it none the worse. */
	r = sandbox_parse(file, bytes, len, &anybody, &said, ret_document);
	if (has_code(&said, "E199")) {
		r = r == -EBADMSG ? -EIO : r;
		r = report_move(report, &said) < 0 ? -ENOMEM : r;
	}
	report_clear(&said);
	return r;
}

/* Only the links that no later command has taken off. */
static void choose_links(struct document *document, const json_t *item)
{
	size_t i = 0;

	while (i < document_links(document)) {
		if (installed_links(item, document_link(document, i).id))
			i++;
		else
			document_drop_link(document, i);
	}
}

static int add(const struct installed_view *view, const json_t *item,
	       struct documents *documents, struct report *report)
{
	_cleanup_free_ char *name = installed_name(item);
	_cleanup_free_ void *bytes = NULL;
	struct document *document = NULL;
	size_t len = 0;
	int r;

	if (!name)
		return -ENOMEM;
	r = installed_read(view, item, &bytes, &len);
	if (r < 0)
		return r;
	r = answers_parse(documents->answers, name, bytes, len,
			  documents->demands, report, &document);
	if (r == -EBADMSG)
		r = parse_kept(name, bytes, len, report, &document);
	/* Never good: not even by these rules. It has been told why. */
	if (r == -EBADMSG)
		return 0;
	if (r < 0)
		return r;
	choose_links(document, item);
	return documents_add(documents, document, report);
}

int documents_add_installed(struct documents *documents,
			    const struct installed_view *view,
			    struct report *report)
{
	size_t n_files = documents->n, i;
	const json_t *item;
	int r = 0;

	if (!view)
		return 0;
	json_array_foreach(installed_items(view), i, item) {
		r = add(view, item, documents, report);
		if (r < 0)
			return r;
	}
	return documents_check_twice(documents, n_files, report);
}

void policy_disable(struct policy *policy, const struct installed_view *view)
{
	for (size_t i = 0; view && i < policy->n_tunnels; i++) {
		struct tunnel *tunnel = &policy->tunnels[i];

		if (!installed_is_disabled(view, tunnel->uuid))
			continue;
		tunnel->disabled = true;
		tunnel->interface = NULL;
	}
}
