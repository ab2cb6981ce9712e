/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of keys are whole: the manual and splitctl check print them. */
#include "policy/model/key_list.h"
#include "tests/unit/policy_fixture.h"

struct seen {
	size_t n_tables, n_keys;
	char title[128];
	char paths[512][128]; /* of the open table */
	size_t n_paths;
};

static int on_table(void *ctx, const char *title)
{
	struct seen *seen = ctx;

	assert_true(title[0]);
	snprintf(seen->title, sizeof(seen->title), "%s", title);
	seen->n_tables++;
	seen->n_paths = 0;
	return 0;
}

/* Every key once, each with a word on what is done with it. */
static int on_key(void *ctx, const struct listed_key *key)
{
	const struct key_rule *rule = key->rule;
	struct seen *seen = ctx;

	if (!rule->note || !rule->note[0] || strlen(key->path) > 127)
		fail_msg("%s: %s", seen->title, key->path);
	for (size_t i = 0; i < seen->n_paths; i++)
		if (strcmp(seen->paths[i], key->path) == 0)
			fail_msg("%s: %s twice", seen->title, key->path);
	assert_in_range(seen->n_paths, 0, 511);
	snprintf(seen->paths[seen->n_paths++], sizeof(seen->paths[0]), "%s",
		 key->path);
	assert_true(rule->min <= rule->max);
	assert_non_null(key_type_name(rule->type));
	assert_non_null(treatment_name(rule->treatment));
	if (rule->values)
		assert_true(rule->type == KEY_STRING ||
			    rule->type == KEY_STRINGS);
	seen->n_keys++;
	return 0;
}

static void test_whole(void **state)
{
	static struct seen seen;
	const struct key_list_sink sink = { on_table, on_key, &seen };

	(void)state;
	assert_int_equal(key_list_walk(&sink), 0);
	assert_true(seen.n_tables > 60);
	assert_true(seen.n_keys > 300);
}

static int stop(void *ctx, const char *title)
{
	(void)title;
	return ++*(int *)ctx == 3 ? -7 : 0;
}

static int ignore(void *ctx, const struct listed_key *key)
{
	(void)ctx;
	(void)key;
	return 0;
}

static void test_stop(void **state)
{
	int n = 0;
	const struct key_list_sink sink = { stop, ignore, &n };

	(void)state;
	assert_int_equal(key_list_walk(&sink), -7);
	assert_int_equal(n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
