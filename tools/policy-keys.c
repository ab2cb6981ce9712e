/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints the tables of keys as the manual page splitd-policy(5) has them. */

/*
 * Sections of man(7) source on stdout, each a list of keys with type, what
 * this build does with them, and why. Commands that splitd has nothing to do
 * with share one paragraph.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "policy/model/key_list.h"

/* Titles of commands whose table is the catch-all are only named. */
struct page {
	bool skip; /* keys of the open table */
	bool naming;
};

/* Quotes what roff would take for its own. */
static void put(const char *text)
{
	if (text[0] == '.' || text[0] == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
	}
}

static bool is_named_only(const char *title)
{
	for (const struct request_rule *rule = request_rules; rule->name;
	     rule++) {
		const char *name = strchr(title, ' ');

		if (strncmp(title, "Command ", 8) != 0 || !name ||
		    strcmp(name + 1, rule->name) != 0)
			continue;
		return strcmp(rule->table->rules[rule->table->n - 1].name,
			      "*") == 0;
	}
	return false;
}

static int on_table(void *ctx, const char *title)
{
	struct page *page = ctx;

	page->skip = is_named_only(title);
	if (!page->skip) {
		printf(".SS \"");
		put(title);
		printf("\"\n");
		return 0;
	}
	printf("%s", page->naming ? ",\n" :
				    ".SS \"Other commands\"\nKnown, and not "
				    "applicable on Linux:\n");
	page->naming = true;
	put(strchr(title, ' ') + 1);
	return 0;
}

static void put_values(const char *const *values)
{
	printf(" (");
	for (size_t i = 0; values[i]; i++) {
		printf("%s", i ? ", " : "");
		put(values[i]);
	}
	printf(")");
}

static int on_key(void *ctx, const struct listed_key *key)
{
	const struct key_rule *rule = key->rule;
	const struct page *page = ctx;

	if (page->skip)
		return 0;
	printf(".TP\n.B ");
	put(strcmp(rule->name, "*") == 0 ? "any other key" : key->path);
	printf("\n%s%s", key_type_name(rule->type),
	       rule->flags & KEY_REQUIRED ? ", required" : "");
	if (rule->values)
		put_values(rule->values);
	printf(".\n.I %s\n(", treatment_name(rule->treatment));
	put(rule->note);
	printf(")\n");
	return 0;
}

int main(void)
{
	struct page page = { .skip = false };
	const struct key_list_sink sink = { on_table, on_key, &page };

	if (key_list_walk(&sink) < 0)
		return 1;
	printf("%s", page.naming ? ".\n" : "");
	return fflush(stdout) ? 1 : 0;
}
