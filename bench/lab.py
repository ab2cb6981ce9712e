# SPDX-License-Identifier: GPL-2.0-or-later
"""Worlds to measure in: three namespaces, two links, a cgroup, clients.

A world is a client with an uplink and a tunnel, and the two far ends, both of
which have the same addresses. All worlds of a run are alike but for what
steers in them. They live in a mount namespace of the run's own (its bpffs, its
names of network namespaces), which ends with the run; the cgroups carry its
pid. No namespace has a link to the machine's network.
"""
import ctypes
import os
import re
import signal
import subprocess
import tempfile
import time

LISTED = "1.1.1.1"
UNLISTED = "9.9.9.9"
CLONE_NEWNS = 0x00020000
SIDES = {"u": "uplink", "t": "tunnel"}

CLIENT = """link set lo up
addr add 10.10.0.2/24 dev up0
addr add 10.20.0.2/24 dev tun0
link set up0 up
link set tun0 up
route add default via {gateway}
"""
FAR = """link set lo up
addr add 10.{number}.0.1/24 dev lab0
addr add {listed}/32 dev lo
addr add {unlisted}/32 dev lo
link set lab0 up
"""


class BenchError(Exception):
    pass


def run(*argv, **kwargs):
    """A command; its output, or BenchError with what it said."""
    done = subprocess.run(argv, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **kwargs)
    if done.returncode:
        raise BenchError("%s: %s" % (" ".join(argv), done.stdout.strip()))
    return done.stdout


def wait_for(what, ready, seconds=20):
    """Until ready() is true; BenchError at the deadline."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise BenchError("%s: not within %d s" % (what, seconds))
        time.sleep(0.005)


def own_mounts():
    """Into a mount namespace of our own, with a bpffs and names of our own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) < 0:
        raise BenchError("unshare: " + os.strerror(ctypes.get_errno()))
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
    os.makedirs("/run/netns", exist_ok=True)
    run("mount", "-t", "tmpfs", "none", "/run/netns")


def cgroup2_mount():
    """A hybrid host mounts it beside the v1 controllers: ask the kernel."""
    for line in open("/proc/self/mountinfo"):
        left, right = line.split(" - ")
        if right.startswith("cgroup2 "):
            return left.split()[4]
    raise BenchError("no cgroup2 is mounted")


def batch(namespace, commands):
    run("ip", "-n", namespace, "-batch", "-", input=commands)


