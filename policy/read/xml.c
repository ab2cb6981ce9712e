/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XML property lists to value trees; the only file that knows expat. */

/*
 * The DOCTYPE is replaced by as many blanks (line breaks stay), so positions
 * are true and expat never sees a declaration it could act on; one that turns
 * up later is refused. The rest is fed in pieces, which bounds what expat
 * keeps. What the elements mean is the tree's business (xml_tree.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <expat.h>

#include "policy/read/cleanup.h"
#include "policy/read/doctype.h"
#include "policy/read/report.h"
#include "policy/read/xml.h"
#include "policy/read/xml_tree.h"

#define PIECE_BYTES   ((size_t)256 * 1024)
#define SKIPPED_DEPTH 1000

struct xml {
	struct tree tree;
	XML_Parser parser;
	unsigned int skipping; /* open elements inside a refused one */
};

static void take_position(struct xml *xml)
{
	xml->tree.line = (uint32_t)XML_GetCurrentLineNumber(xml->parser);
	xml->tree.column =
		(uint32_t)XML_GetCurrentColumnNumber(xml->parser) + 1;
}

static void check_error(struct xml *xml)
{
	if (xml->tree.error)
		XML_StopParser(xml->parser, XML_FALSE);
}

static void check_attributes(struct xml *xml, const char *name,
			     const char **attributes)
{
	struct tree *tree = &xml->tree;
	bool is_plist = !tree_top(tree) && strcmp(name, "plist") == 0;

	for (; attributes[0]; attributes += 2) {
		bool is_version = is_plist &&
				  strcmp(attributes[0], "version") == 0;

		if (!is_version)
			tree_complain(tree, "E122", attributes[0],
				      "attribute on <%.64s> is not allowed",
				      name);
		else if (strcmp(attributes[1], "1.1") == 0)
			tree_complain(tree, "W131", attributes[1],
				      "unusual plist version");
		else if (strcmp(attributes[1], "1.0") != 0)
			tree_complain(tree, "E122", attributes[1],
				      "plist version must be 1.0");
	}
}

static void XMLCALL on_start(void *ctx, const char *name,
			     const char **attributes)
{
	struct xml *xml = ctx;

	if (xml->tree.error)
		return;
	if (xml->skipping) {
		/* refused, and reported; expat remembers each open element */
		if (++xml->skipping > SKIPPED_DEPTH)
			xml->tree.error = -EBADMSG;
		check_error(xml);
		return;
	}
	take_position(xml);
	check_attributes(xml, name, attributes);
	if (!tree_open(&xml->tree, name))
		xml->skipping = 1;
	check_error(xml);
}

static void XMLCALL on_end(void *ctx, const char *name)
{
	struct xml *xml = ctx;

	(void)name; /* expat has matched it */
	if (xml->tree.error)
		return;
	if (xml->skipping) {
		xml->skipping--;
		return;
	}
	take_position(xml);
	tree_close(&xml->tree);
	check_error(xml);
}

/* In a text for people a comment may stand, in what identifies it may not. */
static void refuse_inside_scalar(struct xml *xml, const char *what)
{
	const struct frame *top = tree_top(&xml->tree);

	if (xml->tree.error || xml->skipping || !top ||
	    element_is_container(top->element) ||
	    top->element == ELEMENT_STRING)
		return;
	take_position(xml);
	tree_complain(&xml->tree, "E122", NULL, "%s inside <%s>", what,
		      element_name(top->element));
	check_error(xml);
}

/*
 * A reference is longer than what it stands for. Numbers and base64 written
 * with them are read differently by different programs.
 */
static void check_reference(struct xml *xml, const char *text, int len)
{
	const struct frame *top = tree_top(&xml->tree);
	bool is_break = len == 1 && *text == '\n'; /* may have been CR LF */

	if (!is_break && XML_GetCurrentByteCount(xml->parser) != len && top &&
	    top->element != ELEMENT_KEY)
		refuse_inside_scalar(xml, "reference");
}

static void XMLCALL on_text(void *ctx, const char *text, int len)
{
	struct xml *xml = ctx;

	if (xml->tree.error || xml->skipping)
		return;
	take_position(xml);
	check_reference(xml, text, len);
	tree_text(&xml->tree, text, (size_t)len);
	check_error(xml);
}

static void XMLCALL on_comment(void *ctx, const char *text)
{
	(void)text;
	refuse_inside_scalar(ctx, "comment");
}

