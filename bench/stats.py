# SPDX-License-Identifier: GPL-2.0-or-later
"""Medians, spreads, and how far a ratio can be trusted.

A sample is compared with the sample of the same round that it is held against.
A block's value is the median of its rounds; blocks are independent of each
other (all worlds are made anew), so the interval is Student's over the blocks:
95 %, of logarithms where the value is a ratio.
"""
import collections
import csv
import math
import random
import statistics

T95 = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18,
       2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09, 2.09]

Interval = collections.namedtuple("Interval", "value low high")
Sample = collections.namedtuple("Sample", "block turn ops ns cpu")


def read(path):
    """(environment, rows) of a CSV; rows by their first field."""
    environment, rows = [], collections.defaultdict(list)
    with open(path, newline="") as file:
        for fields in csv.reader(file):
            if fields[0] == "environment":
                environment.append(fields[1:])
            else:
                rows[fields[0]].append(fields[1:])
    return environment, rows


def student(values):
    """Mean and its interval; without a second value it is not known."""
    values = list(values)
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Interval(mean, -math.inf, math.inf)
    half = (T95[min(len(values) - 2, len(T95) - 1)] *
            statistics.stdev(values) / math.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


def by_block(pairs, value):
    """block -> median over its rounds of value(sample, its opposite)"""
    blocks = collections.defaultdict(list)
    for sample, other in pairs:
        blocks[sample.block].append(value(sample, other))
    return {block: statistics.median(each) for block, each in blocks.items()}


def pair(samples, others):
    """Samples of the same block and round."""
    known = {(other.block, other.turn): other for other in others}
    return [(sample, known[sample.block, sample.turn]) for sample in samples
            if (sample.block, sample.turn) in known]


def ratio(samples, others, field):
    """How many times as fast: by the clock ("ns") or by CPU time ("cpu")."""
    def log_ratio(a, b):
        return math.log(a.ops / getattr(a, field) * getattr(b, field) / b.ops)

    logs = student(by_block(pair(samples, others), log_ratio).values())
    return Interval(*(math.exp(max(min(x, 700), -700)) for x in logs))


def cost(sample):
    """ns of CPU for one operation"""
    return sample.cpu / sample.ops


def added_by_block(samples, others):
    return by_block(pair(samples, others), lambda a, b: cost(a) - cost(b))


def added(samples, others):
    """ns of CPU more for one operation"""
    return student(added_by_block(samples, others).values())


def quotient(above, below):
    """Mean of one over mean of the other: bootstrapped, 95 %, over blocks."""
    blocks = sorted(set(above) & set(below))
    chosen = random.Random(1)

    def one(drawn):
        under = sum(below[b] for b in drawn)
        return sum(above[b] for b in drawn) / under if under else math.inf

    many = sorted(one(chosen.choices(blocks, k=len(blocks)))
                  for _ in range(2000))
    return Interval(one(blocks), many[50], many[-51])


def spread(values):
    """Median, and how far apart the quarters are, in parts of it."""
    values = sorted(values)
    middle = statistics.median(values)
    if len(values) < 4 or not middle:
        return middle, 0.0
    low, _, high = statistics.quantiles(values, n=4)
    return middle, (high - low) / middle
