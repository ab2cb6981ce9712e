# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of the network: every way in turn, round after round.

A block makes all worlds anew, so no way keeps a lucky place in memory, or an
unlucky one. Within a block every round runs each row over all ways, in an
order that is shuffled each time, for some ten milliseconds each: what other
people do on the machine meets all of them alike.
"""
import random

from lab import BenchError
from peers import VARIANTS, WAYS

ROWS = ["connect", "udp-connect", "sendto", "sendmmsg", "send", "rr", "stream"]
MS = {"stream": 3}  # times as long


def sides_check(world, way):
    """Does the way lead where it should? Else its figures mean nothing."""
    _, app, where, side, _, rows = WAYS[way]
    seen = world.client(app).sides(where)
    wanted = side if rows else side + side
    if seen[:len(wanted)] != wanted:
        raise BenchError("%s: answered by '%s', not '%s'"
                         % (way, seen, wanted))


def worlds_make(lab, ways):
    worlds = {}
    for variant in dict.fromkeys(WAYS[way][0] for way in ways):
        setup, tunnelled = VARIANTS[variant]
        worlds[variant] = lab.world(tunnelled)
        setup(worlds[variant])
    for way in ways:
        sides_check(worlds[WAYS[way][0]], way)
    return worlds


def measure(worlds, way, row, ms):
    variant, app, where, _, _, _ = WAYS[way]
    world = worlds[variant]
    before = world.helper_cpu()
    ops, ns, cpu = world.client(app).measure(row, where, ms)
    return ops, ns, cpu + world.helper_cpu() - before


def run(lab, out, blocks=20, rounds=5, ms=25, ways=tuple(WAYS), rows=ROWS):
    shuffled = random.Random(1)
    for block in range(blocks):
        worlds = worlds_make(lab, ways)
        for turn in range(-1, rounds):  # the first is the warm-up
            for row in rows:
                order = [way for way in ways
                         if WAYS[way][5] is None or row in WAYS[way][5]]
                shuffled.shuffle(order)
                for way in order:
                    sample = measure(worlds, way, row,
                                     MS.get(row, 1) * ms if turn >= 0 else 5)
                    if turn >= 0:
                        out.add("ways", block, turn, row, way, *sample)
        for world in worlds.values():
            if hasattr(world, "stop"):
                world.stop()
        lab.clear()
        out.note("ways: block %d of %d" % (block + 1, blocks))