class Client:
    """A traffic generator in an app's cgroup, by command."""

    def __init__(self, world, which, cgroup):
        self.process = world.spawn(which, cgroup, [world.lab.traffic, "client"],
                                   stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer or answer[0] == "error":
            why = os.strerror(int(answer[1])) if answer else "it died"
            raise BenchError("%s: %s" % (" ".join(map(str, words)), why))
        return answer

    def measure(self, row, where, ms, count=0):
        """(operations, ns, ns of CPU)"""
        return tuple(int(n) for n in self.ask(row, where, ms, count))

    def sides(self, where):
        """Which far end answered, by TCP and by UDP: letters."""
        return "".join(self.ask("side", where))


class World:
    """Made by Lab.world(); torn down by close()."""

    def __init__(self, lab, name, gateway):
        self.lab, self.name = lab, name
        self.processes, self.clients = [], {}
        self.listed_namespace = "c"
        self.cgroup = "%s/%s" % (lab.cgroup, name)
        self.dir = os.path.join(lab.dir, name)
        os.mkdir(self.dir)
        for group in "", "/listed", "/unlisted", "/helper":
            os.mkdir(self.cgroup + group)
        self.links_make(gateway)
        for side in "u", "t":
            far = self.spawn(side, None, [lab.traffic, "serve", side],
                             stdout=subprocess.PIPE, text=True)
            if far.stdout.readline() != "ready\n":
                raise BenchError("a far end does not start")

    def namespace(self, which):
        return "%s-%s" % (self.name, which)

    def links_make(self, gateway):
        for which in "c", "u", "t":
            run("ip", "netns", "add", self.namespace(which))
        client = self.namespace("c")
        for device, side, number in ("up0", "u", 10), ("tun0", "t", 20):
            far = self.namespace(side)
            batch(client, "link add %s type veth peer name lab0 netns %s\n"
                  % (device, far))
            batch(far, FAR.format(number=number, listed=LISTED,
                                  unlisted=UNLISTED))
        batch(client, CLIENT.format(gateway=gateway))
        self.sysctl("net.ipv4.ip_local_port_range", "1024 65000")

    def sysctl(self, name, value):
        self.enter("c", "sh", "-c", 'printf %%s "$1" >"/proc/sys/%s"'
                   % name.replace(".", "/"), "sh", value)

    def argv(self, which, cgroup, argv):
        join = 'echo $$ >"%s/cgroup.procs" && ' % cgroup if cgroup else ""
        return ["sh", "-c", join + 'exec setpriv --pdeathsig KILL nsenter '
                '--net="$0" -- "$@"',
                "/run/netns/" + self.namespace(which)] + list(argv)

    def enter(self, which, *argv, **kwargs):
        return run(*self.argv(which, None, argv), **kwargs)

    def spawn(self, which, cgroup, argv, **kwargs):
        process = subprocess.Popen(self.argv(which, cgroup, argv), **kwargs)
        self.processes.append(process)
        return process

    def another(self, app):
        """A new process of that app: "listed" or "unlisted"."""
        which = self.listed_namespace if app == "listed" else "c"
        return Client(self, which, "%s/%s" % (self.cgroup, app))

    def client(self, app):
        """The app's process; made when first asked for."""
        if app not in self.clients:
            self.clients[app] = self.another(app)
        return self.clients[app]

    def helper_cpu(self):
        """ns that what serves the world's apps (a relay) has used."""
        for line in open(self.cgroup + "/helper/cpu.stat"):
            if line.startswith("usage_usec"):
                return int(line.split()[1]) * 1000
        return 0

    def end(self, process, how=signal.SIGKILL):
        process.send_signal(how)
        process.wait(30)
        self.processes.remove(process)

    def close(self):
        for process in list(self.processes):
            self.end(process)
        for which in "c", "u", "t", "j":
            subprocess.run(["ip", "netns", "del", self.namespace(which)],
                           stderr=subprocess.DEVNULL, check=False)


class Lab:
    """Everything of a run; a context manager."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.traffic = self.build + "/bench/traffic"
        self.splitd = self.build + "/splitd"
        self.splitctl = self.build + "/splitctl"
        self.worlds, self.serial = [], 0

    def __enter__(self):
        own_mounts()
        self.mount = cgroup2_mount()
        self.cgroup = "%s/splitd-bench-%d" % (self.mount, os.getpid())
        os.mkdir(self.cgroup)
        self.dir = tempfile.mkdtemp(prefix="splitd-bench-")
        return self

    def world(self, tunnelled=False):
        """tunnelled: its default route leads into the tunnel."""
        self.serial += 1
        world = World(self, "w%d" % self.serial,
                      "10.20.0.1" if tunnelled else "10.10.0.1")
        self.worlds.append(world)
        return world

    def clear(self):
        """Ends all worlds."""
        while self.worlds:
            self.worlds.pop().close()

    def __exit__(self, *_):
        self.clear()
        for path, dirs, _ in os.walk(self.cgroup, topdown=False):
            wait_for("cgroup " + path, lambda p=path: rmdir(p))
        run("rm", "-rf", self.dir)


def rmdir(path):
    """Has it gone? A process that has just ended is in it a moment longer."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


def environment():
    """What the figures depend on, as (name, value) pairs."""
    cpu = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())
    governor = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
    programs = subprocess.run(["bpftool", "prog", "show"], text=True,
                              stdout=subprocess.PIPE, check=False).stdout
    return [
        ("kernel", os.uname().release),
        ("CPU", "%d x %s" % (os.cpu_count(), cpu[1] if cpu else "unknown")),
        ("governor", open(governor).read().strip()
         if os.path.exists(governor) else "none"),
        ("load average", "%.2f %.2f %.2f" % os.getloadavg()),
        ("others' splitd programs in the kernel",
         str(len(re.findall(r" name sp_", programs)))),
    ]
