/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outer layers of an input: which format its bytes are, who signed it. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "policy/read/bplist.h"
#include "policy/read/cms.h"
#include "policy/read/envelope.h"
#include "policy/read/position.h"
#include "policy/read/report.h"
#include "policy/read/signature.h"
#include "policy/read/text.h"
#include "policy/read/xml.h"

#define ASN1_SEQUENCE 0x30

static const char byte_order_mark[] = "\xef\xbb\xbf";

/* What is refused at first sight; the longest prefixes come first. */
static const struct {
	const char *start;
	size_t len;
	const char *code;
	const char *message;
} refused[] = {
	{ "-----BEGIN", 10, "E205", "PEM or S/MIME text; convert it to DER" },
	{ "MIME-Version:", 13, "E205",
	  "PEM or S/MIME text; convert it to DER" },
	{ "Content-Type:", 13, "E205",
	  "PEM or S/MIME text; convert it to DER" },
	{ "\xff\xfe", 2, "E105", "UTF-16 or UTF-32 text; save it as UTF-8" },
	{ "\xfe\xff", 2, "E105", "UTF-16 or UTF-32 text; save it as UTF-8" },
	{ "\0\0\xfe\xff", 4, "E105",
	  "UTF-16 or UTF-32 text; save it as UTF-8" },
	{ "<\0", 2, "E105", "UTF-16 or UTF-32 text; save it as UTF-8" },
	{ "\0<", 2, "E105", "UTF-16 or UTF-32 text; save it as UTF-8" },
	{ "{", 1, "E110",
	  "JSON; declarative management is not supported in this version" },
};

static int complain(const struct reader *reader, const char *code,
		    const char *message)
{
	const struct place place = { .file = reader->file, .path = "" };
	int r = report_add(reader->report, code, &place, NULL, "%s%s",
			   reader->layer ? "signed content: " : "", message);

	return r < 0 ? r : -EBADMSG;
}

static bool is_xml(const unsigned char *bytes, size_t len)
{
	size_t i = 0;

	while (i < len && strchr(" \t\r\n", bytes[i]) && bytes[i])
		i++;
	return i < len && bytes[i] == '<';
}

/* What is neither of the formats, told as well as its first bytes allow. */
static int refuse_format(const struct reader *reader,
			 const unsigned char *bytes, size_t len)
{
	char message[96];

	for (size_t k = 0; k < sizeof(refused) / sizeof(refused[0]); k++)
		if (len >= refused[k].len &&
		    memcmp(bytes, refused[k].start, refused[k].len) == 0)
			return complain(reader, refused[k].code,
					refused[k].message);
	if (len)
		snprintf(message, sizeof(message),
			 "not a property list (starts with %02x); expected "
			 "XML, bplist00 or signed DER",
			 bytes[0]);
	else
		snprintf(message, sizeof(message), "not a property list (%s)",
			 reader->layer ? "no bytes" : "empty file");
	return complain(reader, "E101", message);
}

static bool is_xml_char(uint32_t c)
{
	return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
}

static int complain_char(struct report *report, const struct place *place,
			 bool is_utf8, uint32_t c)
{
	if (is_utf8)
		return report_add(report, "E107", place, NULL,
				  "character U+%04X is not allowed", c);
	return report_add(report, "E104", place, NULL,
			  "invalid UTF-8 byte 0x%02x", c);
}

/* All bad characters, each with its place: expat would stop at the first. */
static int check_characters(const struct reader *reader,
			    const unsigned char *text, size_t len)
{
	struct place place = { reader->file, 1 | reader->layer, 1, "" };
	unsigned int bad = 0;

	for (size_t i = 0; i < len && bad < BUDGET_FINDINGS;) {
		uint32_t c = text[i];
		unsigned int n = utf8_char(text + i, len - i, &c);

		if (!n || !is_xml_char(c)) {
			int r = complain_char(reader->report, &place, n, c);

			if (r < 0)
				return r;
			bad++;
		}
		i += n ? n : 1;
		place.column++;
		if (c == '\n') {
			place.line++;
			place.column = 1;
		}
	}
	return bad ? -EBADMSG : 0;
}

static int read_xml(const struct reader *reader, const unsigned char *text,
		    size_t len, struct value **ret_root)
{
	int r = check_characters(reader, text, len);

	return r < 0 ? r : xml_parse(reader, (const char *)text, len, ret_root);
}

/* One layer without a signature around it. */
static int read_plain(const struct reader *reader, const unsigned char *bytes,
		      size_t len, struct value **ret_root)
{
	if (len >= 6 && memcmp(bytes, "bplist", 6) == 0)
		return bplist_parse(reader, bytes, len, ret_root);
	if (len > 3 && memcmp(bytes, byte_order_mark, 3) == 0 &&
	    is_xml(bytes + 3, len - 3))
		return read_xml(reader, bytes + 3, len - 3, ret_root);
	/* UTF-16 begins with '<' in one of the byte orders */
	if (is_xml(bytes, len) && !(len > 1 && bytes[0] == '<' && !bytes[1]))
		return read_xml(reader, bytes, len, ret_root);
	return refuse_format(reader, bytes, len);
}

static int read_signed(const struct reader *reader, const void *bytes,
		       size_t len, const struct signature_policy *policy,
		       struct signature *ret_signature, struct value **ret_root)
{
	struct reader inner = *reader;
	const void *content;
	size_t content_len;
	int r;

	r = cms_open(reader, bytes, len, policy, ret_signature, &content,
		     &content_len);
	if (r < 0)
		return r;
	inner.layer = POSITION_INNER;
	if (content_len && *(const unsigned char *)content == ASN1_SEQUENCE)
		return complain(&inner, "E211",
				"it is itself signed; one layer is read");
	return read_plain(&inner, content, content_len, ret_root);
}

static int check_size(const struct reader *reader, size_t len, size_t limit)
{
	char message[96];

	if (len <= limit)
		return 0;
	snprintf(message, sizeof(message), "file is %zu bytes, limit is %zu",
		 len, limit);
	return complain(reader, "E100", message);
}

int envelope_read(const struct reader *reader, const void *bytes, size_t len,
		  const struct signature_policy *policy,
		  struct signature *ret_signature, struct value **ret_root)
{
	const unsigned char *first = bytes;
	bool is_signed = len && *first == ASN1_SEQUENCE;
	struct signature signature = { 0 };
	struct value *root = NULL;
	int r, missing = 0;

	r = check_size(reader, len,
		       is_signed ? budget_profile.bytes : budget_host.bytes);
	if (r < 0)
		return r;
	if (!is_signed && policy->required)
		missing = complain(reader, "E212",
				   "a signature is required, and the file is "
				   "not signed");
	if (is_signed)
		r = read_signed(reader, bytes, len, policy, &signature, &root);
	else
		r = read_plain(reader, bytes, len, &root);
	if (r < 0 || missing < 0)
		return r < 0 ? r : missing;
	*ret_signature = signature;
	*ret_root = root;
	return 0;
}
