# SPDX-License-Identifier: GPL-2.0-or-later
"""Sets of prefixes: random, never the same twice, the same every time."""
import random

from lab import LISTED

OURS = {0, 1, 9, 10, 127, 169, 172, 192, 198, 203}  # first bytes left alone


def listed(count):
    """LISTED itself and count - 1 random prefixes of 20 to 28 bits."""
    chosen = random.Random(count)
    seen = {LISTED + "/32": None}
    while len(seen) < count:
        address, length = chosen.getrandbits(32), chosen.randint(20, 28)
        first = address >> 24
        if first in OURS or first >= 224:
            continue
        address &= 0xffffffff << (32 - length)
        seen["%d.%d.%d.%d/%d" % (first, address >> 16 & 255,
                                 address >> 8 & 255, address & 255,
                                 length)] = None
    return list(seen)


def others(count):
    """/29 prefixes, one after the other, none of which listed() can return."""
    first = 11 << 24
    return ["%d.%d.%d.%d/29" % (at >> 24, at >> 16 & 255, at >> 8 & 255,
                                at & 255)
            for at in range(first, first + 8 * 2 * count, 16)]


def ordered(texts):
    """By address, the shorter ones first."""
    def key(text):
        address, length = text.split("/")
        return [int(byte) for byte in address.split(".")] + [int(length)]
    return sorted(texts, key=key)
