/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traffic of both apps that runs while something happens. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/lab/fault.h"

#define TALK_MS 30000
#define CONTROL 200u
#define REST_US 5000

/* Who asks what, and where it must be: never at the other end. */
static const struct {
	enum app app;
	enum dst dst;
	bool connected;
	enum side side;
} plan[] = {
	{ APP_LISTED, DST_LISTED, true, SIDE_TUNNEL },
	{ APP_LISTED, DST_LISTED, false, SIDE_TUNNEL },
	{ APP_LISTED, DST_UNLISTED, false, SIDE_UPLINK },
	{ APP_UNLISTED, DST_INSIDE, false, SIDE_UPLINK },
};
#define N_PLAN (sizeof(plan) / sizeof(*plan))

/*
 * Positive control, without splitd: what is to be a leak afterwards is seen on
 * the uplink, by both sensors, every packet of it.
 */
int traffic_control(struct life *life)
{
	struct in6_addr addr = dst_address(DST_LISTED, false);
	struct reading readings[N_SIDES];
	char why[200];
	int r;

	counters_agree(life->lab, why, sizeof(why));
	talk_clear(life);
	talk_add(life, DST_LISTED, false, SIDE_UPLINK);
	r = life_forget(life);
	if (r >= 0)
		r = talk_start(life, CONTROL);
	if (r >= 0)
		r = talk_end(life, TALK_MS);
	if (r >= 0)
		r = talk_clean(life);
	if (r >= 0)
		r = sensors_read(life->lab, readings);
	if (r < 0)
		return life_no(life, "control: %s", strerror(-r));
	if (packets_to(&readings[SIDE_UPLINK], &addr) != CONTROL ||
	    counters_agree(life->lab, why, sizeof(why)) != 1)
		return life_no(life, "control: %u of %u seen",
			       packets_to(&readings[SIDE_UPLINK], &addr),
			       CONTROL);
	return 0;
}

int traffic_start(struct life *life, struct traffic *ret_traffic)
{
	struct life *guest = &ret_traffic->guest;
	char why[200];
	int r;

	ret_traffic->life = life;
	ret_traffic->lossy = false;
	*guest = (struct life){ .lab = life->lab, .speaks = APP_UNLISTED };
	guest->shared = mmap(NULL, sizeof(*guest->shared),
			     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			     -1, 0);
	if (guest->shared == MAP_FAILED) {
		guest->shared = NULL;
		return life_no(life, "no memory");
	}
	talk_clear(life);
	for (size_t i = 0; i < N_PLAN; i++)
		talk_add(plan[i].app == APP_LISTED ? life : guest, plan[i].dst,
			 plan[i].connected, plan[i].side);
	life->shared->rest_us = guest->shared->rest_us = REST_US;
	r = life_forget(life);
	/* both to nothing, whatever was before */
	counters_agree(life->lab, why, sizeof(why));
	if (r >= 0)
		r = talk_start(life, TALK_ON);
	if (r >= 0)
		r = talk_start(guest, TALK_ON);
	return r < 0 ? life_no(life, "no traffic") : 0;
}

void traffic_drop(struct traffic *traffic)
{
	talk_end(traffic->life, 0);
	if (!traffic->guest.shared)
		return;
	talk_end(&traffic->guest, 0);
	munmap(traffic->guest.shared, sizeof(*traffic->guest.shared));
	traffic->guest.shared = NULL;
}

/* Both sensors of both ends, exactly: and each right end has seen it. */
static int sides_exact(struct life *life)
{
	struct reading readings[N_SIDES];
	char why[200];
	int r = sensors_read(life->lab, readings);

	if (r < 0)
		return life_no(life, "sensors: %s", strerror(-r));
	for (size_t i = 0; i < N_PLAN; i++) {
		struct in6_addr addr = dst_address(plan[i].dst, false);
		enum side other = plan[i].side == SIDE_TUNNEL ? SIDE_UPLINK :
								SIDE_TUNNEL;
		uint32_t n = packets_to(&readings[other], &addr);

		if (n)
			return life_no(life, "%u %s: to %s on the %s", n,
				       other == SIDE_UPLINK ? "leaks" :
							      "strays",
				       dst_name(plan[i].dst), side_name(other));
		if (!packets_to(&readings[plan[i].side], &addr))
			return life_no(life, "no packet to %s on the %s",
				       dst_name(plan[i].dst),
				       side_name(plan[i].side));
	}
	if (readings[SIDE_UPLINK].lost + readings[SIDE_TUNNEL].lost)
		return life_no(life, "the sensors lost packets");
	r = counters_agree(life->lab, why, sizeof(why));
	if (r <= 0)
		return life_no(life, "counters: %s", r ? strerror(-r) : why);
	return 0;
}

/* Refused and lost is allowed, astray is not. */
static int talk_true(struct life *life)
{
	for (unsigned i = 0; i < life->shared->n_talks; i++)
		if (life->shared->talks[i].wrong)
			return life_no(life, "%u answers from the wrong side",
				       life->shared->talks[i].wrong);
	return 0;
}

static int finish(struct traffic *traffic, uint32_t least)
{
	int (*judge)(struct life * life) = traffic->lossy ? talk_true :
							    talk_clean;
	struct life *life = traffic->life, *guest = &traffic->guest;
	int r = talk_reach(life, least, TALK_MS);

	if (r >= 0)
		r = talk_reach(guest, least, TALK_MS);
	if (r >= 0)
		r = talk_end(life, 0);
	if (r >= 0)
		r = talk_end(guest, 0);
	if (r >= 0)
		r = judge(life);
	if (r >= 0)
		r = judge(guest);
	if (r < 0 && guest->text[0])
		return life_no(life, "unlisted app: %s", guest->text + 1);
	return r < 0 ? r : sides_exact(life);
}

int traffic_end(struct traffic *traffic, uint32_t least, uint32_t *ret_numbers)
{
	struct life *life = traffic->life;
	uint32_t numbers = 0;
	int r = finish(traffic, least);

	for (unsigned i = 0; i < life->shared->n_talks; i++)
		numbers += life->shared->talks[i].sent;
	numbers += traffic->guest.shared->talks[0].sent;
	traffic_drop(traffic);
	if (ret_numbers)
		*ret_numbers += numbers;
	return r;
}
