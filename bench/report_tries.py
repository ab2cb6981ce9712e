# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of the report that holds the trie against other structures."""
import statistics

import stats
from text import mib, table

MAPS = {  # what each way needs; the others' IPv6 is in a trie
    "trie": ["trie"], "two": ["trie4", "trie6"],
    "dir24": ["dir", "deep", "trie6"], "lengths": ["lengths", "trie6"],
    "blocks": ["blocks", "trie6"], "ranges": ["ranges", "ranges6"],
    "halving": ["halving", "ranges6"],
}
WHAT = """One lookup in a program that does nothing else, less a program without
any: of one address (hot), of a thousand, of a million (roam), half of them in
no prefix; medians, and in parentheses how many times as long as the trie's.
*trie* is splitd's; *words* the same with its key written by words instead of
bytes; *two* has one trie for each family; *dir24* an array of all /24s and a
trie of what is longer; *lengths* a hash asked for each length there is;
*blocks* a hash of five levels of the tree at a time; *cached* an LRU hash of
65,536 addresses (6 MiB) in front of the trie; *ranges* sorted starts of ranges with an
index (for IPv6 without), *halving* without an index. Memory is what the memory
cgroup was charged, and what arrays and buckets take when empty; all is of one
tunnel, and *dir24*'s 16 MiB are needed for each. Loading is ns of CPU for an
entry, in sorted order; a prefix may need many entries, or share one."""


def ask_table(rows):
    found = {}
    for cell, _, where, way, ns in rows:
        found.setdefault((cell, where), {}).setdefault(way, []).append(
            float(ns))
    lines = []
    for (cell, where), ways in found.items():
        pairs = {way: [ns - less for ns, less in zip(all_, ways["nothing"])]
                 for way, all_ in ways.items() if way != "nothing"}
        lines.append([cell, where, *(
            "%.0f (%.2f)" % (statistics.median(all_), statistics.median(
                ns / trie for ns, trie in zip(all_, pairs["trie"])))
            for all_ in pairs.values())])
        ways = list(pairs)
    return table(["prefixes", "where"] + ways, lines)


def spread_table(rows):
    """Interquartile range of the samples at a million, in parts of it."""
    found = {}
    for cell, _, where, way, ns in rows:
        if (cell, where) == ("1000000", "roam") and way != "nothing":
            found.setdefault(way, []).append(float(ns))
    return table(["roam, 1000000"] + list(found),
                 [["spread (IQR)"] + ["%.0f %%" % (
                     100 * stats.spread(all_)[1]) for all_ in found.values()]])


def fill_table(rows):
    found = {(cell, name): [float(n) for n in rest]
             for cell, name, *rest in rows}
    lines = []
    for cell in dict.fromkeys(cell for cell, _ in found):
        for way, maps in MAPS.items():
            there = [(name, found[cell, name]) for name in maps
                     if (cell, name) in found]
            count = int(cell.split()[0])
            kmem = sum(rest[3] for _, rest in there)
            lines.append([
                cell, way,
                ", ".join("%s: %d" % (name, rest[0]) for name, rest in there),
                ", ".join("%.0f" % rest[1] for _, rest in there),
                ", ".join("%.0f" % rest[2] for _, rest in there),
                "%.2f s" % (sum(rest[0] * (rest[2] or rest[1])
                                for _, rest in there) / 1e9),
                mib(kmem), "%.0f" % (kmem / count) if count > 999 else ""])
    return table(["prefixes", "way", "entries", "ns, one a call",
                  "ns, in batches", "all in batches", "memory",
                  "bytes a prefix"], lines)


def sections(rows):
    return ["## Other structures than the trie", WHAT, ask_table(rows["ask"]),
            spread_table(rows["ask"]), fill_table(rows["fill"])]
