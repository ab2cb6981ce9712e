// SPDX-License-Identifier: GPL-2.0-or-later
/* What the running kernel can do, found by trying. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <unistd.h>

#include "loader/kernel/feature.h"
#include "loader/kernel/netns.h"
#include "probe.skel.h"

/*
 * Versions say little: distributions carry features back and leave others out.
 * So every row is tried on the running kernel: a program of probe.bpf.c that
 * loads (one that is refused at attaching is attached, too), a map that can be
 * made, a call that succeeds.
 */

enum {
	BTF,
	RING_BUFFER,
	SOCKET_STORAGE,
	TRACEPOINTS,
	TASK_ITERATOR,
	TYPED_TASK,
	SENDMSG_MARK,
	NETNS_COOKIE,
	REFUSAL_ERRNO,
	MPTCP_CONNECTION,
	LSM,
	N_FEATURES,
};

static const struct feature features[N_FEATURES] = {
	[BTF] = { "type information", "5.2 and CONFIG_DEBUG_INFO_BTF",
		  "everything", true, NULL, false },
	[RING_BUFFER] = { "ring buffer", "5.8 (457f44363a88)", "everything",
			  true, NULL, false },
	[SOCKET_STORAGE] = { "socket storage", "5.2 (6ac99e8f23d4)",
			     "everything", true, NULL, false },
	[TRACEPOINTS] = { "typed tracepoints", "5.5 (9e15db66136a)",
			  "everything", true, "sp_p_exec", false },
	[TASK_ITERATOR] = { "task iterator", "5.8 (eaaacd23910f)", "everything",
			    true, "sp_p_tasks", false },
	[TYPED_TASK] = { "typed current task", "5.11 (3ca1032ab7ab)",
			 "speed: the hooks read the task by probes", false,
			 "sp_p_task", false },
	[SENDMSG_MARK] = { "mark at sendmsg", "5.12 (62476cc1bf24)",
			   "a UDP socket handed to an unlisted app meets EPERM",
			   false, "sp_p_mark", false },
	[NETNS_COOKIE] = { "namespace cookie", "5.14 (e8b9eab99232)",
			   "nothing: namespaces are told by inode", false, NULL,
			   false },
	[REFUSAL_ERRNO] = { "errno of a refusal", "5.18 (b44123b4a3dc)",
			    "a blocked flow sees EPERM, not ENETUNREACH", false,
			    "sp_p_errno", false },
	[MPTCP_CONNECTION] = { "connection of a subflow", "5.19 (3bc253c2e652)",
			       "later MPTCP subflows of a listed app may leave "
			       "by the uplink",
			       false, "sp_p_mptcp", false },
	[LSM] = { "security hooks", "5.7 (fc611f47f218), bpf in lsm=",
		  "an app with CAP_NET_RAW can send packets past every hook",
		  false, "sp_p_lsm", true },
};

const struct feature *feature_at(size_t i)
{
	return i < N_FEATURES ? &features[i] : NULL;
}

/*
 * By hand and not through libbpf, which would read the kernel's type
 * information anew each time, all of it: these need none. Starting the daemon
 * on an emulated machine took 20 s with it.
 */
static bool loads_alone(const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type =
			    bpf_program__expected_attach_type(program));
	int fd = bpf_prog_load(bpf_program__type(program), NULL, "GPL",
			       bpf_program__insns(program),
			       bpf_program__insn_cnt(program), &opts);

	if (fd >= 0)
		close(fd);

	return fd >= 0;
}

static bool loads(struct probe *probe, struct bpf_program *program,
		  bool attached)
{
	struct bpf_link *link;

	if (bpf_program__set_autoload(program, true) || probe__load(probe))
		return false;
	if (!attached)
		return true;
	link = bpf_program__attach(program);
	bpf_link__destroy(link);

	return link;
}

static bool program_works(const struct feature *feature)
{
	struct bpf_program *program;
	struct probe *probe = probe__open();
	bool works = false;

	if (!probe)
		return false;
	program =
		bpf_object__find_program_by_name(probe->obj, feature->program);
	if (program &&
	    bpf_program__type(program) == BPF_PROG_TYPE_CGROUP_SOCK_ADDR)
		works = loads_alone(program);
	else if (program)
		works = loads(probe, program, feature->attached);
	probe__destroy(probe);

	return works;
}

static bool try_out(const struct feature *feature)
{
	uint64_t id;

	if (feature->program)
		return program_works(feature);
	if (feature == &features[BTF])
		return !access("/sys/kernel/btf/vmlinux", R_OK);
	if (feature == &features[RING_BUFFER])
		return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) >
		       0;
	if (feature == &features[SOCKET_STORAGE])
		return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_SK_STORAGE,
						 NULL) > 0;

	return feature == &features[NETNS_COOKIE] && !netns_own(false, &id);
}

bool feature_present(const struct feature *feature)
{
	/* a program that does not load is an answer here, and no complaint */
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	bool present = try_out(feature);

	libbpf_set_print(print);

	return present;
}

void features_probe(struct sp_features *ret_features)
{
	memset(ret_features, 0, sizeof(*ret_features));
	ret_features->typed_task = feature_present(&features[TYPED_TASK]);
	ret_features->sendmsg_mark = feature_present(&features[SENDMSG_MARK]);
	ret_features->netns_cookie = feature_present(&features[NETNS_COOKIE]);
	ret_features->refusal_errno = feature_present(&features[REFUSAL_ERRNO]);
	ret_features->mptcp_connection =
		feature_present(&features[MPTCP_CONNECTION]);
	ret_features->security_hooks = feature_present(&features[LSM]);
}
