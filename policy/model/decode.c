/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes from the sandbox's pipe to a document and a report: nothing trusted. */

/*
 * The child that wrote these bytes has read hostile files and may be hostile
 * itself. So everything the reading side promises (ranges, masked host bits,
 * valid names and selectors) is established again, and nothing reaches the
 * caller before the last byte was good.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model/domain.h"
#include "policy/model/keys.h"
#include "policy/model/prefix.h"
#include "policy/model/selector.h"
#include "policy/model/wire.h"
#include "policy/read/arena.h"
#include "policy/read/cleanup.h"
#include "policy/read/report.h"

#define TEXT_MAX     ((size_t)64 * 1024)
#define PATH_MAX_LEN ((size_t)128 * 1024) /* 32 keys of 255, escaped */
#define KEYS_MAX     2200000
#define FINDINGS_MAX 400

/* The fewest bytes that each of these can take. */
#define ROUTE_BYTES    30
#define TUNNEL_BYTES   60
#define APP_BYTES      20
#define SELECTOR_BYTES 16
#define LINK_BYTES     21
#define DOMAIN_BYTES   4
#define ASKED_BYTES    4
#define KEY_BYTES      9
#define FINDING_BYTES  29

POLICY_CLEANUP(struct document, document_free)

static void get_spot(struct wire_in *in, struct spot *spot)
{
	spot->path = wire_get_text_or_null(in, PATH_MAX_LEN);
	spot->line = wire_get_u32(in, UINT32_MAX);
	spot->column = wire_get_u32(in, UINT32_MAX);
}

/* The spot of something that is there. */
static void get_known_spot(struct wire_in *in, struct spot *spot)
{
	get_spot(in, spot);
	if (!spot->path)
		wire_fail(in, -EBADMSG);
}

static const char *get_identifier(struct wire_in *in)
{
	const char *text = wire_get_text(in, IDENTIFIER_MAX);

	if (text && !identifier_valid(text))
		wire_fail(in, -EBADMSG);
	return text;
}

static void get_enum(struct wire_in *in, struct enum_fact *fact, uint32_t max)
{
	get_spot(in, &fact->at);
	fact->value = wire_get_u8(in, max);
}

static void get_routes(struct wire_in *in, struct route_list *list)
{
	get_spot(in, &list->at);
	list->by_line = wire_get_u8(in, 1);
	list->n = wire_get_count(in, PREFIXES_MAX, ROUTE_BYTES);
	if (list->n && !list->at.path)
		wire_fail(in, -EBADMSG);
	list->routes = wire_array(in, list->n, sizeof(*list->routes));

	for (size_t i = 0; i < list->n && !in->error; i++) {
		struct route *route = &list->routes[i];

		wire_get(in, &route->addr, sizeof(route->addr));
		route->len = (uint8_t)wire_get_u8(in, 128);
		route->line = wire_get_u32(in, UINT32_MAX);
		route->column = wire_get_u32(in, UINT32_MAX);
		route->index = wire_get_u32(in, UINT32_MAX);
		route->implied = wire_get_u8(in, 1);
		if (address_mask(&route->addr, route->len))
			wire_fail(in, -EBADMSG);
	}
}

/* Exactly as domain_parse() has it. */
static const char *get_domain(struct wire_in *in)
{
	const char *text = wire_get_text(in, DOMAIN_MAX);
	char name[DOMAIN_MAX + 1];
	const char *problem;

	if (text &&
	    (domain_parse(text, name, &problem) < 0 || strcmp(text, name) != 0))
		wire_fail(in, -EBADMSG);
	return text;
}

static void get_profile_part(struct wire_in *in, struct tunnel_entry *entry)
{
	entry->foreign_type = wire_get_text_or_null(in, TEXT_MAX);
	get_spot(in, &entry->foreign_at);
	if (entry->foreign_type && !entry->foreign_at.path)
		wire_fail(in, -EBADMSG);
	entry->enforce_routes = wire_get_u8(in, 1);
	entry->exclude_local = wire_get_u8(in, 1);
	entry->n_excluded_domains =
		wire_get_count(in, UINT32_MAX, DOMAIN_BYTES);
	entry->excluded_domains =
		wire_array(in, entry->n_excluded_domains, sizeof(char *));
	for (size_t i = 0; i < entry->n_excluded_domains && !in->error; i++)
		entry->excluded_domains[i] = get_domain(in);
}

static void get_tunnel(struct wire_in *in, struct tunnel_entry *entry)
{
	entry->uuid = get_identifier(in);
	get_known_spot(in, &entry->at);
	entry->from_profile = wire_get_u8(in, 1);
	entry->name = wire_get_text(in, TEXT_MAX);
	entry->interface = wire_get_text_or_null(in, INTERFACE_MAX);
	get_spot(in, &entry->interface_at);
	if (entry->interface &&
	    (!interface_valid(entry->interface) || !entry->interface_at.path))
		wire_fail(in, -EBADMSG);
	get_routes(in, &entry->included);
	get_routes(in, &entry->excluded);
	get_enum(in, &entry->when_down, WHEN_DOWN_DIRECT);
	get_enum(in, &entry->routing_mode, ROUTING_APP_ONLY);
	get_enum(in, &entry->inbound, INBOUND_DENY);
	get_profile_part(in, entry);
}

