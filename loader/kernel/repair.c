// SPDX-License-Identifier: GPL-2.0-or-later
/* Whatever others took of ours in the kernel, back in its place. */
#include <syslog.h>

#include "loader/kernel/door.h"
#include "loader/kernel/engine_private.h"

/* Doors are put back with their records: whose the clsact is, too. */
static int repair_doors(struct engine *engine)
{
	int r = 0;

	for (int i = 1; !r && i <= SP_MAX_TUNNELS; i++)
		if (engine->bindings[i].place.ifindex)
			r = keep_clsact(engine->keep, engine->attach,
					engine->bindings[i].place.ifindex);
	if (r)
		return engine_fail(engine, r, "cannot keep record of a door");
	r = engine_attach_doors(engine);

	return r ? r : keep_doors(engine->keep, engine->attach);
}

/*
 * From our descriptors, before a handle is dropped: so a link whose pin was
 * deleted never goes.
 */
static int repair_pins(struct engine *engine)
{
	size_t n = 0;
	int r;

	r = keep_pins(engine->keep, engine->attach, &n);
	if (n)
		engine_log(engine, LOG_WARNING,
			   "%zu pins below %s were taken away, pinned again", n,
			   engine->options.bpffs);
	if (!r)
		r = attach_relock(engine->attach);
	if (r)
		return engine_fail(engine, r, "cannot pin again");

	return repair_doors(engine);
}

/*
 * Without its door the tunnel still has the guard: whatever a governed process
 * sends is judged, but for packet sockets.
 */
void engine_tell_door(const struct engine *engine, struct binding *binding)
{
	const char *interface =
		netdev_link_name(&engine->host, binding->place.ifindex);

	if (binding->doorless == binding->told)
		return;
	binding->told = binding->doorless;
	if (!interface)
		interface = "a tunnel";
	if (binding->doorless)
		engine_log(engine, LOG_WARNING,
			   "%s has an ingress qdisc where its door should be, "
			   "going without: what is forwarded is not refused",
			   interface);
	else
		engine_log(engine, LOG_NOTICE, "%s has its door", interface);
}

int engine_check_doors(struct engine *engine)
{
	for (int i = 1; i <= SP_MAX_TUNNELS; i++) {
		unsigned int ifindex = engine->bindings[i].place.ifindex;

		if (ifindex && engine_has_doors(engine) &&
		    !engine->bindings[i].doorless && !door_is_there(ifindex))
			engine_log(engine, LOG_WARNING,
				   "the door of %s was taken away, putting it "
				   "back",
				   engine->bindings[i].tunnel->interface);
	}

	return engine_attach_doors(engine);
}

/* The same failure, however often it comes, is told once. */
int engine_repair(struct engine *engine, bool pins)
{
	int r = 0, before = engine->kept;

	/* whoever asks for the hooks only takes the news of pins along */
	pins |= keep_drain(engine->keep);
	if (pins || before)
		r = repair_pins(engine);
	if (!r)
		r = engine_reattach(engine);
	engine->kept = r;
	keep_look_again(engine->keep, r != 0);

	return r == before ? 0 : r;
}
