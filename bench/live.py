# SPDX-License-Identifier: GPL-2.0-or-later
"""Live flows: what a packet costs among a few and among 100,000 of them.

The flows are connected UDP sockets of eight processes, as one may not hold so
many. Each sample sends a packet of one flow after the other.
"""
from lab import LISTED
from splitd import Splitd

FLOWS = 100000
PROCESSES = 8


def run(lab, out, rounds=25, ms=60, count=FLOWS):
    worlds = {"plain": lab.world(tunnelled=True), "splitd": lab.world()}
    daemon = Splitd(worlds["splitd"])
    daemon.policy_one()
    daemon.start()
    clients = {(way, n): [world.another("listed") for _ in range(PROCESSES)]
               for way, world in worlds.items() for n in (64, count)}
    for turn in range(-1, rounds):
        for (way, n), processes in clients.items():
            each = processes[turn % PROCESSES if turn >= 0 else 0]
            if turn < 0:
                for process in processes:  # opens them, and keeps them
                    process.measure("flows", LISTED, 1, n // PROCESSES)
            else:
                out.add("flows", turn, n, way, *each.measure(
                    "flows", LISTED, ms, n // PROCESSES))
    daemon.purge()
    lab.clear()
    out.note("live: %d flows" % count)
