#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the signed messages among the test data with the openssl command, by
keys that it makes and forgets. The files are committed; run this again in the
root of the tree when one is to change: signers.txt then has the new pins."""
import hashlib
import subprocess
import tempfile
from pathlib import Path

DATA = Path(__file__).resolve().parent
SIGNED = DATA / "signed"
TMP = Path(tempfile.mkdtemp())


def openssl(*args):
    return subprocess.run(["openssl", *map(str, args)], check=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def make_signer(name, *kind, usage="digitalSignature"):
    """A self-signed certificate for a hundred years, and its key."""
    openssl("req", "-x509", "-newkey", *kind, "-nodes", "-days", 36500,
            "-subj", f"/CN={name}", "-addext", f"keyUsage=critical,{usage}",
            "-keyout", TMP / f"{name}.key", "-out", TMP / f"{name}.pem")


def make_expired(name, *kind):
    """The same for one year long ago."""
    (TMP / "index").touch()
    (TMP / "serial").write_text("01")
    (TMP / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={TMP}/index\n"
        f"serial={TMP}/serial\nnew_certs_dir={TMP}\npolicy=p\n"
        "x509_extensions=x\n[p]\ncommonName=supplied\n"
        "[x]\nkeyUsage=critical,digitalSignature\n")
    key, request = TMP / f"{name}.key", TMP / f"{name}.csr"
    openssl("req", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}",
            "-keyout", key, "-out", request)
    openssl("ca", "-config", TMP / "ca.cnf", "-batch", "-notext", "-md",
            "sha256", "-selfsign", "-keyfile", key, "-in", request,
            "-startdate", "20010101000000Z", "-enddate", "20020101000000Z",
            "-out", TMP / f"{name}.pem")


def pin(name):
    pem = TMP / f"{name}.spki"
    pem.write_bytes(openssl("x509", "-in", TMP / f"{name}.pem", "-noout",
                            "-pubkey"))
    der = openssl("pkey", "-pubin", "-in", pem, "-outform", "DER")
    return "sha256:" + hashlib.sha256(der).hexdigest()


def sign(content, *signers, args=(), digest="sha256", binary=True,
         detached=False):
    source = TMP / "content"
    source.write_bytes(content)
    who = []
    for s in signers:
        who += ["-signer", TMP / f"{s}.pem", "-inkey", TMP / f"{s}.key"]
    return openssl(
        "cms", "-sign", "-in", source, "-outform", "DER", "-md", digest,
        "-nosmimecap", *who, *([] if detached else ["-nodetach"]),
        *(["-binary"] if binary else []), *args)


def cms(command, content, *args):
    source = TMP / "content"
    source.write_bytes(content)
    return openssl("cms", command, "-in", source, "-binary", "-outform",
                   "DER", *args)


def write(path, raw):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(raw)


def pinned(name):
    """A host file that knows one signer."""
    return ("<plist version=\"1.0\">\n<dict>\n<key>AllowedSigners</key>\n"
            f"<array>\n<string>{pin(name)}</string>\n</array>\n</dict>\n"
            "</plist>\n").encode()


def together(profile):
    yield "W213-expired", sign(profile, "expired")
    yield "W214-pinned", sign(profile, "ec", "rsa")
    yield "W214-pinned.2", pinned("ec")


def reject(profile, host):
    good = sign(host, "ec")
    yield "E101-signed", sign(b"hello", "ec")
    yield "E110-signed", sign(b'{"a": 1}', "ec")
    yield "E115-signed", sign(
        b"<plist><dict>\n<key>a</key><true/>\n<key>a</key><true/>"
        b"</dict></plist>", "ec")
    yield "E148-signed", sign((DATA / "reject/E148-types.plist").read_bytes(),
                              "ec")
    yield "E200-truncated", good[:-7]
    yield "E200-nothing", b"\x30"
    yield "E200-other", b"\x30\x03\x02\x01\x05"
    yield "E200-deep", b"\x30\x80" * 40 + b"\0" * 80
    yield "E201-trailing", good + b"\0\0"
    yield "E202-data", cms("-data_create", host)
    yield "E202-digested", cms("-digest_create", host)
    yield "E202-enveloped", cms("-encrypt", host, "-aes256",
                                TMP / "rsa.pem")
    yield "E202-content", sign(host, "ec", args=["-econtent_type",
                                                 "1.2.3.4"])
    yield "E203-detached", sign(host, "ec", detached=True)
    yield "E204-certificates", openssl(
        "crl2pkcs7", "-nocrl", "-certfile", TMP / "ec.pem", "-outform",
        "DER")
    yield "E204-many", sign(host, *(f"many{i}" for i in range(9)))
    at = good.index(b"/32") + 1
    yield "E207-tampered", good[:at] + b"0" + good[at + 1:]
    yield "E207-bare", sign(host, "ec", args=["-noattr"]).replace(
        b"tun0", b"tun1")
    # signed as digested data, and presented as data
    other = sign(host, "ec", args=["-econtent_type", "1.2.840.113549.1.7.5"])
    oid = bytes.fromhex("06092a864886f70d0107")
    yield "E207-type", other.replace(oid + b"\5", oid + b"\1", 1)
    two = sign(host, "ec", "rsa")
    yield "E207-two", two.replace(b"tun0", b"tun1")
    yield "E208-certificate", sign(host, "ec", args=["-nocerts"])
    yield "E209-usage", sign(profile, "usage")
    yield "E209-usage.2", pinned("usage")
    yield "E210-sha1", sign(host, "ec", digest="sha1")
    yield "E210-md5", sign(host, "rsa", digest="md5")
    yield "E210-short", sign(host, "short")
    yield "E210-curve", sign(host, "curve")
    yield "E211-twice", sign(good, "ec")


def accept(profile, host):
    """(name, file): all of them say the same as the seed's."""
    binary = (DATA / "binary/per-app-vpn.mobileconfig").read_bytes()
    yield "der", sign(profile, "ec")
    yield "ber", sign(profile, "ec", args=["-indef"])
    yield "bare", sign(profile, "rsa", args=["-noattr"])
    yield "crlf", sign(profile.replace(b"> <", b">\n<"), "ec", binary=False)
    yield "binary", sign(binary, "ec")
    yield "pss", sign(profile, "rsa", args=["-keyopt",
                                            "rsa_padding_mode:pss"])
    yield "two", sign(profile, "ec", "rsa")
    yield "other", sign(profile, "other")
    yield "usage", sign(profile, "usage")
    yield "sha1", sign(profile, "ec", digest="sha1",
                       args=["-noattr", "-indef"])


def main():
    ec = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    make_signer("ec", *ec)
    make_signer("other", *ec)
    make_signer("usage", *ec, usage="keyAgreement")
    make_expired("expired", *ec)
    make_signer("rsa", "rsa:2048")
    make_signer("short", "rsa:1024")
    make_signer("curve", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1")
    for i in range(9):
        make_signer(f"many{i}", *ec)
    profile = (DATA / "seed/per-app-vpn.mobileconfig").read_bytes()
    host = (DATA / "seed/host.plist").read_bytes()
    for name, raw in reject(profile, host):
        write(DATA / "reject" / (name + ".plist"), raw)
    for name, raw in together(profile):
        write(DATA / "together" / (name + ".plist"), raw)
    for name, raw in accept(profile, host):
        write(SIGNED / (name + ".mobileconfig"), raw)
    (SIGNED / "signers.txt").write_text("".join(
        f"{name} {pin(name)}\n" for name in ("ec", "other", "rsa", "usage")))


main()
