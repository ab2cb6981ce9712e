# SPDX-License-Identifier: GPL-2.0-or-later
"""How cost grows with prefixes, apps and tunnels.

Not the full product of the three: each is walked along by itself, and then all
three at their limits. Every cell is a world, and all are there at once, so the
rounds go over the cells in turn. Loads cannot overlap; they take turns with
bare inserts of the same prefixes instead.
"""
import os
import random
import time

import observe
import prefixes
from lab import LISTED, BenchError, batch
from splitd import Splitd

CELLS = [  # prefixes, apps, tunnels
    (1, 1, 1), (1000, 1, 1), (10000, 1, 1), (100000, 1, 1), (1000000, 1, 1),
    (1000, 64, 1), (1000, 4096, 1), (1000, 64, 16), (1000, 64, 255),
    (1000000, 4096, 255),
]
ROWS = ("send", "sendto", "connect", "udp-connect", "roam")
MOST = 999990  # of the limit's million: a change must fit, too
BARE_TABLE = "100"


class Cell:
    def __init__(self, lab, size):
        self.size = size
        self.n_prefixes, self.n_apps, self.n_tunnels = size
        self.world = lab.world()
        self.devices_make()
        self.daemon = Splitd(self.world)
        self.phases = observe.Phases(lab.build, self.world.dir + "/phases")
        self.daemon.env.update(self.phases.env)
        self.all = prefixes.listed(min(self.n_prefixes, MOST))
        self.by_tunnel = [self.all[i::self.n_tunnels]
                          for i in range(self.n_tunnels)]
        self.daemon.policy(self.by_tunnel, self.n_apps)

    def devices_make(self):
        batch(self.world.namespace("c"), "".join(
            "link add tun{0} type veth peer name far{0}\n"
            "addr add 10.21.{0}.2/24 dev tun{0}\n"
            "link set far{0} up\nlink set tun{0} up\n".format(i)
            for i in range(1, self.n_tunnels)))

    def files(self):
        policy = self.world.dir + "/policy"
        return [self.daemon.host] + [os.path.join(policy, name)
                                     for name in sorted(os.listdir(policy))]

    def bare(self, memory):
        """(route ns, LPM ns, LPM bytes, kmem of routes, kmem of LPM)

        Sorted, as the daemon has them: in no order, a trie takes twice as long.
        """
        client = self.world.namespace("c")
        batch(client, "link add bare0 type veth peer name bare1\n"
              "link set bare1 up\nlink set bare0 up\n")
        told = self.world.enter("c", "sh", "-c",
                                'echo $$ >"$1/cgroup.procs" && exec "$2" '
                                'insert bare0 %s "$3"' % BARE_TABLE, "sh",
                                memory.path,
                                self.world.lab.build + "/bench/bare",
                                memory.usage,
                                input="\n".join(prefixes.ordered(self.all))
                                + "\n")
        # with the device its routes go, all at once and before this returns
        batch(client, "link del bare0\n")
        return [int(n) for n in told.split()]

    def read(self):
        """(read ns, compile ns) of the files alone"""
        done = self.world.enter("c", self.world.lab.build + "/bench/read",
                                *self.files())
        return [int(n) for n in done.split()][:2]

    def load(self):
        """name -> figure of a start"""
        self.phases.zero()
        begun = time.monotonic_ns()
        self.daemon.start()
        told = {"load": time.monotonic_ns() - begun}
        told.update(self.phases.read())
        del told["first"], told["last"]
        rss, pss, cpu = observe.resident(self.daemon.process.pid)
        told.update(rss=rss, pss=pss, cpu=cpu)
        told["read"], told["compile"] = self.read()
        return told

    def reload(self, prefix, small):
        """A prefix comes or goes; small: in a file that has no others."""
        changed = [list(one) for one in self.by_tunnel]
        if small:
            self.daemon.small_write(prefix)
        else:
            changed[0] += [prefix] if prefix else []
            self.daemon.tunnels_write(self.daemon.apps, changed)
        self.phases.zero()
        begun = time.monotonic_ns()
        self.daemon.ctl("reload")
        took = time.monotonic_ns() - begun
        told = self.phases.read()
        if not told["first"]:
            raise BenchError("the reload changed nothing")
        return {"reload": took, "window": told["last"] - told["first"],
                "kernel": told["update"] + told["netlink"]}

    def replace(self):
        """ns of a reload that has no prefix in common with what it follows"""
        self.daemon.tunnels_write(self.daemon.apps,
                                  [prefixes.others(len(self.all))])
        begun = time.monotonic_ns()
        self.daemon.ctl("reload")
        return time.monotonic_ns() - begun


