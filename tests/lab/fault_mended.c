/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults that were there once: each test is of a defect that was mended. */

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/lab/fault.h"
#include "tests/lab/trace.h"

#define BACK_MS 1000
#define NAMES	8

/* Without an address a tunnel takes nothing, and with it as before. */
static int address_away(struct life *life)
{
	struct ask back = { .app = APP_LISTED,
			    .dst = DST_LISTED,
			    .patience_ms = fault_ms(life, BACK_MS) };
	struct in6_addr addr = dst_address(DST_LISTED, false);
	struct reading readings[N_SIDES];
	struct ask gone = { .app = APP_LISTED, .dst = DST_LISTED };
	int r = ip_run(life, NS_CLIENT, "addr del 10.20.0.2/24 dev tun0\n");

	if (r >= 0)
		r = daemon_settle(life->lab);
	if (r >= 0)
		r = life_forget(life);
	if (r < 0)
		return life_no(life, "cannot take the address");
	life_ask(life, &gone);
	if (!is_blocked(gone.error))
		return life_no(life, "not refused without an address: %s",
			       strerror(-gone.error));
	r = sensors_read(life->lab, readings);
	if (r < 0 || packets_to(&readings[SIDE_UPLINK], &addr))
		return life_no(life, "leaks while the address is away");
	if (ip_run(life, NS_CLIENT, "addr add 10.20.0.2/24 dev tun0\n") < 0)
		return life_no(life, "cannot give the address back");
	life_ask(life, &back);
	if (back.error || back.side != SIDE_TUNNEL || !back.sourced)
		return life_no(life, "by the %s from %s: %s",
			       side_name(back.side), back.source,
			       strerror(-back.error));
	life_say(life, "back=%lldus", (long long)back.us);
	return 0;
}

static int address_again(struct life *life)
{
	int r = 0;

	for (unsigned i = 0; i < fault_count(life, 10) && r >= 0; i++)
		r = address_away(life);
	return r < 0 ? r : life_governed(life);
}

/* The same tunnel under another name. */
static int rename_to(struct life *life, char digit)
{
	static const char *const files[] = { "policy/vpn.mobileconfig",
					     "policy/apps.plist" };
	char name[] = "d2773557";
	int r = 0;

	name[0] = digit;
	for (unsigned i = 0; i < 2 && r >= 0; i++)
		r = file_edit(life, files[i], "d2773557", name);
	return r < 0 ? r : ctl_reload(life, 0);
}

/*
 * A mask with room for three tunnels is used up by three, not by as many as
 * there ever were.
 */
static int marks_used_up(struct life *life)
{
	struct daemon *daemon = &life->lab->daemon;
	int r;

	daemon->extra[0] = "--mark";
	daemon->extra[1] = "0x01000000/0x03000000";
	r = daemon_start(life->lab);
	for (unsigned i = 0; i < NAMES && r >= 0; i++) {
		r = rename_to(life, (char)('1' + i));
		if (r >= 0)
			r = life_goes(life, APP_LISTED, DST_LISTED,
				      SIDE_TUNNEL);
	}
	if (r >= 0)
		r = life_governed(life);
	daemon->extra[0] = daemon->extra[1] = NULL;
	return r;
}

/* ---- interrupted dumps -------------------------------------------------- */

/* What the tracer does to the addresses that the kernel dumps. */
struct tear {
	pid_t pid;
	unsigned dumps, torn;
};

static bool tracee_copy(pid_t pid, uint64_t at, void *own, size_t size,
			bool write)
{
	struct iovec here = { own, size };
	struct iovec there = { (void *)(uintptr_t)at, size };

	return (write ? process_vm_writev(pid, &here, 1, &there, 1, 0) :
			process_vm_readv(pid, &here, 1, &there, 1, 0)) ==
	       (ssize_t)size;
}

/*
 * As if the list had changed under the dump: nothing in it can be relied on,
 * and the flag says so.
 */
static void dump_tear(struct tear *tear, uint64_t at)
{
	struct nlmsghdr nlh;

	for (int i = 0; i < 64; i++) {
		if (!tracee_copy(tear->pid, at, &nlh, sizeof(nlh), false) ||
		    nlh.nlmsg_type != RTM_NEWADDR ||
		    !(nlh.nlmsg_flags & NLM_F_MULTI))
			return;
		nlh.nlmsg_type = NLMSG_NOOP;
		nlh.nlmsg_flags |= NLM_F_DUMP_INTR;
		tracee_copy(tear->pid, at, &nlh, sizeof(nlh), true);
		tear->torn++;
		at += NLMSG_ALIGN(nlh.nlmsg_len);
	}
}

/* Seven of eight dumps are torn: who asks again comes to a whole one. */
static bool started_torn(void *ctx, const struct trace_call *call)
{
	struct tear *tear = ctx;
	struct msghdr msg;
	struct iovec iov;
	struct nlmsghdr nlh;

	if (call->entry)
		return false;
	if (call->number == SYS_sendto)
		return call->args[5] > sizeof(struct sockaddr_nl);
	if (call->number != SYS_recvmsg ||
	    !tracee_copy(tear->pid, call->args[1], &msg, sizeof(msg), false) ||
	    !tracee_copy(tear->pid, (uintptr_t)msg.msg_iov, &iov, sizeof(iov),
			 false) ||
	    !tracee_copy(tear->pid, (uintptr_t)iov.iov_base, &nlh, sizeof(nlh),
			 false))
		return false;
	if (nlh.nlmsg_type == RTM_NEWADDR && ++tear->dumps % 8)
		dump_tear(tear, (uintptr_t)iov.iov_base);
	return false;
}

static int dump_torn(struct life *life)
{
	struct lab *lab = life->lab;
	struct tear tear = { 0 };
	struct trace trace = { .done = started_torn, .ctx = &tear };
	int r;

	lab->daemon.traced = true;
	r = daemon_launch(lab);
	lab->daemon.traced = false;
	trace.pid = tear.pid = lab->daemon.pid;
	if (r >= 0)
		r = trace_run(&trace, 30000);
	close(lab->daemon.notify);
	life_say(life, "dumps=%u torn messages=%u", tear.dumps, tear.torn);
	if (r != TRACE_DONE || !tear.torn)
		return life_no(life, "start: %d, %u torn", r, tear.torn);
	return life_governed(life);
}

const struct life_test fault_mended_tests[] = {
	{ "mended-dump", dump_torn, LIFE_STOPPED },
	{ "mended-address", address_again, 0 },
	{ "mended-marks", marks_used_up, LIFE_STOPPED },
	{ 0 }
};
