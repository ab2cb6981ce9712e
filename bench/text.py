# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures as people read them."""
import math


def interval(value, form="%.3f"):
    if math.isinf(value.low) or math.isinf(value.high):
        return form % value.value
    return (form + " [" + form + ", " + form + "]") % value


def ns(value):
    return "%.0f" % value if value >= 100 else "%.2f" % value


def percent(value):
    return "%.0f %%" % (value * 100)


def seconds(value):
    return "%.2f s" % (value / 1e9)


def ms(value):
    return "%.1f ms" % (value / 1e6)


def mib(value):
    return "%.1f MiB" % (value / 1048576)


def table(head, rows):
    lines = [head, ["---"] * len(head)] + list(rows)
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |"
                     for line in lines)
