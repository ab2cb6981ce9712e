/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DOCTYPE of an XML file, found lexically and never parsed. */
#include <string.h>

#include "policy/read/doctype.h"

struct cursor {
	const char *text;
	size_t len, at;
};

static bool looking_at(const struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	return c->len - c->at >= n && memcmp(c->text + c->at, word, n) == 0;
}

static size_t skip_blanks(struct cursor *c)
{
	size_t start = c->at;

	while (c->at < c->len && strchr(" \t\r\n", c->text[c->at]) &&
	       c->text[c->at])
		c->at++;
	return c->at - start;
}

static bool skip_past(struct cursor *c, const char *word)
{
	const char *found =
		memmem(c->text + c->at, c->len - c->at, word, strlen(word));

	if (!found)
		return false;
	c->at = (size_t)(found - c->text) + strlen(word);
	return true;
}

/* To the first markup that is neither comment nor processing instruction. */
static bool skip_prolog(struct cursor *c)
{
	for (;;) {
		skip_blanks(c);
		if (looking_at(c, "<!--")) {
			c->at += 4;
			if (!skip_past(c, "-->"))
				return false;
		} else if (looking_at(c, "<?")) {
			if (!skip_past(c, "?>"))
				return false;
		} else {
			return looking_at(c, "<!DOCTYPE");
		}
	}
}

static bool skip_quoted(struct cursor *c)
{
	char quote[2] = "";

	if (c->at >= c->len ||
	    (c->text[c->at] != '"' && c->text[c->at] != '\''))
		return false;
	quote[0] = c->text[c->at++];
	return skip_past(c, quote);
}

/* S Name (S ExternalID)? S? ">"   (XML 1.0, [28]) */
static bool is_well_formed(struct cursor c)
{
	c.at += strlen("<!DOCTYPE");
	if (!skip_blanks(&c))
		return false;
	while (c.at < c.len && !strchr(" \t\r\n>\"'", c.text[c.at]))
		c.at++;

	if (!skip_blanks(&c))
		return c.text[c.at] == '>';
	if (looking_at(&c, "PUBLIC")) {
		c.at += 6;
		if (!skip_blanks(&c) || !skip_quoted(&c) || !skip_blanks(&c) ||
		    !skip_quoted(&c))
			return false;
	} else if (looking_at(&c, "SYSTEM")) {
		c.at += 6;
		if (!skip_blanks(&c) || !skip_quoted(&c))
			return false;
	}
	skip_blanks(&c);
	return c.at < c.len && c.text[c.at] == '>';
}

void doctype_find(const char *text, size_t len, struct doctype *ret_doctype)
{
	struct cursor c = { text, len, 0 }, start;

	memset(ret_doctype, 0, sizeof(*ret_doctype));
	if (!skip_prolog(&c))
		return;

	start = c;
	ret_doctype->start = ret_doctype->end = c.at;
	while (c.at < c.len && c.text[c.at] != '>' && c.text[c.at] != '[') {
		if (c.text[c.at] != '"' && c.text[c.at] != '\'')
			c.at++;
		else if (!skip_quoted(&c))
			c.at = c.len;
	}
	if (c.at == c.len) {
		ret_doctype->unclosed = true;
		return;
	}
	if (c.text[c.at] == '[') {
		ret_doctype->has_subset = true;
		ret_doctype->start = c.at;
		return;
	}
	ret_doctype->end = c.at + 1;
	start.len = c.at + 1;
	ret_doctype->malformed = !is_well_formed(start);
}