static void XMLCALL on_cdata(void *ctx)
{
	refuse_inside_scalar(ctx, "CDATA section");
}

static void XMLCALL on_instruction(void *ctx, const char *target,
				   const char *text)
{
	struct xml *xml = ctx;

	(void)text;
	if (xml->tree.error)
		return;
	take_position(xml);
	tree_complain(&xml->tree, "E122", target,
		      "processing instruction is not allowed");
	check_error(xml);
}

static void XMLCALL on_doctype(void *ctx, const char *name, const char *system,
			       const char *public, int has_subset)
{
	struct xml *xml = ctx;

	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	take_position(xml);
	tree_complain(&xml->tree, "E108", NULL, "second DOCTYPE");
	if (!xml->tree.error)
		xml->tree.error = -EBADMSG;
	check_error(xml);
}

static void XMLCALL on_declaration(void *ctx, const char *version,
				   const char *encoding, int standalone)
{
	struct xml *xml = ctx;

	(void)version;
	(void)standalone;
	if (!encoding || strcasecmp(encoding, "UTF-8") == 0 ||
	    strcasecmp(encoding, "US-ASCII") == 0)
		return;
	take_position(xml);
	tree_complain(&xml->tree, "E106", encoding,
		      "encoding is declared; only UTF-8 is read");
	check_error(xml);
}

/* The name in the closing tag where expat stopped. */
static void closing_name(struct xml *xml, char name[65])
{
	int offset = 0, size = 0;
	const char *context = XML_GetInputContext(xml->parser, &offset, &size);
	size_t n = 0;

	if (context && offset + 1 < size && context[offset] == '<')
		offset += 2;
	while (context && offset + (int)n < size && n < 64 &&
	       !strchr("> \t\r\n", context[offset + (int)n])) {
		name[n] = context[offset + (int)n];
		n++;
	}
	name[n] = '\0';
}

static void explain_mismatch(struct xml *xml)
{
	struct tree *tree = &xml->tree;
	struct frame *top = tree_top(tree);
	char name[65];

	closing_name(xml, name);
	tree->column -= tree->column > 2 ? 2 : 0; /* expat is behind the "</" */
	if (xml->skipping || !top)
		tree_complain(
			tree, "E112", name,
			"closing tag does not match the element it closes");
	else
		tree_complain(tree, "E112", NULL,
			      "</%s> closes <%s> opened at %u:%u", name,
			      element_name(top->element), top->line,
			      top->column);
}

static void explain_end(struct xml *xml)
{
	struct tree *tree = &xml->tree;
	struct frame *top = tree_top(tree);

	if (top)
		tree_complain(
			tree, "E103", NULL,
			"unexpected end of file inside <%s> opened at %u:%u",
			element_name(top->element), top->line, top->column);
	else
		tree_complain(tree, "E103", NULL, "unexpected end of file");
}

static void explain_syntax(struct xml *xml)
{
	struct tree *tree = &xml->tree;
	enum XML_Error error = XML_GetErrorCode(xml->parser);

	take_position(xml);
	switch (error) {
	case XML_ERROR_NO_MEMORY:
		tree->error = -ENOMEM;
		return;
	case XML_ERROR_TAG_MISMATCH:
		explain_mismatch(xml);
		return;
	case XML_ERROR_NO_ELEMENTS:
	case XML_ERROR_UNCLOSED_TOKEN:
	case XML_ERROR_UNCLOSED_CDATA_SECTION:
	case XML_ERROR_PARTIAL_CHAR:
		explain_end(xml);
		return;
	case XML_ERROR_JUNK_AFTER_DOC_ELEMENT:
		tree_complain(tree, "E113", NULL, "content after </plist>");
		return;
	case XML_ERROR_UNDEFINED_ENTITY:
		tree_complain(tree, "E109", NULL, "unknown entity");
		return;
	case XML_ERROR_BAD_CHAR_REF:
		tree_complain(tree, "E109", NULL, "bad character reference");
		return;
	case XML_ERROR_DUPLICATE_ATTRIBUTE:
	case XML_ERROR_MISPLACED_XML_PI:
	case XML_ERROR_RESERVED_PREFIX_XML:
	case XML_ERROR_UNBOUND_PREFIX:
		tree_complain(tree, "E122", NULL, "%s", XML_ErrorString(error));
		return;
	default:
		tree_complain(tree, "E123", NULL, "not well-formed XML: %s",
			      XML_ErrorString(error));
	}
}

