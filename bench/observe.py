# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be seen of an instance from outside: time, memory, its hooks."""
import json
import mmap
import os
import struct
import subprocess

from lab import BenchError, run

PHASES = ("update", "map-read", "verifier", "bpf", "netlink", "first", "last")
V1 = "/sys/fs/cgroup/memory"


class Phases:
    """The file that phases.c adds up in."""

    def __init__(self, build, path):
        with open(path, "wb") as file:
            file.write(bytes(8 * len(PHASES)))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 8 * len(PHASES))
        self.env = {"BENCH_PHASES": path,
                    "LD_PRELOAD": build + "/bench/phases.so"}

    def zero(self):
        self.memory[:] = bytes(8 * len(PHASES))

    def read(self):
        """name -> ns; first and last are on the monotonic clock."""
        return dict(zip(PHASES, struct.unpack("=%dQ" % len(PHASES),
                                              self.memory[:])))


class MemoryGroup:
    """Counts what the kernel allocates for who is in it; v1 or v2."""

    def __init__(self, lab):
        if os.path.isdir(V1):
            self.path = "%s/splitd-bench-%d" % (V1, os.getpid())
            self.usage = self.path + "/memory.kmem.usage_in_bytes"
        else:
            with open(lab.mount + "/cgroup.subtree_control", "w") as file:
                file.write("+memory")
            self.path = "%s/splitd-bench-memory-%d" % (lab.mount, os.getpid())
            self.usage = self.path + "/memory.current"
        os.mkdir(self.path)

    def close(self):
        os.rmdir(self.path)


def resident(pid):
    """(RSS, PSS, CPU ns) of a process."""
    sizes = dict(line.split()[:2] for line in
                 open("/proc/%d/smaps_rollup" % pid).readlines()[1:])
    stat = open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()
    ticks = int(stat[11]) + int(stat[12]) + int(stat[13]) + int(stat[14])
    return (int(sizes["Rss:"]) * 1024, int(sizes["Pss:"]) * 1024,
            ticks * 1000000000 // os.sysconf("SC_CLK_TCK"))


def pins(bpffs, kind):
    """(name, what bpftool says) of every pin of that kind."""
    for path, _, names in os.walk(bpffs):
        for name in names:
            done = subprocess.run(
                ["bpftool", "-j", kind, "show", "pinned",
                 os.path.join(path, name)], stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, check=False)
            if done.returncode == 0 and done.stdout.strip():
                told = json.loads(done.stdout)
                yield name, told[0] if isinstance(told, list) else told


def map_bytes(bpffs):
    """name -> bytes, by what the kernel says a map holds."""
    found = {name: int(told.get("bytes_memlock", 0))
             for name, told in pins(bpffs, "map")}
    if not found:
        raise BenchError("no maps are pinned below " + bpffs)
    return found


def program_ids(bpffs):
    """hook -> program id"""
    return {name: told["prog_id"] for name, told in pins(bpffs, "link")}


def program_cost(ids):
    """hook -> (ns, runs) so far; statistics must be on."""
    told = {one["id"]: one
            for one in json.loads(run("bpftool", "-j", "prog", "show"))}
    return {hook: (told[number].get("run_time_ns", 0),
                   told[number].get("run_cnt", 0))
            for hook, number in ids.items()}


class Stats:
    """While it lives the kernel counts what BPF programs cost."""

    def __init__(self, build):
        self.process = subprocess.Popen([build + "/bench/bare", "stats"],
                                        stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise BenchError("the kernel does not count")

    def close(self):
        self.process.stdin.close()
        self.process.wait()
