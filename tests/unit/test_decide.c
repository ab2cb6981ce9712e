// SPDX-License-Identifier: GPL-2.0-or-later
/* Decision and judgement, held against a second telling of the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/decide.h"

/*
 * All inputs are small, so all of them are tried. The oracles below are written
 * from the sentences of the design, not from the code: each is a list of
 * promises, and the code has to keep every one for every input.
 */

static struct sp_decision decide(unsigned int bits)
{
	struct sp_facts facts = {
		.class = bits & 1 ? 7 : 0,
		.tunnel = bits & 2 ? 3 : 0,
		.has_route = !!(bits & 4),
		.route_verdict = bits & 8 ? SP_TUNNEL : SP_DIRECT,
		.dst_is_host = !!(bits & 16),
		.is_ipv6 = !!(bits & 32),
		.tunnel_flags = bits >> 6,
	};

	return sp_decide(&facts);
}

#define ALL_FACTS (1u << 11)

static void only_a_listed_pair_ever_enters_the_tunnel(void **state)
{
	unsigned int entered = 0;

	(void)state;
	for (unsigned int bits = 0; bits < ALL_FACTS; bits++) {
		unsigned int flags = bits >> 6;
		unsigned int family = bits & 32 ? SP_TUN_IPV6 : SP_TUN_IPV4;
		int listed = (bits & 15) == 15 && !(bits & 16);
		int ready = flags & SP_TUN_UP && flags & family;
		struct sp_decision d = decide(bits);

		assert_int_equal(d.verdict == SP_TUNNEL, listed && ready);
		entered += d.verdict == SP_TUNNEL;
	}
	/* and some do: the test would be empty otherwise */
	assert_int_not_equal(entered, 0);
}

static void a_listed_pair_never_goes_around_its_tunnel(void **state)
{
	(void)state;
	for (unsigned int bits = 0; bits < ALL_FACTS; bits++) {
		unsigned int flags = bits >> 6;
		int listed = (bits & 15) == 15 && !(bits & 16);
		int direct_while_down = flags & SP_TUN_DOWN_DIRECT &&
					!(flags & SP_TUN_UP);
		struct sp_decision d = decide(bits);

		if (listed && !direct_while_down)
			assert_int_not_equal(d.verdict, SP_DIRECT);
		if (listed && direct_while_down)
			assert_int_equal(d.reason, SP_R_DOWN_DIRECT);
	}
}

static void what_is_not_listed_is_direct_whatever_the_tunnel_does(void **state)
{
	(void)state;
	for (unsigned int bits = 0; bits < ALL_FACTS; bits++) {
		int listed = (bits & 15) == 15 && !(bits & 16);

		if (!listed)
			assert_int_equal(decide(bits).verdict, SP_DIRECT);
	}
}

static void a_block_names_what_is_missing(void **state)
{
	(void)state;
	for (unsigned int bits = 0; bits < ALL_FACTS; bits++) {
		struct sp_decision d = decide(bits);

		if (d.verdict != SP_BLOCK)
			continue;
		assert_int_equal(d.reason, bits >> 6 & SP_TUN_UP ?
						   SP_R_FAMILY_MISSING :
						   SP_R_TUNNEL_DOWN);
	}
}

/* ---- the judgement ----------------------------------------------------- */

/* Two tunnels, 1 and 2, and "another", 0, in every place. */
static int next_leaving(unsigned int i, struct sp_leaving *ret)
{
	static const uint32_t verdicts[] = { SP_DIRECT, SP_TUNNEL, SP_BLOCK };

	if (i >= 3 * 3 * 3 * 2 * 2 * 2)
		return 0;
	ret->decision.verdict = verdicts[i % 3];
	ret->decision.reason = SP_R_TUNNEL_DOWN;
	i /= 3;
	ret->out_tunnel = i % 3;
	i /= 3;
	ret->src_tunnel = i % 3;
	i /= 3;
	ret->answer = i & 1;
	ret->denied = i >> 1 & 1;
	ret->tunnel = 0;
	if (ret->decision.verdict == SP_TUNNEL)
		ret->tunnel = (i >> 2 & 1) + 1;

	return 1;
}

static void a_packet_leaves_by_its_own_way_only(void **state)
{
	struct sp_leaving p;

	(void)state;
	for (unsigned int i = 0; next_leaving(i, &p); i++) {
		int answers = p.answer && p.src_tunnel &&
			      p.out_tunnel == p.src_tunnel;
		uint32_t reason = sp_judge(&p);

		if (answers || reason)
			continue;
		/* it was let go: interface and source are those it must have */
		assert_int_not_equal(p.decision.verdict, SP_BLOCK);
		assert_int_equal(p.out_tunnel, p.tunnel);
		assert_int_equal(p.src_tunnel, p.tunnel);
	}
}

static void the_right_way_is_never_barred(void **state)
{
	struct sp_leaving p;

	(void)state;
	for (unsigned int i = 0; next_leaving(i, &p); i++) {
		if (p.answer || p.decision.verdict == SP_BLOCK ||
		    p.out_tunnel != p.tunnel || p.src_tunnel != p.tunnel)
			continue;
		assert_int_equal(sp_judge(&p), SP_R_NONE);
	}
}

static void an_answer_goes_back_unless_the_tunnel_denies(void **state)
{
	struct sp_leaving p;

	(void)state;
	for (unsigned int i = 0; next_leaving(i, &p); i++) {
		if (!p.answer || !p.src_tunnel || p.out_tunnel != p.src_tunnel)
			continue;
		assert_int_equal(sp_judge(&p),
				 p.denied ? SP_R_INBOUND_DENIED : SP_R_NONE);
	}
}

/* The table of abi.h and its constants are two lists: held together here. */
static void every_reason_has_its_number(void **state)
{
	(void)state;
#define CHECK(name, number, token, kind) assert_int_equal(SP_R_##name, number);
	SP_REASONS(CHECK)
#undef CHECK
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_listed_pair_ever_enters_the_tunnel),
		cmocka_unit_test(a_listed_pair_never_goes_around_its_tunnel),
		cmocka_unit_test(
			what_is_not_listed_is_direct_whatever_the_tunnel_does),
		cmocka_unit_test(a_block_names_what_is_missing),
		cmocka_unit_test(a_packet_leaves_by_its_own_way_only),
		cmocka_unit_test(the_right_way_is_never_barred),
		cmocka_unit_test(an_answer_goes_back_unless_the_tunnel_denies),
		cmocka_unit_test(every_reason_has_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
