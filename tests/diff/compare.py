#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Our reader against libplist and Python's plistlib, over generated and
mutated property lists. Where they disagree ours must refuse: a file that two
programs read differently has no place in a policy. Exits 1 at the first input
that breaks this, and keeps it.

    compare.py PLIST_DUMP [--seconds N] [--seed N] [--cases N]
"""
import argparse
import datetime
import os
import plistlib
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time

EPOCH = datetime.datetime(1970, 1, 1)
EPOCH_2001 = 978307200


class Date(int):
    """Seconds since 1970; told from an integer by its type."""


class Reader:
    """One mode of plist_dump, started again when an input kills it."""

    def __init__(self, program, mode):
        self.args, self.process, self.deaths = [program, mode], None, 0

    def start(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self.process = subprocess.Popen(
            self.args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, preexec_fn=limit)

    def ask(self, raw):
        """The answer; b"" for a refusal, None when the reader died of it."""
        if not self.process:
            self.start()
        try:
            self.process.stdin.write(struct.pack("=I", len(raw)) + raw)
            self.process.stdin.flush()
            head = self.process.stdout.read(4)
            if len(head) == 4:
                return self.process.stdout.read(struct.unpack("=I", head)[0])
        except BrokenPipeError:
            pass
        self.stop()
        self.deaths += 1
        return None

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None


class Answer:
    """plist_dump's form to Python's types; a dict is a list of pairs, since
    its order and its duplicates count."""

    def __init__(self, raw):
        self.raw, self.at = raw, 0

    def until(self, stop):
        end = self.at
        while end < len(self.raw) and self.raw[end] not in stop:
            end += 1
        text = self.raw[self.at:end]
        self.at = end
        return text

    def value(self):
        kind = self.raw[self.at:self.at + 1]
        self.at += 1
        if kind in b"TF":
            return kind == b"T"
        if kind in b"ID":
            number = b""
            while self.raw[self.at:self.at + 1] in (
                    b"-", *(b"%d" % i for i in range(10))):
                number += self.raw[self.at:self.at + 1]
                self.at += 1
            return Date(number) if kind == b"D" else int(number)
        if kind == b"R":
            bits = int(self.raw[self.at:self.at + 16], 16)
            self.at += 16
            return struct.unpack(">d", struct.pack(">Q", bits))[0]
        if kind in b"SX":
            n = int(self.until(b":"))
            raw = self.raw[self.at + 1:self.at + 1 + n]
            self.at += 1 + n
            return raw.decode("utf-8", "surrogateescape") \
                if kind == b"S" else raw
        return self.container(kind)

    def container(self, kind):
        items = []
        while self.raw[self.at:self.at + 1] not in b"]}":
            item = self.value()
            items.append((item, self.value()) if kind == b"{" else item)
        self.at += 1
        return ("dict", items) if kind == b"{" else items


def from_python(value):
    """plistlib's types to the same."""
    if isinstance(value, dict):
        return ("dict", [(k, from_python(v)) for k, v in value.items()])
    if isinstance(value, list):
        return [from_python(v) for v in value]
    if isinstance(value, datetime.datetime):
        return Date((value - EPOCH) // datetime.timedelta(seconds=1))
    return value


def same(a, b, lax):
    """Parts of a second are rounded by the others and cut by us. lax: as far
    as libplist 2.2 can say: dates in 32 bits, and carriage returns left in the
    text of XML."""
    if isinstance(a, Date) and isinstance(b, Date):
        return abs(a - b) <= 1 or (
            lax and abs(a - EPOCH_2001) >= (1 << 31) - 1)
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack(">d", a) == struct.pack(">d", b)
    if isinstance(a, str) and lax:
        return a == b or a == b.replace("\r\n", "\n").replace("\r", "\n")
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(
            same(x, y, lax) for x, y in zip(a, b))
    return a == b


def has(value, test):
    if isinstance(value, tuple):
        return any(has(k, test) or has(v, test) for k, v in value[1])
    if isinstance(value, list):
        return any(has(v, test) for v in value)
    return test(value)


def python_refuses(raw, value):
    """What ours accepts and plistlib cannot say, and why that is right."""
    return (
        # expat refuses the DOCTYPEs of real servers; ours skips them
        b"<!DOCTYPE" in raw
        # a datetime begins with year 1
        or has(value, lambda v: isinstance(v, Date) and v < -62135596800))


def libplist_refuses(raw, value):
    return (
        raw.startswith(b"\xef\xbb\xbf")     # a byte order mark
        or has(value, lambda v: v == "")    # an empty string in UTF-16
        or b"<!DOCTYPE" in raw)             # quotes, brackets in it


# ---- inputs ----------------------------------------------------------------

KEYS = ["Apps", "PayloadType", "VPNUUID", "a", "b", "", "ä", "😀", "k" * 200]
STRINGS = ["", "x", "com.example.app", "ß", "日本", "😀", "a\tb\nc", " x ",
           "1", "&<>\"'", "]]>", "\u200b", "y" * 300]


def scalar(rng):
    return rng.choice([
        lambda: rng.choice(STRINGS),
        lambda: rng.choice([0, 1, -1, 127, 128, 255, 256, 65535, 65536,
                            2**31, 2**32, 2**63 - 1, -2**63,
                            rng.getrandbits(40)]),
        lambda: rng.choice([0.0, -0.5, 1.5, 1e300, 1e-300, 3.14,
                            rng.random()]),
        lambda: rng.choice([True, False]),
        lambda: rng.randbytes(rng.choice([0, 1, 2, 3, 20, 300])),
        lambda: EPOCH + datetime.timedelta(
            seconds=rng.randrange(-10**9, 3 * 10**9)),
    ])()


def tree(rng, depth):
    roll = rng.random()
    if depth == 0 or roll < 0.5:
        return scalar(rng)
    n = rng.randrange(5)
    if roll < 0.75:
        return [tree(rng, depth - 1) for _ in range(n)]
    return {rng.choice(KEYS): tree(rng, depth - 1) for _ in range(n)}


PIECES = [b"<key>a</key>", b"<true/>", b"<dict>", b"</dict>", b"<array>",
          b"</array>", b"<string>", b"</string>", b"<integer>1</integer>",
          b"<integer>010</integer>", b"<integer>0x1f</integer>",
          b"<integer>-0</integer>", b"<integer> 1</integer>",
          b"<real>1e5</real>", b"<real>nan</real>", b"<real>0x1p3</real>",
          b"<date>2024-02-30T00:00:00Z</date>",
          b"<date>2024-02-29T00:00:00Z</date>", b"<date>2024-02Z</date>",
          b"<data>QQ==</data>", b"<data>QQ</data>", b"<data>!QQ==</data>",
          b"&amp;", b"&foo;", b"&#65;", b"&#xD800;", b"&#0;", b"<!-- c -->",
          b"<![CDATA[x]]>", b"<?pi x?>", b"</plist>", b"<plist>", b"\0",
          b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\r\n", b"<true>x</true>",
          b"<null/>", b"<!DOCTYPE plist [<!ENTITY a 'b'>]>", b"x", b"12",
          b"<dict><key>CF$UID</key><integer>1</integer></dict>"]
BYTES = [b"\x00", b"\x08", b"\x09", b"\x0f", b"\x10\x01", b"\x14" + bytes(16),
         b"\x50", b"\x60", b"\x61\xd8\x00", b"\x62\xd8\x3d\xde\x00",
         b"\x51\xff", b"\x51\x00", b"\x80\x01", b"\xa0", b"\xa1\x00",
         b"\xc0", b"\xd0", b"\xd1\x00\x00", b"\x5f\x10\x01", b"\xff" * 8,
         b"\x23\x7f\xf8" + bytes(6), b"\x33\x7f\xf0" + bytes(6), b"\x70"]


def change(rng, raw, pieces):
    raw, at = bytearray(raw), rng.randrange(len(raw) + 1)
    what = rng.randrange(7)
    if what == 0 and raw:
        raw[at % len(raw)] ^= 1 << rng.randrange(8)
    elif what == 1:
        raw[at:at] = rng.choice(pieces)
    elif what == 2:
        raw[at:at + rng.randrange(1, 20)] = rng.choice(pieces)
    elif what == 3:
        del raw[at:at + rng.randrange(1, 30)]
    elif what == 4:
        end = at + rng.randrange(1, 60)
        raw[at:at] = raw[at:end]
    elif what == 5 and raw:
        raw[at % len(raw)] = rng.randrange(256)
    else:                           # the trailer and the table before it
        at = len(raw) - 1 - rng.randrange(min(len(raw), 48) or 1)
        if at >= 0:
            raw[at] = rng.choice([0, 1, 2, 3, 4, 8, 9, 255,
                                  rng.randrange(256)])
    return bytes(raw)


def case(rng):
    fmt = rng.choice([plistlib.FMT_XML, plistlib.FMT_BINARY])
    raw = plistlib.dumps(tree(rng, 4), fmt=fmt,
                         sort_keys=rng.random() < 0.5)
    pieces = PIECES if fmt == plistlib.FMT_XML else BYTES
    if rng.random() < 0.1:          # plain: all three must accept
        return raw
    if fmt == plistlib.FMT_XML and rng.random() < 0.7:
        raw = raw[raw.index(b"<plist"):]
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        raw = change(rng, raw, pieces)
    return raw


# ---- judging ---------------------------------------------------------------

def judge(raw, ours, libplist):
    """None, or what is wrong."""
    answer = ours.ask(raw)
    if answer is None:
        return "our reader died"
    if not answer:
        return ""
    mine = Answer(answer).value()

    try:
        theirs = from_python(plistlib.loads(
            raw, fmt=plistlib.FMT_BINARY if raw.startswith(b"bplist00")
            else plistlib.FMT_XML))
        if not same(mine, theirs, False):
            return f"plistlib reads {theirs!r}, ours {mine!r}"
    except Exception as error:      # whatever it raises is its refusal
        if not python_refuses(raw, mine):
            return f"plistlib refuses ({error!r}), ours reads {mine!r}"

    answer = libplist.ask(raw)
    if answer:
        theirs = Answer(answer).value()
        if not same(mine, theirs, True):
            return f"libplist reads {theirs!r}, ours {mine!r}"
    elif not libplist_refuses(raw, mine):
        return f"libplist refuses, ours reads {mine!r}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--cases", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    ours, libplist = (Reader(args.program, m) for m in ("ours", "libplist"))
    end, n, accepted = time.monotonic() + args.seconds, 0, 0

    while n < args.cases and time.monotonic() < end:
        raw = case(rng)
        n += 1
        wrong = judge(raw, ours, libplist)
        accepted += wrong is None
        if wrong:
            fd, path = tempfile.mkstemp(prefix="splitd-diff-")
            os.write(fd, raw)
            os.close(fd)
            print(f"seed {args.seed}, case {n}: {wrong}\nkept: {path}")
            break
    ours.stop()
    libplist.stop()
    print(f"{n} inputs, {accepted} read the same by all, seed {args.seed}")
    # a reader that refuses everything would pass the comparison
    return 1 if wrong or accepted < n // 20 else 0


sys.exit(main())
