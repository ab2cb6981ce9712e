# SPDX-License-Identifier: GPL-2.0-or-later
"""What people use today, each set up the way its users do.

All give a listed app's traffic to one destination set the tunnel, and leave the
rest alone. Where the recipe has a choice the cheaper one is taken: marks by
app only, with the destination set in a route table, as splitd has it.
"""
import os

from lab import LISTED, UNLISTED, batch, run, wait_for
from splitd import Splitd

MARK = "0x1"
TABLE = "100"
SOCKS_PORT = 1080
RELAY_PORT = 12345
PREFIXES = (LISTED, "203.0.113.0/24")
EMPTY = {  # program -> bpftool's name of its hook
    "class_create": "sock_create", "sock_create": "sock_create",
    "class_connect4": "connect4", "connect4": "connect4",
    "class_sendmsg4": "sendmsg4", "sendmsg4": "sendmsg4",
    "sock_ops": "sock_ops", "ingress": "ingress", "egress": "egress",
}

NFT = """table inet split {{
	chain steer {{
		type route hook output priority mangle;
		ct mark {mark} meta mark set ct mark accept
		socket cgroupv2 level {level} "{path}" meta mark set {mark} \\
			ct mark set meta mark
	}}
	chain dress {{
		type nat hook postrouting priority srcnat;
		meta mark {mark} oifname "tun0" masquerade
	}}
}}
"""

JAIL = """link add jail0 type veth peer name eth0 netns {jail}
addr add 10.30.0.1/24 dev jail0
link set jail0 up
rule add iif jail0 lookup {table}
"""
JAILED = """link set lo up
addr add 10.30.0.2/24 dev eth0
link set eth0 up
route add default via 10.30.0.1
"""
JAIL_NFT = """table ip jail {
	chain dress {
		type nat hook postrouting priority srcnat;
		ip saddr 10.30.0.0/24 masquerade
	}
}
"""

RELAY_NFT = """table inet relay {{
	chain divert {{
		type nat hook output priority -100;
		socket cgroupv2 level {level} "{path}" \\
			ip daddr {{ {prefixes} }} meta l4proto tcp \\
			redirect to :{port}
	}}
}}
"""
REDSOCKS = """base {{ log_info = off; daemon = off; redirector = iptables; }}
redsocks {{
	local_ip = 127.0.0.1; local_port = {relay};
	ip = 127.0.0.1; port = {socks}; type = socks5;
}}
"""


def nothing(_world):
    pass


def splitd(world):
    daemon = Splitd(world)
    daemon.policy_one()
    daemon.start()
    world.stop = daemon.purge


def splitd_idle(world):
    daemon = Splitd(world)  # without a file
    daemon.start()
    world.stop = daemon.purge


def empty(world):
    """The least that hooks and rules cost: a program at each of splitd's hooks
    that returns at once, and two rules that lead nobody anywhere.
    """
    pins = "/sys/fs/bpf/empty-" + world.name
    run("bpftool", "prog", "loadall",
        world.lab.build + "/bench/empty.bpf.o", pins)
    for name, hook in EMPTY.items():
        run("bpftool", "cgroup", "attach", world.cgroup, hook, "pinned",
            pins + "/" + name, "multi")
    world.enter("c", "tc", "qdisc", "add", "dev", "tun0", "clsact")
    world.enter("c", "tc", "filter", "add", "dev", "tun0", "egress", "bpf",
                "direct-action", "object-pinned", pins + "/door")
    batch(world.namespace("c"), "rule add fwmark %s lookup %s\n"
          "rule add from 10.20.0.2 lookup %s\n" % (MARK, TABLE, TABLE))


def table_of_prefixes(world):
    client = world.namespace("c")
    batch(client, "".join("route add %s via 10.20.0.1 dev tun0 table %s\n"
                          % (prefix, TABLE) for prefix in PREFIXES))
    # the answers of a marked flow come in where no unmarked route leads
    world.sysctl("net.ipv4.conf.all.rp_filter", "2")
    world.sysctl("net.ipv4.conf.tun0.rp_filter", "2")


def app_path(world):
    """The listed app's cgroup below the mount, and its depth."""
    path = world.cgroup[len(world.lab.mount) + 1:] + "/listed"
    return path, path.count("/") + 1


def nft_load(world, rules):
    """nft looks for cgroups at /sys/fs/cgroup; a hybrid host has them below."""
    world.enter("c", "unshare", "--mount", "sh", "-c",
                'mount --bind "$0" /sys/fs/cgroup && nft -f -',
                world.lab.mount, input=rules.replace("\\\n\t\t\t", ""))


