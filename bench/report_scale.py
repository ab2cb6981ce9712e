# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of the report that tells how cost grows."""
import os
import statistics
import subprocess

import stats
from text import interval, mib, ms, seconds, table

ONE, MILLION = (1, 1, 1), (1000000, 1, 1)


def plot(directory, name, commands):
    with open(directory + "/" + name + ".gnuplot", "w") as file:
        file.write('set terminal svg size 900,480 font "sans,11" '
                   'background "white"\nset output "%s"\nset key top left\n'
                   "set grid ytics\n%s" % (name, commands))
    subprocess.run(["gnuplot", name + ".gnuplot"], cwd=directory, check=True)
    os.unlink(directory + "/" + name + ".gnuplot")


class Scale:
    """Figures by cell: (prefixes, apps, tunnels)."""

    def __init__(self, rows):
        self.loads, self.maps, self.reloads = {}, {}, {}
        self.costs, self.hooks = {}, {}
        for fields in rows["load"]:
            self.put(self.loads, fields[1:4], fields[4:5], float(fields[5]))
        for fields in rows["map"]:
            self.put(self.maps, fields[1:4], fields[4:5], float(fields[5]))
        for fields in rows["reload"]:
            self.put(self.reloads, fields[1:4], fields[4:5], float(fields[5]))
        self.replaced = {tuple(int(n) for n in fields[1:4]): float(fields[5])
                         for fields in rows.get("replace", ())}
        for fields in rows["hook"]:
            self.put(self.hooks, fields[1:4], fields[4:6], float(fields[6]))
        for fields in rows["cost"]:
            turn, row = int(fields[0]), fields[4]
            self.put(self.costs, fields[1:4], [row], stats.Sample(
                turn // 5, turn, *(int(n) for n in fields[5:8])))

    @staticmethod
    def put(where, cell, names, value):
        key = tuple(int(n) for n in cell) + tuple(names)
        where.setdefault(key, []).append(value)

    def cells(self):
        return list(dict.fromkeys(key[:3] for key in self.loads))

    def load(self, cell, name):
        return statistics.median(self.loads[cell + (name,)])

    def load_ratio(self, cell):
        """Each load over the bare inserts just before it."""
        return stats.student(
            whole / (route + lpm) for whole, route, lpm in zip(
                self.loads[cell + ("load",)],
                self.loads[cell + ("bare route",)],
                self.loads[cell + ("bare LPM",)]))

    def hook(self, cell, row, hook):
        found = self.hooks.get(cell + (row, hook))
        return statistics.median(found) if found else 0.0


def load_table(scale):
    rows = []
    for cell in scale.cells():
        known = sum(scale.load(cell, name) for name in
                    ("read", "compile", "update", "map-read", "netlink",
                     "verifier"))
        rows.append(list(cell) + [
            seconds(scale.load(cell, name)) for name in
            ("load", "read", "compile", "update", "map-read", "netlink",
             "verifier")] + [
            seconds(max(scale.load(cell, "load") - known, 0)),
            seconds(scale.load(cell, "bare LPM")),
            seconds(scale.load(cell, "bare route")),
            interval(scale.load_ratio(cell), "%.2f")])
    return table(["prefixes", "apps", "tunnels", "start to READY", "read",
                  "compile", "map writes", "map reads", "netlink", "verifier",
                  "rest", "bare LPM", "bare routes",
                  "start over both bare"], rows)


def memory_table(scale):
    rows = []
    for cell in scale.cells():
        maps = {key[3]: values[0] for key, values in scale.maps.items()
                if key[:3] == cell}
        n = cell[0]
        rows.append(list(cell) + [
            mib(sum(maps.values())), mib(maps["sp_prefix"]),
            mib(scale.load(cell, "LPM memory")),
            "%.0f" % (scale.load(cell, "LPM memory") / n) if n > 999 else "",
            mib(scale.load(cell, "route memory")),
            "%.0f" % (scale.load(cell, "route memory") / n) if n > 999 else "",
            mib(scale.load(cell, "rss")), mib(scale.load(cell, "pss"))])
    return table(["prefixes", "apps", "tunnels", "all maps (memlock)",
                  "LPM (memlock)", "LPM (memory cgroup)", "bytes each",
                  "kernel table (memory cgroup)", "bytes each", "splitd RSS",
                  "PSS"], rows)


def reload_table(scale):
    cells = list(dict.fromkeys(key[:3] for key in scale.reloads))
    rows = []
    for cell in cells:
        for kind in "small", "large":
            rows.append(list(cell) + [
                {"small": "a file of its own", "large": "the file of all"}
                [kind]] + [
                ms(statistics.median(scale.reloads[cell + (kind + name,)]))
                for name in (" reload", " window", " kernel")])
    return table(["prefixes", "apps", "tunnels", "the prefix is in",
                  "`splitctl reload`", "first to last change in the kernel",
                  "inside the kernel"], rows)


def replace_table(scale):
    return table(["prefixes", "apps", "tunnels", "`splitctl reload`"],
                 [list(cell) + [seconds(took)]
                  for cell, took in scale.replaced.items()])


def hook_table(scale):
    shown = [("send", "egress"), ("sendto", "sendmsg4"),
             ("sendto", "class_sendmsg4"), ("connect", "class_create"),
             ("connect", "connect4"), ("roam", "connect4"),
             ("connect", "class_connect4")]
    return table(["prefixes", "apps", "tunnels"] +
                 ["%s (%s)" % (hook, row) for row, hook in shown],
                 [list(cell) + ["%.0f" % scale.hook(cell, *one)
                                for one in shown] for cell in scale.cells()])


def cost_table(scale):
    rows_of = list(dict.fromkeys(key[3] for key in scale.costs))
    rows = []
    for cell in scale.cells():
        line = list(cell)
        for row in rows_of:
            pair = scale.costs[cell + (row,)], scale.costs[ONE + (row,)]
            line.append("%.0f, %s" % (
                stats.spread(stats.cost(s) for s in pair[0])[0],
                interval(stats.added(*pair), "%+.0f")))
        rows.append(line)
    return table(["prefixes", "apps", "tunnels"] +
                 ["%s: ns, more than at 1" % row for row in rows_of], rows)


def goals_add(scale, goals, judged):
    flat = [stats.added(scale.costs[MILLION + (row,)],
                        scale.costs[ONE + (row,)])
            for row in ("send", "connect", "roam")]
    goals.append(judged("packet of a connected flow, 1,000,000 prefixes",
                        "as at 1, within the noise",
                        interval(flat[0], "%+.0f") + " ns",
                        flat[0].low <= 0))
    for what, found in ("one destination", flat[1]), ("roaming", flat[2]):
        goals.append(judged("connect at 1,000,000 prefixes, " + what,
                            "<= 2000 ns over that at 1",
                            interval(found, "%+.0f") + " ns",
                            found.value <= 2000, found.low <= 2000))
    for cell in scale.cells():
        if cell[0] != MILLION[0]:
            continue
        name = "load of %d prefixes, %d apps, %d tunnels: " % cell
        lpm, whole = scale.load(cell, "update"), scale.load(cell, "load")
        limit = scale.load_ratio(cell)
        goals.append(judged(name + "map", "<= 3 s", seconds(lpm), lpm <= 3e9))
        goals.append(judged(name + "everything", "<= 15 s", seconds(whole),
                            whole <= 15e9))
        goals.append(judged(name + "over both bare inserts", "<= 1.25",
                            interval(limit, "%.2f"), limit.value <= 1.25,
                            limit.low <= 1.25))
        name = "1-prefix change at %d prefixes, %d apps, %d tunnels: " % cell
        for kind, what in (("window", "first to last change"),
                           ("reload", "in all")):
            value = statistics.median(scale.reloads[cell + ("small " + kind,)])
            goals.append(judged(name + what, "<= 10 ms", ms(value),
                                value <= 10e6))
    each = scale.load(MILLION, "LPM memory") / MILLION[0]
    goals.append(judged("LPM memory", "<= 200 bytes a prefix",
                        "%.0f" % each, each <= 200))


def lines_plot(scale, directory):
    cells = [cell for cell in scale.cells() if cell[1:] == (1, 1)]
    with open(directory + "/scale.dat", "w") as file:
        for cell in cells:
            values = [stats.spread(stats.cost(s) for s in
                                   scale.costs[cell + (row,)])[0]
                      for row in ("send", "udp-connect", "roam")]
            values += [scale.load(cell, name) / 1e9 for name in
                       ("load", "bare LPM", "bare route")]
            file.write("%d %s\n" % (cell[0], " ".join(map(str, values))))
    plot(directory, "cost.svg", """set logscale x
set xlabel "prefixes"
set ylabel "ns of CPU"
set yrange [0:*]
plot "scale.dat" using 1:2 with linespoints title "packet of a connected flow", \\
     "" using 1:3 with linespoints title "UDP connect, one destination", \\
     "" using 1:4 with linespoints title "UDP connect, roaming"
""")
    plot(directory, "load.svg", """set logscale xy
set xlabel "prefixes"
set ylabel "s"
plot "scale.dat" using 1:5 with linespoints title "splitd, start to READY", \\
     "" using 1:($6 + $7) with linespoints title "both bare inserts"
""")


def sections(rows, goals, judged, directory):
    scale = Scale(rows)
    if MILLION in scale.cells():
        goals_add(scale, goals, judged)
        lines_plot(scale, directory)
    return ["## Scale: a sensible cross, not the full product",
            "### Load", load_table(scale), "![](load.svg)",
            "### Memory", memory_table(scale),
            "### A change of one prefix", reload_table(scale),
            "### A change of all prefixes", replace_table(scale),
            "### ns a run of a hook (with statistics on)", hook_table(scale),
            "### ns of CPU an operation", cost_table(scale),
            "![](cost.svg)"]
