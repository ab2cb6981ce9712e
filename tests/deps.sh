#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Finds out what is missing for build and tests, says why it is needed, and
# installs it where apt can (as root on Debian and Ubuntu).
set -eu
export DEBIAN_FRONTEND=noninteractive
PATH=$PATH:/usr/sbin:/sbin

# what is tried ; packages, the first known one is taken ; what for
wanted='
cmd cc ; gcc ; compiles the programs
cmd clang-16 clang ; clang-16 clang ; compiles the BPF programs
cmd llvm-strip-16 llvm-strip ; llvm-16 llvm ; strips the BPF objects
run bpftool version ; bpftool linux-tools-generic ; makes vmlinux.h and the skeletons
inc stdio.h ; libc6-dev ; C library headers
inc bpf/libbpf.h ; libbpf-dev ; loads the BPF programs
inc libmnl/libmnl.h ; libmnl-dev ; routes and rules over netlink
inc expat.h ; libexpat1-dev ; reads XML
inc jansson.h ; libjansson-dev ; JSON answers
inc seccomp.h ; libseccomp-dev ; confines the parser
inc cap-ng.h ; libcap-ng-dev ; drops capabilities
inc cmocka.h ; libcmocka-dev ; unit tests
inc liburing.h ; liburing-dev ; io_uring rows of the lab
inc openssl/cms.h ; libssl-dev ; verifies signed profiles
inc plist/plist.h ; libplist-dev ; differential test: a second opinion
cmd python3 ; python3 ; differential test: a third opinion, and the driver
rt libclang_rt.fuzzer ; libclang-rt-16-dev libclang-rt-18-dev ; fuzz targets
cmd patch ; patch ; mutants: breaking a copy of the tree
cmd ip ; iproute2 ; lab: namespaces and links
cmd nft ; nftables ; lab: counters at both far ends
cmd nsenter ; util-linux ; lab: entering a namespace
cmd wg ; wireguard-tools ; lab: a real tunnel
cmd qemu-system-x86_64 ; qemu-system-x86 ; vm: the machine
cmd busybox ; busybox-static busybox ; vm: small tools in the guest
cmd dash ; dash ; vm: a shell in the guest that leaves ip alone
cmd cpio ; cpio ; vm: packs the images
cmd depmod ; kmod ; vm: which modules need which
cmd xz ; xz-utils ; vm: unpacks modules
lib libc.a ; libc6-dev ; vm: PID 1 is a static program
file /usr/share/keyrings/debian-archive-keyring.gpg ; debian-archive-keyring ; vm: who signed the kernels
'

have_cmd() {
	for c in "$@"; do
		command -v "$c" >/dev/null 2>&1 && return 0
	done
	return 1
}

have_run() {
	cmd=$1
	shift
	for c in "$cmd" /usr/lib/linux-tools/*/"$cmd" \
		/usr/lib/linux-tools-*/"$cmd"; do
		"$c" "$@" >/dev/null 2>&1 && return 0
	done
	return 1
}

have_inc() {
	for d in /usr/include /usr/include/*-linux-gnu /usr/local/include; do
		[ -e "$d/$1" ] && return 0
	done
	return 1
}

have_lib() {
	for d in /usr/lib /usr/lib/*-linux-gnu /usr/lib64; do
		[ -e "$d/$1" ] && return 0
	done
	return 1
}

have_file() {
	[ -e "$1" ]
}

# Clang's run-time library of that name, of any version.
have_rt() {
	for f in /usr/lib/llvm-*/lib/clang/*/lib/linux/"$1"* \
		/usr/lib/clang/*/lib/linux/"$1"*; do
		[ -e "$f" ] && return 0
	done
	return 1
}

# Prints "packages ; why" of everything that is not there.
missing() {
	echo "$wanted" | while IFS=';' read -r try packages why; do
		[ -n "$try" ] || continue
		# shellcheck disable=SC2086
		have_$try || echo "$packages;$why"
	done
}

# The first of the names that this system's package lists know.
known() {
	for p in "$@"; do
		if apt-cache show "$p" >/dev/null 2>&1; then
			echo "$p"
			return
		fi
	done
	echo "$1"
}

list=$(missing)
[ -n "$list" ] || exit 0

echo "missing:"
echo "$list" | while IFS=';' read -r packages why; do
	# shellcheck disable=SC2086
	set -- $packages
	printf '  %-16s %s\n' "$1" "${why# }"
done

if ! have_cmd apt-get || [ "$(id -u)" != 0 ]; then
	echo "install these packages, then run make again" >&2
	exit 1
fi

apt-get update -qq
names=$(echo "$list" | while IFS=';' read -r packages why; do
	# shellcheck disable=SC2086
	known $packages
done)
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $names

list=$(missing)
if [ -n "$list" ]; then
	echo "still missing after the installation:" >&2
	echo "$list" >&2
	exit 1
fi