static void get_selector(struct wire_in *in, struct selector_entry *selector)
{
	struct selector_parse parse;

	selector->text = wire_get_text(in, TEXT_MAX);
	selector->line = wire_get_u32(in, UINT32_MAX);
	selector->column = wire_get_u32(in, UINT32_MAX);
	selector->index = wire_get_u32(in, UINT32_MAX);
	if (in->error)
		return;
	if (selector_parse(selector->text, &parse) < 0) {
		wire_fail(in, -EBADMSG);
		return;
	}
	selector->kind = parse.kind;
	selector->path = arena_strndup(in->arena, parse.path, parse.path_len);
	if (!selector->path)
		wire_fail(in, -ENOMEM);
}

static void get_app(struct wire_in *in, struct app_entry *entry)
{
	entry->id = get_identifier(in);
	get_known_spot(in, &entry->at);
	entry->n_selectors = wire_get_count(in, UINT32_MAX, SELECTOR_BYTES);
	entry->selectors =
		wire_array(in, entry->n_selectors, sizeof(*entry->selectors));
	for (size_t i = 0; i < entry->n_selectors && !in->error; i++)
		get_selector(in, &entry->selectors[i]);
}

static void get_links(struct wire_in *in, struct document *document)
{
	document->n_links = wire_get_count(in, UINT32_MAX, LINK_BYTES);
	document->links =
		wire_array(in, document->n_links, sizeof(*document->links));
	for (size_t i = 0; i < document->n_links && !in->error; i++) {
		struct link_entry *link = &document->links[i];

		link->source = wire_get_u8(in, LINK_MAPPING);
		link->id = get_identifier(in);
		link->uuid = wire_get_text_or_null(in, IDENTIFIER_MAX);
		if (link->uuid && !identifier_valid(link->uuid))
			wire_fail(in, -EBADMSG);
		get_known_spot(in, &link->at);
	}
}

static void get_keys(struct wire_in *in, struct document *document)
{
	document->n_keys = wire_get_count(in, KEYS_MAX, KEY_BYTES);
	document->keys =
		wire_array(in, document->n_keys, sizeof(*document->keys));
	for (size_t i = 0; i < document->n_keys && !in->error; i++) {
		struct key_note *key = &document->keys[i];

		key->path = (char *)wire_get_text(in, PATH_MAX_LEN);
		key->treatment = wire_get_u8(in, TREATMENT_NOT_YET);
		key->note = (char *)wire_get_text(in, TEXT_MAX);
	}
}

static void get_identity(struct wire_in *in, struct document *document)
{
	struct document_identity *identity = &document->identity;

	identity->identifier = wire_get_text_or_null(in, TEXT_MAX);
	identity->name = wire_get_text_or_null(in, TEXT_MAX);
	identity->removal_disallowed = wire_get_u8(in, 1);
	identity->has_removal_date = wire_get_u8(in, 1);
	identity->has_duration = wire_get_u8(in, 1);
	identity->has_expiration = wire_get_u8(in, 1);
	wire_get(in, &identity->removal_date, sizeof(identity->removal_date));
	wire_get(in, &identity->duration, sizeof(identity->duration));
	wire_get(in, &identity->expiration, sizeof(identity->expiration));
	get_spot(in, &document->removal_at);
	get_spot(in, &document->expiration_at);
	get_spot(in, &document->named_at);
	if ((identity->has_removal_date && !document->removal_at.path) ||
	    (identity->has_expiration && !document->expiration_at.path) ||
	    identity->duration < 0)
		wire_fail(in, -EBADMSG);
	identity->request = wire_get_text_or_null(in, TEXT_MAX);
	identity->command = wire_get_text_or_null(in, TEXT_MAX);
	identity->removes = wire_get_text_or_null(in, TEXT_MAX);
	identity->n_asked = wire_get_count(in, UINT32_MAX, ASKED_BYTES);
	identity->asked = wire_array(in, identity->n_asked, sizeof(char *));
	for (size_t i = 0; i < identity->n_asked && !in->error; i++)
		identity->asked[i] = wire_get_text(in, TEXT_MAX);
}

static void get_demands(struct wire_in *in, struct signature_policy *demands)
{
	struct pin *pins;

	demands->required = wire_get_u8(in, 1);
	demands->allow_sha1 = wire_get_u8(in, 1);
	demands->n_pins = wire_get_count(in, UINT32_MAX, sizeof(*pins));
	pins = wire_array(in, demands->n_pins, sizeof(*pins));
	if (in->error)
		return;
	wire_get(in, pins, demands->n_pins * sizeof(*pins));
	demands->pins = pins;
}

