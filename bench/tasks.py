# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows that only a start and a purge can switch: tracepoints see every process
of the machine, whatever its cgroup. One world; splitd comes and goes in it.
"""
from lab import UNLISTED
from splitd import Splitd

ROWS = [("exec", "listed"), ("exec", "unlisted"), ("fork", "listed"),
        ("fork", "unlisted"), ("mkdir", "unlisted"),
        ("connect", "unlisted"), ("sendto", "unlisted"), ("send", "unlisted")]


def where(world, row):
    return world.cgroup + "/unlisted" if row == "mkdir" else UNLISTED


def rows_measure(world, out, turn, way, repeats, ms):
    for repeat in range(-1, repeats):
        for row, app in ROWS:
            sample = world.client(app).measure(row, where(world, row),
                                               ms if repeat >= 0 else 10)
            if repeat >= 0:
                out.add("tasks", turn, repeat, "%s, %s app" % (row, app), way,
                        *sample)


def run(lab, out, rounds=24, repeats=4, ms=50):
    world = lab.world()
    for turn in range(rounds):
        daemon = Splitd(world)
        daemon.policy_one()
        for way in ("none", "splitd") if turn % 2 else ("splitd", "none"):
            if way == "splitd":
                daemon.start()
            rows_measure(world, out, turn, way, repeats, ms)
            if way == "splitd":
                daemon.purge()
    lab.clear()
    out.note("tasks: %d rounds" % rounds)