def nftables(world):
    table_of_prefixes(world)
    batch(world.namespace("c"), "rule add fwmark %s lookup %s\n"
          % (MARK, TABLE))
    path, level = app_path(world)
    nft_load(world, NFT.format(mark=MARK, path=path, level=level))


def iptables(world):
    table_of_prefixes(world)
    batch(world.namespace("c"), "rule add fwmark %s lookup %s\n"
          % (MARK, TABLE))
    path, _ = app_path(world)
    for rule in (
            ("mangle", "OUTPUT", "-m", "cgroup", "--path", "/" + path,
             "-j", "MARK", "--set-mark", MARK),
            ("nat", "POSTROUTING", "-o", "tun0", "-m", "mark", "--mark", MARK,
             "-j", "MASQUERADE")):
        world.enter("c", "iptables", "-t", rule[0], "-A", *rule[1:])


def namespace(world):
    """The app in a namespace of its own, routed and masqueraded by ours."""
    table_of_prefixes(world)
    jail = world.namespace("j")
    run("ip", "netns", "add", jail)
    batch(world.namespace("c"), JAIL.format(jail=jail, table=TABLE))
    batch(jail, JAILED)
    world.sysctl("net.ipv4.ip_forward", "1")
    world.enter("c", "nft", "-f", "-", input=JAIL_NFT)
    world.listed_namespace = "j"


def relay(world):
    """redsocks takes the app's TCP to microsocks, which asks by the tunnel."""
    client = world.namespace("c")
    batch(client, "route add default via 10.20.0.1 dev tun0 table %s\n"
          "rule add from 10.20.0.2 lookup %s\n" % (TABLE, TABLE))
    helper = world.cgroup + "/helper"
    config = world.dir + "/redsocks.conf"
    with open(config, "w") as file:
        file.write(REDSOCKS.format(relay=RELAY_PORT, socks=SOCKS_PORT))
    with open(os.devnull, "w") as null:
        world.spawn("c", helper, ["microsocks", "-i", "127.0.0.1", "-p",
                                  str(SOCKS_PORT), "-b", "10.20.0.2"],
                    stdout=null, stderr=null)
        world.spawn("c", helper, ["redsocks", "-c", config], stdout=null,
                    stderr=null)
    path, level = app_path(world)
    nft_load(world, RELAY_NFT.format(path=path, level=level, port=RELAY_PORT,
                                     prefixes=", ".join(PREFIXES)))
    wait_for("the relay", lambda: all(
        ":%04X " % port in world.enter("c", "cat", "/proc/net/tcp")
        for port in (RELAY_PORT, SOCKS_PORT)))


# Name, set-up, whether the default route leads into the tunnel.
VARIANTS = {
    "none": (nothing, False),
    "plain": (nothing, True),
    "splitd": (splitd, False),
    "idle": (splitd_idle, False),
    "empty": (empty, False),
    "empty, tunnelled": (empty, True),
    "nftables": (nftables, False),
    "iptables": (iptables, False),
    "namespace": (namespace, False),
    "relay": (relay, False),
}

TCP_ONLY = {"rr", "stream"}

# What is compared: way -> (variant, app, destination, the side that must
# answer, the way it is held against, the rows it can do; None: all).
WAYS = {
    "none": ("none", "listed", UNLISTED, "u", None, None),
    "plain": ("plain", "listed", LISTED, "t", None, None),
    "splitd, listed app, listed": (
        "splitd", "listed", LISTED, "t", "plain", None),
    "splitd, listed app, unlisted": (
        "splitd", "listed", UNLISTED, "u", "none", None),
    "splitd, unlisted app": (
        "splitd", "unlisted", LISTED, "u", "none", None),
    "splitd without policy": (
        "idle", "unlisted", UNLISTED, "u", "none", None),
    "empty programs, listed": (
        "empty, tunnelled", "listed", LISTED, "t", "plain", None),
    "empty programs, unlisted": (
        "empty", "unlisted", UNLISTED, "u", "none", None),
    "nftables, listed app, listed": (
        "nftables", "listed", LISTED, "t", "plain", None),
    "nftables, listed app, unlisted": (
        "nftables", "listed", UNLISTED, "u", "none", None),
    "nftables, unlisted app": (
        "nftables", "unlisted", UNLISTED, "u", "none", None),
    "iptables, listed app, listed": (
        "iptables", "listed", LISTED, "t", "plain", None),
    "iptables, listed app, unlisted": (
        "iptables", "listed", UNLISTED, "u", "none", None),
    "namespace, listed app, listed": (
        "namespace", "listed", LISTED, "t", "plain", None),
    "namespace, listed app, unlisted": (
        "namespace", "listed", UNLISTED, "u", "none", None),
    "relay, listed app, listed": (
        "relay", "listed", LISTED, "t", "plain", TCP_ONLY),
}
