/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order of a change: no address sees a verdict that is not its own. */
#include <errno.h>

#include "policy/plan/diff.h"
#include "policy/read/text.h"
#include "tests/unit/policy_fixture.h"

#define SPACE  256 /* all addresses of one byte */
#define ROUNDS 3000
#define SETS   24 /* prefixes in one set, at most */

/* A naive longest-prefix table over one byte; -1: no such prefix. */
struct model {
	int8_t excluded[9][SPACE];
	uint8_t verdict[SPACE];
	unsigned int changes[SPACE];
};

static uint8_t byte_of(const struct prefix *prefix)
{
	return prefix->addr.s6_addr[15];
}

static uint8_t look_up(const struct model *model, int addr)
{
	for (int bits = 8; bits >= 0; bits--) {
		int8_t entry =
			model->excluded[bits][addr & (0xff00 >> bits) & 0xff];

		if (entry >= 0)
			return entry == 0;
	}
	return 0;
}

/* After each call: what changed counts, once per address. */
static void observe(struct model *model)
{
	for (int addr = 0; addr < SPACE; addr++) {
		uint8_t now = look_up(model, addr);

		model->changes[addr] += now != model->verdict[addr];
		model->verdict[addr] = now;
	}
}

static int model_add(void *ctx, const struct prefix *prefix)
{
	struct model *model = ctx;

	model->excluded[prefix->len - 120][byte_of(prefix)] = prefix->excluded;
	observe(model);
	return 0;
}

static int model_del(void *ctx, const struct prefix *prefix)
{
	struct model *model = ctx;
	int8_t *entry = &model->excluded[prefix->len - 120][byte_of(prefix)];

	assert_true(*entry >= 0);
	*entry = -1;
	observe(model);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static size_t random_set(struct prefix *set)
{
	size_t wanted = (size_t)rand() % SETS, n = 0;

	for (size_t i = 0; i < wanted; i++) {
		struct prefix *prefix = &set[i];
		int bits = rand() % 9;

		memset(prefix, 0, sizeof(*prefix));
		prefix->len = (uint8_t)(120 + bits);
		prefix->addr.s6_addr[15] =
			(uint8_t)(rand() & (0xff00 >> bits) & 0xff);
		prefix->excluded = rand() % 2;
	}
	qsort(set, wanted, sizeof(*set), compare);
	for (size_t i = 0; i < wanted; i++)
		if (!n || prefix_compare(&set[n - 1], &set[i]) != 0)
			set[n++] = set[i];
	return n;
}

static void model_fill(struct model *model, const struct prefix *set, size_t n)
{
	memset(model, 0, sizeof(*model));
	memset(model->excluded, -1, sizeof(model->excluded));
	for (size_t i = 0; i < n; i++)
		model->excluded[set[i].len - 120][byte_of(&set[i])] =
			set[i].excluded;
	for (int addr = 0; addr < SPACE; addr++)
		model->verdict[addr] = look_up(model, addr);
}

static void test_order(void **state)
{
	static struct model model, before, after;
	struct prefix old[SETS], new[SETS];

	(void)state;
	srand(20);
	for (int round = 0; round < ROUNDS; round++) {
		size_t n_old = random_set(old), n_new = random_set(new);
		const struct prefix_sink sink = { model_add, model_del,
						  &model };

		model_fill(&before, old, n_old);
		model_fill(&after, new, n_new);
		model = before;
		assert_int_equal(prefix_diff(old, n_old, new, n_new, &sink), 0);

		assert_memory_equal(model.excluded, after.excluded,
				    sizeof(model.excluded));
		for (int addr = 0; addr < SPACE; addr++)
			assert_int_equal(model.changes[addr],
					 before.verdict[addr] !=
						 after.verdict[addr]);
	}
}

/* Slow and obvious: each to where it belongs among those before it. */
static void insert_sorted(struct prefix *set, size_t n, struct prefix prefix)
{
	size_t at = n;

	while (at && (prefix_compare(&set[at - 1], &prefix) > 0 ||
		      (prefix_compare(&set[at - 1], &prefix) == 0 &&
		       !set[at - 1].excluded && prefix.excluded))) {
		set[at] = set[at - 1];
		at--;
	}
	set[at] = prefix;
}

/* Both families, few distinct bytes, so that many are equal; origin: which. */
static struct prefix random_prefix(uint32_t origin)
{
	struct prefix prefix = { .origin = origin };

	prefix.len = (uint8_t)(rand() % 4 ? 96 + rand() % 33 : rand() % 129);
	prefix.excluded = rand() % 2;
	if (rand() % 3)
		prefix.addr.s6_addr[10] = prefix.addr.s6_addr[11] = 0xff;
	for (int i = 0; i < 2; i++)
		prefix.addr.s6_addr[rand() % 16] = (uint8_t)(rand() % 4 * 85);
	return prefix;
}

static void test_sort(void **state)
{
	struct prefix set[200], sorted[200];

	(void)state;
	srand(21);
	memset(set, 0, sizeof(set));
	for (int round = 0; round < ROUNDS / 10; round++) {
		size_t n = (size_t)rand() % 200;

		for (size_t i = 0; i < n; i++) {
			set[i] = random_prefix((uint32_t)i);
			if (i && rand() % 3 == 0)
				set[i].addr = set[i - 1].addr;
			insert_sorted(sorted, i, set[i]);
		}
		assert_int_equal(prefix_sort(set, n), 0);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(set[i].origin, sorted[i].origin);
			assert_int_equal(prefix_compare(&set[i], &sorted[i]),
					 0);
		}
	}
}