/* False when parsing has ended, one way or the other. */
static bool feed(struct xml *xml, const char *text, size_t len, bool last)
{
	do {
		size_t n = len < PIECE_BYTES ? len : PIECE_BYTES;
		bool final = last && n == len;

		if (XML_Parse(xml->parser, text, (int)n, final) !=
		    XML_STATUS_OK) {
			if (!xml->tree.error)
				explain_syntax(xml);
			return false;
		}
		text += n;
		len -= n;
	} while (len);
	return true;
}

/* One blank for every character, so that no column moves. */
static char *make_blanks(const char *text, size_t len, size_t *ret_n)
{
	char *blanks = malloc(len + 1);
	size_t n = 0;

	if (!blanks)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n' || text[i] == '\r')
			blanks[n++] = text[i];
		else if (((unsigned char)text[i] & 0xc0) != 0x80)
			blanks[n++] = ' ';
	*ret_n = n;
	return blanks;
}

/* Line and column of a byte, for what is said of the DOCTYPE. */
static void position_of(struct tree *tree, const char *text, size_t offset)
{
	tree->line = 1;
	tree->column = 1;
	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			tree->line++;
			tree->column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			tree->column++;
		}
	}
}

static bool check_doctype(struct tree *tree, const char *text,
			  const struct doctype *doctype)
{
	position_of(tree, text, doctype->start);
	if (doctype->has_subset)
		tree_complain(tree, "E108", NULL,
			      "internal DTD in the DOCTYPE is not allowed");
	if (doctype->unclosed)
		tree_complain(tree, "E103", NULL,
			      "unexpected end of file inside the DOCTYPE");
	if (doctype->malformed)
		tree_complain(tree, "W130", NULL,
			      "DOCTYPE is malformed; ignored");
	return !doctype->has_subset && !doctype->unclosed && !tree->error;
}

static int run(struct xml *xml, const char *text, size_t len)
{
	char *blanks _cleanup_free_ = NULL;
	struct doctype doctype;
	size_t n_blanks = 0;

	doctype_find(text, len, &doctype);
	if (!check_doctype(&xml->tree, text, &doctype))
		return xml->tree.error;

	blanks = make_blanks(text + doctype.start, doctype.end - doctype.start,
			     &n_blanks);
	if (!blanks)
		return -ENOMEM;
	if (feed(xml, text, doctype.start, false) &&
	    feed(xml, blanks, n_blanks, false))
		feed(xml, text + doctype.end, len - doctype.end, true);
	return xml->tree.error;
}

static void set_handlers(struct xml *xml)
{
	XML_SetUserData(xml->parser, xml);
	XML_SetElementHandler(xml->parser, on_start, on_end);
	XML_SetCharacterDataHandler(xml->parser, on_text);
	XML_SetCommentHandler(xml->parser, on_comment);
	XML_SetStartCdataSectionHandler(xml->parser, on_cdata);
	XML_SetProcessingInstructionHandler(xml->parser, on_instruction);
	XML_SetStartDoctypeDeclHandler(xml->parser, on_doctype);
	XML_SetXmlDeclHandler(xml->parser, on_declaration);
	XML_SetParamEntityParsing(xml->parser, XML_PARAM_ENTITY_PARSING_NEVER);
}

static void parser_free(XML_Parser *parser)
{
	if (*parser)
		XML_ParserFree(*parser);
}

int xml_parse(const struct reader *reader, const char *text, size_t len,
	      struct value **ret_root)
{
	XML_Parser parser _cleanup_(parser_free) = XML_ParserCreate("UTF-8");
	struct xml *xml _cleanup_free_ = calloc(1, sizeof(*xml));
	size_t errors = reader->report->n_errors;
	int r;

	if (!xml || !parser)
		return -ENOMEM;
	xml->parser = parser;
	xml->tree.file = reader->file;
	xml->tree.layer = reader->layer;
	xml->tree.report = reader->report;
	xml->tree.arena = reader->arena;
	xml->tree.host_keys = reader->host_keys;
	xml->tree.budget = &budget_profile;
	set_handlers(xml);

	r = run(xml, text, len);
	free(xml->tree.text);
	if (r == 0 && reader->report->n_errors == errors && !xml->tree.root) {
		tree_complain(&xml->tree, "E300", NULL,
			      "<plist> holds no value");
		r = xml->tree.error;
	}
	if (r < 0)
		return r;
	if (reader->report->n_errors != errors)
		return -EBADMSG;
	*ret_root = xml->tree.root;
	return 0;
}
