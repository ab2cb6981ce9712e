# SPDX-License-Identifier: GPL-2.0-or-later
"""Reload under load: the longest time a flow waits for an answer.

A listed app asks through the tunnel as fast as it is answered. Windows with
reloads one after the other take turns with windows in which a process of
splitd's does the same reading to no effect (`splitd --check`): a machine of few
processors makes everybody wait for whoever computes, and that is not the
reload's doing. And with windows in which nothing happens at all.
"""
import subprocess
import threading

import prefixes
from lab import LISTED
from splitd import Splitd

WAYS = ("quiet", "busy", "reload")
SIZES = (10, 1000, 100000)


class Work(threading.Thread):
    """Does it again and again until told to stop, and counts."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work, self.count, self.error = work, 0, None
        self.over = threading.Event()

    def run(self):
        try:
            while not self.over.is_set():
                self.work(self.count)
                self.count += 1
        except Exception as error:  # told to whoever waits
            self.error = error

    def end(self):
        self.over.set()
        self.join()
        if self.error:
            raise self.error
        return self.count


def policy_change(daemon, many, turn):
    """One prefix comes, or goes."""
    daemon.tunnels_write(daemon.apps,
                         [many + (["203.0.114.0/24"] if turn % 2 else [])])
    daemon.ctl("reload")


def check(daemon, many, turn):
    daemon.tunnels_write(daemon.apps, [many])
    subprocess.run(daemon.argv("--check"), stdout=subprocess.DEVNULL,
                   check=True)


def window(world, work, ms):
    thread = Work(work) if work else None
    if thread:
        thread.start()
    _, longest, _ = world.client("listed").measure("gap", LISTED, ms)
    return longest, thread.end() if thread else 0


def run(lab, out, rounds=10, ms=700, sizes=SIZES):
    for size in sizes:
        world = lab.world()
        daemon = Splitd(world)
        many = prefixes.listed(size)
        daemon.policy([many], 1)
        daemon.start()
        works = {"quiet": None,
                 "busy": lambda turn: check(daemon, many, turn),
                 "reload": lambda turn: policy_change(daemon, many, turn)}
        for turn in range(-1, rounds):
            for way in WAYS if turn % 2 else reversed(WAYS):
                longest, count = window(world, works[way], ms)
                if turn >= 0:
                    out.add("reload", turn, size, way, longest, count)
        daemon.purge()
        lab.clear()
        out.note("reload: %d prefixes" % size)