/* A profile recognises an app by one executable, and by nothing else. */
static void check_apps(struct wire_in *in, const struct document *document)
{
	for (size_t i = 0; i < document->n_apps; i++) {
		const struct app_entry *app = &document->apps[i];

		if (app->n_selectors != 1 ||
		    app->selectors[0].kind != SELECTOR_EXE)
			wire_fail(in, -EBADMSG);
	}
}

/* Only a host file speaks for the host, and a command not for others. */
static void check_kind(struct wire_in *in, const struct document *document)
{
	bool is_host = document->kind == DOCUMENT_HOST;
	bool is_profile = document->kind == DOCUMENT_PROFILE;

	if (in->error)
		return;
	for (size_t i = 0; i < document->n_links; i++) {
		enum link_source source = document->links[i].source;

		if (is_host != (source == LINK_HOST) ||
		    (is_profile && source != LINK_MAPPING))
			wire_fail(in, -EBADMSG);
	}
	for (size_t i = 0; i < document->n_tunnels; i++)
		if (document->tunnels[i].from_profile == is_host)
			wire_fail(in, -EBADMSG);
	if (!is_host)
		check_apps(in, document);
	if (!is_host &&
	    (document->demands.required || document->demands.allow_sha1 ||
	     document->demands.n_pins))
		wire_fail(in, -EBADMSG);
}

static void get_document(struct wire_in *in, struct document *document)
{
	document->kind = wire_get_u8(in, DOCUMENT_HOST);
	document->file = wire_get_text(in, TEXT_MAX);
	document->signature.n = wire_get_u8(in, SIGNERS_MAX);
	wire_get(in, document->signature.signers,
		 document->signature.n * sizeof(struct pin));

	document->n_tunnels = wire_get_count(in, UINT32_MAX, TUNNEL_BYTES);
	document->tunnels =
		wire_array(in, document->n_tunnels, sizeof(*document->tunnels));
	for (size_t i = 0; i < document->n_tunnels && !in->error; i++)
		get_tunnel(in, &document->tunnels[i]);

	document->n_apps = wire_get_count(in, UINT32_MAX, APP_BYTES);
	document->apps =
		wire_array(in, document->n_apps, sizeof(*document->apps));
	for (size_t i = 0; i < document->n_apps && !in->error; i++)
		get_app(in, &document->apps[i]);

	get_links(in, document);
	get_keys(in, document);
	get_identity(in, document);
	get_demands(in, &document->demands);
	check_kind(in, document);
}

static bool is_code(const char *code)
{
	return strlen(code) == 4 && strchr("EWN", code[0]) &&
	       strspn(code + 1, "0123456789") == 3;
}

static void get_finding(struct wire_in *in, struct report *report)
{
	uint32_t severity = wire_get_u8(in, SEVERITY_WARNING);
	const char *code = wire_get_text(in, 4);
	const char *file = wire_get_text(in, TEXT_MAX);
	const uint32_t line = wire_get_u32(in, UINT32_MAX);
	const uint32_t column = wire_get_u32(in, UINT32_MAX);
	const char *path = wire_get_text(in, PATH_MAX_LEN);
	const char *message = wire_get_text(in, TEXT_MAX);
	const char *value = wire_get_text_or_null(in, TEXT_MAX);
	const struct place place = { file, line, column, path };
	int r;

	if (in->error)
		return;
	if (!is_code(code) ||
	    (severity == SEVERITY_ERROR) != (code[0] == 'E')) {
		wire_fail(in, -EBADMSG);
		return;
	}
	r = report_copy(report, code, &place, value, message);
	if (r < 0)
		wire_fail(in, r);
}

static void get_report(struct wire_in *in, struct report *report)
{
	size_t n = wire_get_count(in, FINDINGS_MAX, FINDING_BYTES);

	for (size_t i = 0; i < n && !in->error; i++)
		get_finding(in, report);
	report->n_errors += wire_get_u32(in, UINT32_MAX);
	report->n_suppressed += wire_get_u32(in, UINT32_MAX);
}

static int decode(struct wire_in *in, struct report *report,
		  struct document *document, bool *ret_has_document)
{
	if (wire_get_u32(in, UINT32_MAX) != WIRE_MAGIC)
		wire_fail(in, -EBADMSG);
	*ret_has_document = wire_get_u8(in, 1);
	if (*ret_has_document)
		get_document(in, document);
	get_report(in, report);
	if (in->at != in->len)
		wire_fail(in, -EBADMSG);
	return in->error;
}

int document_decode(const void *bytes, size_t len, struct report *report,
		    struct document **ret_document)
{
	struct document *document _cleanup_(policy_document_free_p) =
		document_new();
	struct report found _cleanup_(report_clear) = { 0 };
	struct wire_in in = { .bytes = bytes, .len = len };
	bool has_document = false;
	int r;

	if (!document)
		return -ENOMEM;
	in.arena = document->arena;
	r = decode(&in, &found, document, &has_document);
	if (r < 0)
		return r;
	r = report_move(report, &found);
	if (r < 0)
		return r;
	*ret_document = has_document ? TAKE_PTR(document) : NULL;
	return 0;
}
