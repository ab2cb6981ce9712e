#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the binary property lists among the test data: what no library would
write, byte by byte, and the seed case as plistlib writes it. The files are
committed; run this again in the root of the tree when one is to change."""
import plistlib
import re
import struct
from pathlib import Path

DATA = Path(__file__).resolve().parent


def build(objects, root=0, osize=1, rsize=1, n=None, table=None, offsets=None,
          magic=b"bplist00", gap=b"", head=b"", tail=b"\0" * 6):
    """A file of these objects; every part of the layout can be a lie."""
    out, at = magic, []
    for o in objects:
        out += head
        at.append(len(out))
        out += o
    out += gap
    start = len(out)
    for i, a in enumerate(at):
        a = (offsets or {}).get(i, a)
        out += a.to_bytes(osize, "big")
    return out + tail + bytes([osize, rsize]) + struct.pack(
        ">QQQ", len(objects) if n is None else n, root,
        start if table is None else table)


def ascii_(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return count(0x50, len(raw)) + raw


def utf16(*units):
    return count(0x60, len(units)) + b"".join(
        struct.pack(">H", u) for u in units)


def count(kind, n):
    if n < 15:
        return bytes([kind | n])
    return bytes([kind | 15]) + b"\x11" + struct.pack(">H", n)


def array(*refs):
    return count(0xa0, len(refs)) + bytes(refs)


def dict_(*pairs):
    """Of (key object, value object)."""
    return count(0xd0, len(pairs)) + bytes(k for k, _ in pairs) + bytes(
        v for _, v in pairs)


def keyed(*values):
    """A dict {"a": values[0], "b": values[1], ...}."""
    n = len(values)
    return [dict_(*((1 + i, 1 + n + i) for i in range(n)))] + [
        ascii_(chr(ord("a") + i)) for i in range(n)] + list(values)


TRUE = b"\x09"


def bomb(levels):
    """Each array lists the next one twice: 2**levels values."""
    return [array(i + 1, i + 1) for i in range(levels)] + [TRUE]


def chain(depth):
    return [array(i + 1) for i in range(depth)] + [TRUE]


def reject():
    good = keyed(TRUE)
    yield "E107-binary", build(keyed(ascii_(b"a\x1bb"), utf16(0xffff)))
    yield "E115-binary", build([
        dict_((1, 4), (2, 4), (3, 4)), ascii_("Apps"), ascii_("Tunnels"),
        utf16(*b"Apps"), TRUE])
    yield "E116-binary-bomb", build(bomb(24))
    yield "E116-binary-depth", build(chain(33))
    yield "E116-binary-key", build([
        dict_((1, 2)), ascii_("k" * 256), TRUE], osize=2)
    yield "E118-binary", build(keyed(
        b"\x23" + struct.pack(">d", float("nan")),
        b"\x22" + struct.pack(">f", float("inf"))))
    yield "E140-version", build(good, magic=b"bplist15")
    yield "E140-short", b"bplist0"
    yield "E141-offsets", build(good, osize=5)
    yield "E141-references", build(good, rsize=0)
    yield "E142-short", b"bplist00\xd0"
    yield "E142-none", build(good, n=0)
    yield "E142-many", build(good, n=1 << 63)
    yield "E142-root", build(good, root=3)
    yield "E143-early", build(good, table=8)
    yield "E143-late", build(good, table=(1 << 64) - 3)
    yield "E143-trailer", build(good, gap=b"\0" * 4, table=14)
    yield "E144-offsets", build(good, offsets={1: 0, 2: 15})
    yield "E145-huge", build(keyed(b"\x5f\x13\x7f" + b"\xff" * 7))
    yield "E145-count", build(keyed(b"\x5f\x51a", b"\xaf"))
    yield "E145-last", build(keyed(b"\x13\0\0\0"))
    yield "E146-references", build(keyed(array(9), TRUE))
    yield "E147-keys", build([
        dict_((1, 2), (3, 2)), b"\x10\x01", TRUE, ascii_("b")])
    yield "E148-types", build(keyed(
        b"\x00", b"\x0f", b"\xc0", b"\x80\x01", b"\x21\0\0", b"\x70",
        b"\x32\0\0\0\0"))
    yield "E149-integers", build(keyed(
        b"\x14" + b"\xff" * 8 + b"\0" * 7 + b"\x05",
        b"\x14" + b"\0" * 8 + b"\xff" * 8,
        b"\x14" + b"\0" * 15 + b"\x05"))
    yield "E150-ascii", build(keyed(ascii_(b"com.good\xff")))
    yield "E151-surrogates", build(keyed(
        utf16(0xd800), utf16(0xdc00, 0x61), utf16(0xd800, 0x61, 0xdc00)))
    yield "E152-nul", build(keyed(
        ascii_(b"com.good\0.evil"), utf16(0x61, 0)))
    yield "E153-cycle", build([
        dict_((1, 0), (2, 3)), ascii_("a"), ascii_("b"), array(4), array(3)])
    yield "E154-overlap", build(keyed(ascii_("xQyz"), TRUE), offsets={4: 17})
    yield "E156-dates", build(keyed(*(
        b"\x33" + struct.pack(">d", d)
        for d in (float("nan"), float("inf"), 1e300, 252423993600.0))))


def accept():
    """What is odd and allowed; what it says is in test_policy_bplist.c."""
    yield "empty-utf16", build(keyed(utf16()))
    yield "pair", build(keyed(utf16(0xd83d, 0xde00)))
    yield "wide", build(keyed(
        b"\x14" + b"\0" * 15 + b"\x05", b"\x13" + b"\xff" * 8, b"\x10\xff",
        b"\x22" + struct.pack(">f", 1.5)), osize=8)
    yield "shared", build([
        dict_((1, 2), (3, 2)), ascii_("a"), array(4, 4), ascii_("b"), TRUE])
    yield "unused", build(keyed(TRUE) + [TRUE, TRUE])
    yield "gap", build(keyed(TRUE), gap=b"junk", tail=b"\1" + b"\0" * 5)
    yield "deep", build(chain(32))


def main():
    for name, raw in reject():
        (DATA / "reject" / (name + ".plist")).write_bytes(raw)
    (DATA / "binary").mkdir(exist_ok=True)
    for name, raw in accept():
        (DATA / "binary" / (name + ".plist")).write_bytes(raw)
    # The seed's DOCTYPEs are malformed: plistlib's expat would refuse them.
    for path in sorted((DATA / "seed").iterdir()):
        text = re.sub(b"<!DOCTYPE[^>]*>", b"", path.read_bytes())
        (DATA / "binary" / path.name).write_bytes(plistlib.dumps(
            plistlib.loads(text), fmt=plistlib.FMT_BINARY, sort_keys=False))


main()
