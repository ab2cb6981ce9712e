/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A document and a report to bytes, for the sandbox's pipe. */
#include <stdlib.h>

#include "policy/model/model.h"
#include "policy/model/wire.h"
#include "policy/read/report.h"

static void put_spot(struct wire_out *out, const struct spot *spot)
{
	wire_put_text(out, spot->path);
	wire_put_u32(out, spot->line);
	wire_put_u32(out, spot->column);
}

static void put_enum(struct wire_out *out, const struct enum_fact *fact)
{
	put_spot(out, &fact->at);
	wire_put_u8(out, fact->value);
}

static void put_routes(struct wire_out *out, const struct route_list *list)
{
	put_spot(out, &list->at);
	wire_put_u8(out, list->by_line);
	wire_put_u32(out, list->n);
	for (size_t i = 0; i < list->n; i++) {
		const struct route *route = &list->routes[i];

		wire_put(out, &route->addr, sizeof(route->addr));
		wire_put_u8(out, route->len);
		wire_put_u32(out, route->line);
		wire_put_u32(out, route->column);
		wire_put_u32(out, route->index);
		wire_put_u8(out, route->implied);
	}
}

static void put_tunnel(struct wire_out *out, const struct tunnel_entry *entry)
{
	wire_put_text(out, entry->uuid);
	put_spot(out, &entry->at);
	wire_put_u8(out, entry->from_profile);
	wire_put_text(out, entry->name);
	wire_put_text(out, entry->interface);
	put_spot(out, &entry->interface_at);
	put_routes(out, &entry->included);
	put_routes(out, &entry->excluded);
	put_enum(out, &entry->when_down);
	put_enum(out, &entry->routing_mode);
	put_enum(out, &entry->inbound);
	wire_put_text(out, entry->foreign_type);
	put_spot(out, &entry->foreign_at);
	wire_put_u8(out, entry->enforce_routes);
	wire_put_u8(out, entry->exclude_local);
	wire_put_u32(out, entry->n_excluded_domains);
	for (size_t i = 0; i < entry->n_excluded_domains; i++)
		wire_put_text(out, entry->excluded_domains[i]);
}

/* The text says all: the decoder parses it again. */
static void put_app(struct wire_out *out, const struct app_entry *entry)
{
	wire_put_text(out, entry->id);
	put_spot(out, &entry->at);
	wire_put_u32(out, entry->n_selectors);
	for (size_t i = 0; i < entry->n_selectors; i++) {
		const struct selector_entry *selector = &entry->selectors[i];

		wire_put_text(out, selector->text);
		wire_put_u32(out, selector->line);
		wire_put_u32(out, selector->column);
		wire_put_u32(out, selector->index);
	}
}

static void put_identity(struct wire_out *out, const struct document *document)
{
	const struct document_identity *identity = &document->identity;

	wire_put_text(out, identity->identifier);
	wire_put_text(out, identity->name);
	wire_put_u8(out, identity->removal_disallowed);
	wire_put_u8(out, identity->has_removal_date);
	wire_put_u8(out, identity->has_duration);
	wire_put_u8(out, identity->has_expiration);
	wire_put(out, &identity->removal_date, sizeof(identity->removal_date));
	wire_put(out, &identity->duration, sizeof(identity->duration));
	wire_put(out, &identity->expiration, sizeof(identity->expiration));
	put_spot(out, &document->removal_at);
	put_spot(out, &document->expiration_at);
	put_spot(out, &document->named_at);
	wire_put_text(out, identity->request);
	wire_put_text(out, identity->command);
	wire_put_text(out, identity->removes);
	wire_put_u32(out, identity->n_asked);
	for (size_t i = 0; i < identity->n_asked; i++)
		wire_put_text(out, identity->asked[i]);
}

/* The time is the reader's own affair. */
static void put_demands(struct wire_out *out,
			const struct signature_policy *demands)
{
	wire_put_u8(out, demands->required);
	wire_put_u8(out, demands->allow_sha1);
	wire_put_u32(out, demands->n_pins);
	wire_put(out, demands->pins, demands->n_pins * sizeof(struct pin));
}

static void put_document(struct wire_out *out, const struct document *document)
{
	wire_put_u8(out, document->kind);
	wire_put_text(out, document->file);
	wire_put_u8(out, (unsigned int)document->signature.n);
	wire_put(out, document->signature.signers,
		 document->signature.n * sizeof(struct pin));

	wire_put_u32(out, document->n_tunnels);
	for (size_t i = 0; i < document->n_tunnels; i++)
		put_tunnel(out, &document->tunnels[i]);

	wire_put_u32(out, document->n_apps);
	for (size_t i = 0; i < document->n_apps; i++)
		put_app(out, &document->apps[i]);

	wire_put_u32(out, document->n_links);
	for (size_t i = 0; i < document->n_links; i++) {
		wire_put_u8(out, document->links[i].source);
		wire_put_text(out, document->links[i].id);
		wire_put_text(out, document->links[i].uuid);
		put_spot(out, &document->links[i].at);
	}

	wire_put_u32(out, document->n_keys);
	for (size_t i = 0; i < document->n_keys; i++) {
		wire_put_text(out, document->keys[i].path);
		wire_put_u8(out, document->keys[i].treatment);
		wire_put_text(out, document->keys[i].note);
	}
	put_identity(out, document);
	put_demands(out, &document->demands);
}

static void put_report(struct wire_out *out, const struct report *report)
{
	size_t kept_errors = 0;

	wire_put_u32(out, report->n);
	for (size_t i = 0; i < report->n; i++) {
		const struct finding *finding = &report->findings[i];
		const struct place place = finding_place(finding);

		kept_errors += finding->severity == SEVERITY_ERROR;
		wire_put_u8(out, finding->severity);
		wire_put_text(out, finding->code);
		wire_put_text(out, finding->file);
		wire_put_u32(out, place.line);
		wire_put_u32(out, place.column);
		wire_put_text(out, finding->path);
		wire_put_text(out, finding->message);
		wire_put_text(out, finding->value);
	}
	wire_put_u32(out, report->n_errors - kept_errors);
	wire_put_u32(out, report->n_suppressed);
}

int document_encode(const struct document *document,
		    const struct report *report, void **ret_bytes,
		    size_t *ret_len)
{
	struct wire_out out = { 0 };

	wire_put_u32(&out, WIRE_MAGIC);
	wire_put_u8(&out, document != NULL);
	if (document)
		put_document(&out, document);
	put_report(&out, report);
	if (out.error) {
		free(out.bytes);
		return out.error;
	}
	*ret_bytes = out.bytes;
	*ret_len = out.len;
	return 0;
}
