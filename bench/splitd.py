# SPDX-License-Identifier: GPL-2.0-or-later
"""splitd in a world: its policy as an administrator would write it, its life.

The policy may be large: files are written as text, not by way of plistlib.
"""
import os
import signal
import socket
import subprocess

from lab import LISTED, BenchError, run, wait_for

READY_SECONDS = 120  # a million prefixes, on a machine that is busy
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict>\n'
TAIL = "</dict></plist>\n"
LINKS_PER_FILE = 1024  # each file has a budget

COMMON = """<key>PayloadType</key><string>%s</string>
<key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>com.example.%s</string>
<key>PayloadUUID</key><string>5f0c2a1e-0000-4000-8000-%012x</string>
"""


def profile(number, prefix=None):
    """A tunnel's; what it includes the host file says, this may exclude."""
    routes = ("<key>VendorConfig</key><dict><key>ExcludedRoutes</key><array>"
              "<string>%s</string></array></dict>" % prefix if prefix else "")
    return (HEAD + COMMON % ("Configuration", "p%d" % number, number) +
            "<key>PayloadContent</key><array><dict>" +
            COMMON % ("com.apple.vpn.managed.applayer", "v%d" % number,
                      number + 4096) +
            "<key>VPNUUID</key><string>tunnel%d</string>"
            "<key>VPNType</key><string>VPN</string>"
            "<key>VPNSubType</key><string>com.example</string>"
            "<key>UserDefinedName</key><string>t</string>"
            "<key>VPN</key><dict/>%s</dict></array>" % (number, routes) +
            TAIL)


def command(links):
    items = "".join(
        "<dict><key>Item</key><string>ApplicationAttributes</string>"
        "<key>Identifier</key><string>%s</string><key>Attributes</key><dict>"
        "<key>VPNUUID</key><string>tunnel%d</string></dict></dict>\n" % link
        for link in links)
    return (HEAD + "<key>Command</key><dict><key>RequestType</key>"
            "<string>Settings</string><key>Settings</key><array>\n" + items +
            "</array></dict>" + TAIL)


def host(apps, tunnels):
    """apps: id -> selector; tunnels: [(interface, [prefix])]"""
    lines = [HEAD, "<key>Apps</key><dict>\n"]
    lines += ["<key>%s</key><array><string>%s</string></array>\n" % app
              for app in apps.items()]
    lines.append("</dict><key>Tunnels</key><dict>\n")
    for number, (interface, prefixes) in enumerate(tunnels):
        lines.append("<key>tunnel%d</key><dict><key>Interface</key><string>%s"
                     "</string><key>IncludedRoutes</key><array>\n"
                     % (number, interface))
        lines += ["<string>%s</string>\n" % prefix for prefix in prefixes]
        lines.append("</array></dict>\n")
    return "".join(lines) + "</dict>" + TAIL


class Splitd:
    """An instance that governs a world. Started by start(), READY then."""

    def __init__(self, world):
        self.world, self.process, self.env = world, None, {}
        self.bpffs = "/sys/fs/bpf/" + world.name
        self.host = world.dir + "/host.plist"
        for name in "policy", "state", "run":
            os.makedirs("%s/%s" % (world.dir, name), exist_ok=True)

    def write(self, name, text):
        with open("%s/%s" % (self.world.dir, name), "w") as file:
            file.write(text)

    def policy_one(self, prefixes=(LISTED + "/32", "203.0.113.0/24")):
        """One app, one tunnel."""
        self.policy([list(prefixes)], 1)

    def policy(self, prefixes_by_tunnel, n_apps):
        """App 0 is ours, in tunnel 0; the others are cgroups of nobody."""
        apps = {"com.example.app0": self.selector("listed/**")}
        for i in range(1, n_apps):
            apps["com.example.app%d" % i] = self.selector("nobody%d" % i)
        n = len(prefixes_by_tunnel)
        links = [(app, i % n) for i, app in enumerate(apps)]
        for i in range(0, len(links), LINKS_PER_FILE):
            self.write("policy/links%d.plist" % i,
                       command(links[i:i + LINKS_PER_FILE]))
        for i in range(n):
            self.write("policy/%d.mobileconfig" % i, profile(i))
        self.tunnels_write(apps, prefixes_by_tunnel)

    def tunnels_write(self, apps, prefixes_by_tunnel):
        self.apps = apps
        self.write("host.plist", host(apps, [
            ("tun%d" % i, prefixes)
            for i, prefixes in enumerate(prefixes_by_tunnel)]))

    def small_write(self, prefix):
        """The first tunnel's profile with one prefix, or with none."""
        self.write("policy/0.mobileconfig", profile(0, prefix))

    def selector(self, below):
        top = self.world.cgroup[len(self.world.lab.mount):]
        return "cgroup:%s/%s" % (top, below)

    def argv(self, *more):
        here = self.world.dir
        return [self.world.lab.splitd, "--policy", here + "/policy",
                "--state", here + "/state", "--run", here + "/run",
                "--cgroup", self.world.cgroup, "--bpffs", self.bpffs,
                "--host", self.host] + list(more)

    def start(self):
        path = self.world.dir + "/notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(0.1)
            with open(self.world.dir + "/log", "a") as log:
                self.process = self.world.spawn(
                    "c", None, self.argv(), stderr=log,
                    stdout=subprocess.DEVNULL,
                    env=dict(os.environ, NOTIFY_SOCKET=path, **self.env))
            try:
                wait_for("splitd's READY", lambda: self.is_ready(notify),
                         READY_SECONDS)
            finally:
                os.unlink(path)

    def is_ready(self, notify):
        """READY=1 has come; it dies: BenchError with its last words."""
        if self.process.poll() is not None:
            raise BenchError("splitd does not start: " + self.log())
        try:
            return b"READY=1" in notify.recv(4096)
        except socket.timeout:
            return False

    def log(self):
        return open(self.world.dir + "/log").read()[-2000:]

    def ctl(self, *words):
        return run(self.world.lab.splitctl, *words, "--run",
                   self.world.dir + "/run")

    def purge(self):
        if self.process:
            self.world.end(self.process, signal.SIGTERM)
            self.process = None
        self.world.enter("c", *self.argv("--purge"))