def loads(lab, out, cells, repeats):
    memory = observe.MemoryGroup(lab)
    try:
        for cell in cells:
            for turn in range(repeats if cell.n_prefixes > 10000 else 1):
                for name, value in zip(("bare route", "bare LPM", "LPM bytes",
                                        "route memory", "LPM memory"),
                                       cell.bare(memory)):
                    out.add("load", turn, *cell.size, name, value)
                if turn:
                    cell.daemon.purge()
                for name, value in cell.load().items():
                    out.add("load", turn, *cell.size, name, value)
            for name, value in observe.map_bytes(cell.daemon.bpffs).items():
                out.add("map", 0, *cell.size, name, value)
            out.note("scale: %d prefixes, %d apps, %d tunnels loaded"
                     % cell.size)
    finally:
        memory.close()


def reloads(out, cells, repeats):
    for cell in cells:
        for turn in range(repeats):
            for kind in "small", "large":
                prefix = None if turn % 2 else "203.0.114.0/24"
                told = cell.reload(prefix, kind == "small")
                for name, value in told.items():
                    out.add("reload", turn, *cell.size, kind + " " + name,
                            value)
        out.note("scale: %d prefixes, %d apps, %d tunnels reloaded"
                 % cell.size)


def costs(out, cells, rounds, ms):
    shuffled = random.Random(2)
    for turn in range(-1, rounds):
        for row in ROWS:
            order = list(cells)
            shuffled.shuffle(order)
            for cell in order:
                sample = cell.world.client("listed").measure(row, LISTED, ms)
                if turn >= 0:
                    out.add("cost", turn, *cell.size, row, *sample)
    out.note("scale: rounds over all cells")


def hooks(lab, out, cells, rounds, ms):
    """With statistics on: what each hook's run takes, row by row."""
    stats = observe.Stats(lab.build)
    ids = [observe.program_ids(cell.daemon.bpffs) for cell in cells]
    for turn in range(rounds):
        for row in ROWS:
            for cell, its in zip(cells, ids):
                before = observe.program_cost(its)
                cell.world.client("listed").measure(row, LISTED, ms)
                after = observe.program_cost(its)
                for hook in its:
                    runs = after[hook][1] - before[hook][1]
                    if runs > 50:
                        out.add("hook", turn, *cell.size, row, hook,
                                (after[hook][0] - before[hook][0]) / runs)
    stats.close()
    out.note("scale: hooks")


def run(lab, out, sizes=tuple(CELLS), loads_each=3, reloads_each=6, rounds=60,
        ms=40):
    cells = [Cell(lab, size) for size in sizes]
    out.note("scale: %d worlds" % len(cells))
    loads(lab, out, cells, loads_each)
    reloads(out, [cell for cell in cells if cell.n_apps == 1 or
                  cell.n_tunnels > 16], reloads_each)
    costs(out, cells, rounds, ms)
    hooks(lab, out, cells, 5, ms)
    for cell in cells:
        if cell.n_tunnels == 1:
            out.add("replace", 0, *cell.size, "reload", cell.replace())
    out.note("scale: all prefixes replaced")
    for cell in cells:
        cell.daemon.purge()
    lab.clear()
    out.note("scale: purged")