static int stop(void *ctx, const struct prefix *prefix)
{
	(void)prefix;
	++*(int *)ctx;
	return -EIO;
}

static void test_stops(void **state)
{
	struct prefix one[2] = { { .len = 128 }, { .len = 128 } };
	int calls = 0;
	const struct prefix_sink sink = { stop, stop, &calls };

	(void)state;
	one[1].addr.s6_addr[15] = 1;
	assert_int_equal(prefix_diff(NULL, 0, one, 2, &sink), -EIO);
	assert_int_equal(calls, 1);
	assert_int_equal(prefix_diff(one, 2, one, 2, &sink), 0);
	assert_int_equal(calls, 1);
}

#define ONE                                                                    \
	"<key>u1</key><dict><key>Interface</key><string>t0</string>"           \
	"<key>IncludedRoutes</key><array><string>10.0.0.0/8</string>"          \
	"<string>11.0.0.0/8</string></array></dict>"
#define TWO                                                                    \
	"<key>u1</key><dict><key>Interface</key><string>t1</string>"           \
	"<key>WhenDown</key><string>direct</string>"                           \
	"<key>IncludedRoutes</key><array><string>10.0.0.0/8</string>"          \
	"<string>12.0.0.0/8</string></array></dict>"                           \
	"<key>u2</key><dict/>"

static char *changes_text(const struct policy *old, const struct policy *new)
{
	static const char *const kinds[] = { "add", "remove", "modify" };
	static const char *const whats[] = { "tunnel", "prefix", "app",
					     "selector" };
	struct change *changes = NULL;
	char *text = NULL;
	size_t n, size;
	FILE *out;

	assert_int_equal(policy_diff(old, new, &changes, &n), 0);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s %s %s: %s\n", kinds[changes[i].kind],
			whats[changes[i].what], changes[i].name,
			changes[i].detail);
	fclose(out);
	free(changes);
	return text;
}

static void test_policies(void **state)
{
	char *a[] = { profile_text("u1", ""),
		      host_text("<key>a</key><array><string>exe:/a</string>"
				"</array>",
				ONE) };
	char *b[] = { profile_text("u1", ""),
		      host_text("<key>a</key><array><string>exe:/b</string>"
				"</array>",
				TWO),
		      command_text("a", "u1") };
	struct policy *old = NULL, *new = NULL;
	struct report report = { 0 };
	char *text;

	(void)state;
	assert_int_equal(build(a, 2, &report, &old), 0);
	assert_int_equal(build(b, 3, &report, &new), 0);

	text = changes_text(old, new);
	assert_string_equal(
		text, "modify tunnel u1: interface t0 -> t1\n"
		      "modify tunnel u1: when down block -> direct\n"
		      "add tunnel u2: interface (unbound), when down block, "
		      "app-and-destination, inbound allow, without profile\n"
		      "add prefix u1: + 12.0.0.0/8 included\n"
		      "remove prefix u1: - 11.0.0.0/8 included\n"
		      "modify app a: not linked -> linked to u1\n"
		      "remove selector a: exe:/a\n"
		      "add selector a: exe:/b\n");
	free(text);

	text = changes_text(new, new);
	assert_string_equal(text, "");
	free(text);

	text = changes_text(NULL, old);
	assert_string_equal(text,
			    "add tunnel u1: interface t0, when down block, "
			    "app-and-destination, inbound allow\n"
			    "add prefix u1: + 11.0.0.0/8 included\n"
			    "add prefix u1: + 10.0.0.0/8 included\n"
			    "add app a: not linked\n"
			    "add selector a: exe:/a\n");
	free(text);
	policy_free(old);
	policy_free(new);
	report_clear(&report);
}

/* Long names and paths are cut, and never within a character. */
static void test_long_names(void **state)
{
	char selector[512] = "<key>a</key><array><string>exe:/x", *a[2], *b[2];
	struct policy *old = NULL, *new = NULL;
	struct report report = { 0 };
	struct change *changes = NULL;
	size_t n;

	(void)state;
	for (int i = 0; i < 80; i++)
		strcat(selector, "\xe6\x9c\xac");
	strcat(selector, "/x</string></array>");
	a[0] = profile_text("u1", "");
	b[0] = profile_text("u1", "");
	a[1] = host_text("", ONE);
	b[1] = host_text(selector, ONE);
	assert_int_equal(build(a, 2, &report, &old), 0);
	assert_int_equal(build(b, 2, &report, &new), 0);
	old->tunnels[0].name = "n";
	new->tunnels[0].name =
		"\xe6\x9c\xac\xe6\x9c\xac\xe6\x9c\xac\xe6\x9c\xac"
		"\xe6\x9c\xac\xe6\x9c\xac\xe6\x9c\xac\xe6\x9c\xac"
		"\xe6\x9c\xac\xe6\x9c\xac\xe6\x9c\xac\xe6\x9c\xac"
		"\xe6\x9c\xac\xe6\x9c\xac";
	assert_int_equal(policy_diff(old, new, &changes, &n), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		assert_true(utf8_valid(changes[i].detail,
				       strlen(changes[i].detail)));
	/* 40 bytes of the name are 13 characters and a third. */
	assert_int_equal(strlen(changes[0].detail), strlen("name n -> ") + 39);
	free(changes);
	policy_free(old);
	policy_free(new);
	report_clear(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_stops),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
