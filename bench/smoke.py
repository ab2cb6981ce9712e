# SPDX-License-Identifier: GPL-2.0-or-later
"""A little of everything, so that no row rots: part of the lab's tier.

One round of a few milliseconds of each row over each way, of each task, of a
reload and of a scale with small cells; a row must have come from every way, and
each to a figure that a machine can have. Peers whose programs are not installed
are skipped: a benchmark installs them, a test does not.
"""
import shutil

import lab
import live
import reload
import report_scale
import scale
import stats
import tasks
import tries
import ways
from peers import WAYS

NEEDS = {"iptables": ["iptables"], "relay": ["redsocks", "microsocks"]}
SIZES = ((1, 1, 1), (1000, 64, 3))
LEAST_NS, MOST_NS = 1, 1e9  # of an operation; a byte takes less


class Kept:
    """Samples in memory, by the first field; strings, as from a CSV."""

    def __init__(self):
        self.rows = {}

    def add(self, *fields):
        self.rows.setdefault(fields[0], []).append(
            [str(field) for field in fields[1:]])

    def note(self, _text):
        pass


def is_sane(row, ops, ns):
    each = float(ns) / max(float(ops), 1e-9)
    return row == "stream" and each < MOST_NS or LEAST_NS <= each <= MOST_NS


def ways_check(kept, wanted):
    """Which (row, way) are missing or odd."""
    seen = {(row, way) for _, _, row, way, ops, ns, _ in
            kept.rows.get("ways", []) if is_sane(row, ops, ns)}
    due = {(row, way) for way in wanted for row in ways.ROWS
           if WAYS[way][5] is None or row in WAYS[way][5]}
    return due - seen


def tasks_check(kept):
    seen = {(row, way) for _, _, row, way, ops, ns, _ in
            kept.rows.get("tasks", []) if is_sane(row, ops, ns)}
    return {("%s, %s app" % row, way) for row in tasks.ROWS
            for way in ("none", "splitd")} - seen


def reload_check(kept):
    seen = {way for _, _, way, longest, count in kept.rows.get("reload", [])
            if float(longest) > 0 and (way == "quiet" or int(count) > 0)}
    return set(reload.WAYS) - seen


def live_check(kept):
    seen = {way for _, _, way, ops, ns, _ in kept.rows.get("flows", [])
            if is_sane("flows", ops, ns)}
    return {"plain", "splitd"} - seen


def scale_check(kept):
    """Everything the report tells must be there for every cell."""
    missing = set()
    told = report_scale.Scale(kept.rows)
    for cell in SIZES:
        for name in "load", "bare LPM", "bare route", "update", "verifier":
            if told.load(cell, name) <= 0:
                missing.add((cell, name))
        if cell[2] == 1 and told.replaced.get(cell, 0) <= 0:
            missing.add((cell, "replace"))
        for row in scale.ROWS:
            if stats.cost(told.costs[cell + (row,)][0]) <= 0:
                missing.add((cell, row))
        if told.hook(cell, "send", "egress") <= 0:
            missing.add((cell, "egress"))
    return missing


def tries_check(kept):
    """The driver itself compares the answers of all ways."""
    seen = {(where, way) for _, _, where, way, ns in kept.rows.get("ask", [])
            if is_sane(where, 1, ns)}
    return {(where, way) for where in ("hot", "some", "roam")
            for way in tries.WAYS} - seen


def run(build):
    missing_tools = {variant for variant, tools in NEEDS.items()
                     if not all(map(shutil.which, tools))}
    wanted = tuple(way for way in WAYS if WAYS[way][0] not in missing_tools)
    checks = [
        ("ways", lambda here, kept: ways.run(
            here, kept, blocks=1, rounds=1, ms=3, ways=wanted),
         lambda kept: ways_check(kept, wanted)),
        ("tasks", lambda here, kept: tasks.run(
            here, kept, rounds=1, repeats=1, ms=10), tasks_check),
        ("reload", lambda here, kept: reload.run(
            here, kept, rounds=1, ms=150, sizes=(10,)), reload_check),
        ("scale", lambda here, kept: scale.run(
            here, kept, sizes=SIZES, loads_each=1, reloads_each=1, rounds=1,
            ms=15), scale_check),
        ("live", lambda here, kept: live.run(
            here, kept, rounds=4, ms=10, count=400), live_check),
        ("tries", lambda here, kept: tries.run(
            here, kept, cells=((1000, True),), rounds=1), tries_check),
    ]
    failed = 0
    with lab.Lab(build) as here:
        for name, measure, check in checks:
            kept = Kept()
            try:
                measure(here, kept)
                missing = check(kept)
            except (lab.BenchError, KeyError) as error:
                missing = "%s: %s" % (type(error).__name__, error)
            here.clear()
            failed += bool(missing)
            print("%s bench-%s%s" % ("FAIL" if missing else "ok", name,
                                     ": %s" % missing if missing else ""))
    for variant in sorted(missing_tools):
        print("skip bench-%s: its programs are not installed" % variant)
    print("%d passed, %d failed, %d skipped"
          % (len(checks) - failed, failed, len(missing_tools)))
    return failed != 0
