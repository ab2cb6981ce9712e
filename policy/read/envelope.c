/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outermost layer of an input: which format its bytes are. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "policy/read/envelope.h"
#include "policy/read/report.h"
#include "policy/read/text.h"
#include "policy/read/xml.h"

/* What is refused at first sight; the longest prefixes come first. */
static const struct {
	const char *start;
	size_t len;
	const char *code;
	const char *message;
} refused[] = {
	{ "bplist", 6, "E140",
	  "binary property lists are not read by this build yet" },
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
	{ "\x30", 1, "E200", "signed profiles are not read by this build yet" },
};

static int complain(struct report *report, const char *file, const char *code,
		    const char *message)
{
	const struct place place = { .file = file, .path = "" };
	int r = report_add(report, code, &place, NULL, "%s", message);

	return r < 0 ? r : -EBADMSG;
}

static int check_format(const char *file, const unsigned char *bytes,
			size_t len, struct report *report)
{
	char message[96];
	size_t i = 0;

	for (size_t k = 0; k < sizeof(refused) / sizeof(refused[0]); k++)
		if (len >= refused[k].len &&
		    memcmp(bytes, refused[k].start, refused[k].len) == 0)
			return complain(report, file, refused[k].code,
					refused[k].message);

	while (i < len && strchr(" \t\r\n", bytes[i]) && bytes[i])
		i++;
	if (i < len && bytes[i] == '<')
		return 0;

	if (len)
		snprintf(message, sizeof(message),
			 "not a property list (starts with %02x); expected "
			 "XML, bplist00 or signed DER",
			 bytes[0]);
	else
		snprintf(message, sizeof(message),
			 "not a property list (empty file)");
	return complain(report, file, "E101", message);
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
static int check_characters(const char *file, const unsigned char *text,
			    size_t len, struct report *report)
{
	struct place place = { file, 1, 1, "" };
	bool good = true;

	for (size_t i = 0; i < len;) {
		uint32_t c = text[i];
		unsigned int n = utf8_char(text + i, len - i, &c);

		if (!n || !is_xml_char(c)) {
			int r = complain_char(report, &place, n, c);

			if (r < 0)
				return r;
			good = false;
		}
		i += n ? n : 1;
		place.column++;
		if (c == '\n') {
			place.line++;
			place.column = 1;
		}
	}
	return good ? 0 : -EBADMSG;
}

int envelope_read(const char *file, const void *bytes, size_t len,
		  const char *const *host_keys, struct report *report,
		  struct arena *arena, struct value **ret_root)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	const char *text = bytes;
	int r;

	if (len > budget_host.bytes) {
		const struct place place = { .file = file, .path = "" };

		r = report_add(report, "E100", &place, NULL,
			       "file is %zu bytes, limit is %zu", len,
			       budget_host.bytes);
		return r < 0 ? r : -EBADMSG;
	}
	if (len >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
		text += 3;
		len -= 3;
	}

	r = check_format(file, (const unsigned char *)text, len, report);
	if (r < 0)
		return r;
	r = check_characters(file, (const unsigned char *)text, len, report);
	if (r < 0)
		return r;
	return xml_parse(file, text, len, host_keys, report, arena, ret_root);
}
