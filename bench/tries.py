# SPDX-License-Identifier: GPL-2.0-or-later
"""Other ways to find an address's verdict than the LPM trie, and what each
costs. Programs of tries.bpf.c do nothing else, run by the kernel's own test
call; no packet is sent, and splitd has no part in it. Here is what is in the
maps: laid out as tries.h says, for the same prefixes in every way.
"""
import ipaddress
import os
import random
import struct
import subprocess

import observe
import prefixes
from lab import BenchError

WAYS = ["nothing", "trie", "words", "two", "dir24", "lengths", "blocks",
        "cached", "ranges", "halving"]
CELLS = [(1, False), (1000, False), (100000, False), (1000000, False),
         (1000000, True)]  # prefixes, and whether every other one is IPv6
V4 = 0xffff << 32
SET = struct.pack(">I", 1)
HASH_SET = b"\1\0\0"
ADDRESSES = 1 << 20
DEEP = 0x80
DEPTH = 5  # of a block


class Prefix:
    def __init__(self, text, verdict):
        network = ipaddress.ip_network(text)
        self.is_v4 = network.version == 4
        self.len = network.prefixlen
        self.start = int(network.network_address)
        self.bits = 32 if self.is_v4 else 128
        self.verdict = verdict

    def end(self):
        return self.start + (1 << self.bits - self.len)

    def bytes(self):
        return self.start.to_bytes(self.bits // 8, "big")

    def mapped(self):
        return (self.start | V4 if self.is_v4 else self.start).to_bytes(
            16, "big")


def six(count):
    """Random prefixes as providers give them away, 32 to 48 bits."""
    chosen, found = random.Random(count), {}
    while len(found) < count:
        length = chosen.randint(32, 48)
        address = (2 << 124 | chosen.getrandbits(124)) >> (128 - length)
        found["%s/%d" % (ipaddress.IPv6Address(address << (128 - length)),
                         length)] = None
    return list(found)


def made(count, mixed):
    """Sorted, as the daemon has them, the shorter ones first."""
    texts = prefixes.listed(count // 2 if mixed else count)
    texts += six(count // 2) if mixed else []
    chosen = random.Random(count)
    return sorted((Prefix(text, chosen.randint(1, 2)) for text in texts),
                  key=lambda p: (not p.is_v4, p.start, p.len))


def route(prefix):
    return struct.pack("=Bxxxxxxx", prefix.verdict)


def trie(all_):
    return {struct.pack("=I", 32 + p.len + 96 * p.is_v4) + SET + p.mapped():
            route(p) for p in all_}


def trie4(four):
    return {struct.pack("=I", 32 + p.len) + SET + p.bytes(): route(p)
            for p in four}


def numbered(values):
    return {struct.pack("=I", i): value for i, value in enumerate(values)}


def directory(four):
    table = bytearray(1 << 24)
    for p in four:
        at = p.start >> 8
        if p.len > 24:
            table[at] |= DEEP
        else:
            count = 1 << 24 - p.len
            table[at:at + count] = bytes([p.verdict]) * count
    return numbered(table[i:i + 64] for i in range(0, 1 << 24, 64))


def hash_key(length, start):
    return HASH_SET + struct.pack("=BI", length, start)


def lengths(four):
    return {hash_key(p.len, p.start): struct.pack("=Q", p.verdict)
            for p in four}


def blocks(four):
    found = {}
    for p in four:
        level, depth = divmod(p.len, DEPTH)
        below = 32 - level * DEPTH
        base = p.start >> below << below
        node = (1 << depth) - 1 + (p.start - base >> below - depth)
        key = hash_key(level, base)
        found[key] = found.get(key, 0) | p.verdict << 2 * node
    return {key: struct.pack("=Q", found[key]) for key in sorted(found)}


def flattened(some, bits):
    """(start, verdict) of ranges: the innermost prefix's verdict holds."""
    found, opened = [(0, 0)], [(1 << bits, 0)]

    def begin(start, verdict):
        if found and found[-1][0] == start:
            found.pop()
        if not found or found[-1][1] != verdict:
            found.append((start, verdict))

    def close(until):
        while opened[-1][0] <= until and len(opened) > 1:
            end, _ = opened.pop()
            if end < 1 << bits:
                begin(end, opened[-1][1])

    for p in some:
        close(p.start)
        opened.append((p.end(), p.verdict))
        begin(p.start, p.verdict)
    close(1 << bits)
    return found


def ranges(four, bits=None):
    """Indexed by so many bits, or there are two to four ranges a step of it."""
    found = flattened(four, 32)
    if bits is None:
        bits = min(max(len(found).bit_length() - 2, 0), 20)
    base, at, index = 1 + (1 << bits), 0, []
    for i in range(1 << bits):
        while at + 1 < len(found) and found[at + 1][0] <= i << 32 - bits:
            at += 1
        first = at
        while at + 1 < len(found) and found[at + 1][0] < i + 1 << 32 - bits:
            at += 1
        index.append((base + first, base + at))
    return numbered(struct.pack("=II", *pair)
                    for pair in [(bits, 0)] + index + found)


def halving(four):
    return ranges(four, 0)


def ranges6(some):
    found = flattened(some, 128)
    return numbered(struct.pack("=QQQ", start >> 64, start & (1 << 64) - 1,
                                verdict)
                    for start, verdict in [(len(found), 0)] + found)


def addresses(all_):
    """Every other one in a prefix, the others of a prefix's family."""
    chosen, found = random.Random(3), []
    for i in range(ADDRESSES):
        p = all_[chosen.randrange(len(all_))]
        free = p.bits - p.len if i % 2 == 0 else p.bits - 4 * (not p.is_v4)
        host = p.start >> free << free | chosen.getrandbits(free or 1) & (
            (1 << free) - 1)
        found.append((host | V4 if p.is_v4 else host).to_bytes(16, "big"))
    return numbered(found)


def state(four):
    """struct tries_state"""
    return {bytes(4): struct.pack(
        "=IIQQQ", 0, 0, 0, sum(1 << n for n in {p.len for p in four}),
        sum(1 << n for n in {p.len // DEPTH for p in four}))}


def write(path, entries):
    """struct content"""
    if not entries:
        return
    key, value = next(iter(entries.items()))
    with open(path, "wb") as file:
        file.write(struct.pack("=IIII", len(entries), len(key), len(value), 0))
        file.write(b"".join(entries) + b"".join(entries.values()))


def contents_write(directory_, count, mixed):
    all_ = made(count, mixed)
    four = [p for p in all_ if p.is_v4]
    others = [p for p in all_ if not p.is_v4]
    for name, make, some in (
            ("address", addresses, all_), ("trie", trie, all_),
            ("trie4", trie4, four), ("trie6", trie, others),
            ("dir", directory, four),
            ("deep", trie4, [p for p in four if p.len > 24]),
            ("lengths", lengths, four), ("blocks", blocks, four),
            ("ranges", ranges, four), ("halving", halving, four),
            ("ranges6", ranges6, others), ("tries.bss", state, four)):
        write(os.path.join(directory_, name), make(some))


def run(lab, out, cells=tuple(CELLS), rounds=15):
    memory = observe.MemoryGroup(lab)
    try:
        for count, mixed in cells:
            cell = "%d%s" % (count, " mixed" if mixed else "")
            directory_ = os.path.join(lab.dir, "tries", cell)
            os.makedirs(directory_)
            contents_write(directory_, count, mixed)
            done = subprocess.run(
                ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"',
                 memory.path, lab.build + "/bench/tries",
                 lab.build + "/bench/tries.bpf.o", directory_, memory.usage,
                 str(rounds)] + WAYS, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode:
                raise BenchError(done.stdout)
            for line in done.stdout.splitlines():
                kind, *fields = line.split()
                out.add(kind, cell, *fields)
            out.note("tries: %s prefixes" % cell)
    finally:
        memory.close()
