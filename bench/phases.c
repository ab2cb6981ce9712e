/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preloaded into splitd: where the time of a load goes, by kernel interface. */

/*
 * Stands between splitd and libc where it calls bpf(2) (libbpf does so by
 * syscall(3)) and netlink, adds up what the calls took in a file that the
 * driver maps, too, and notes when the first and the last change was. The
 * driver sets `first` to 0 before what it wants to see.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct phases {
	uint64_t update_ns; /* map entries written or deleted */
	uint64_t read_ns;   /* map entries read */
	uint64_t load_ns;   /* programs loaded: the verifier's time */
	uint64_t bpf_ns;    /* every other bpf(2) */
	uint64_t netlink_ns;
	uint64_t first, last; /* change, monotonic */
} * phases;

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void phases_map(void)
{
	const char *path = getenv("BENCH_PHASES");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	phases = mmap(NULL, sizeof(*phases), PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	if (phases == MAP_FAILED)
		phases = NULL;
	close(fd);
}

static void change_note(uint64_t begun, uint64_t end)
{
	if (!phases->first)
		phases->first = begun;
	phases->last = end;
}

static void bpf_note(long command, uint64_t begun, uint64_t end)
{
	switch (command) {
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_UPDATE_BATCH:
	case BPF_MAP_DELETE_BATCH:
		phases->update_ns += end - begun;
		change_note(begun, end);
		break;
	case BPF_MAP_LOOKUP_ELEM:
	case BPF_MAP_GET_NEXT_KEY:
	case BPF_MAP_LOOKUP_BATCH:
		phases->read_ns += end - begun;
		break;
	case BPF_PROG_LOAD:
		phases->load_ns += end - begun;
		break;
	default:
		phases->bpf_ns += end - begun;
	}
}

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	uint64_t begun;
	va_list ap;
	long a[6], r;

	if (!real)
		real = (long (*)(long, ...))next("syscall");
	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);

	begun = phases && number == SYS_bpf ? clock_ns() : 0;
	r = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (begun)
		bpf_note(a[0], begun, clock_ns());
	return r;
}

/* Of each four verbs (new, delete, get, set) the third. */
static int only_asks(const void *buf, size_t len)
{
	const struct nlmsghdr *message = buf;

	return len >= sizeof(*message) && message->nlmsg_type >= RTM_BASE &&
	       (message->nlmsg_type - RTM_BASE) % 4 == 2;
}

static int is_netlink(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return phases &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       domain == AF_NETLINK;
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags,
	       const struct sockaddr *to, socklen_t to_len)
{
	static ssize_t (*real)(int, const void *, size_t, int,
			       const struct sockaddr *, socklen_t);
	uint64_t begun, end;
	ssize_t n;

	if (!real)
		real = (ssize_t(*)(int, const void *, size_t, int,
				   const struct sockaddr *,
				   socklen_t))next("sendto");
	if (!is_netlink(fd))
		return real(fd, buf, len, flags, to, to_len);
	begun = clock_ns();
	n = real(fd, buf, len, flags, to, to_len);
	end = clock_ns();
	phases->netlink_ns += end - begun;
	if (!only_asks(buf, len))
		change_note(begun, end);
	return n;
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	static ssize_t (*real)(int, struct msghdr *, int);
	uint64_t begun;
	ssize_t n;

	if (!real)
		real = (ssize_t(*)(int, struct msghdr *, int))next("recvmsg");
	if (!is_netlink(fd))
		return real(fd, msg, flags);
	begun = clock_ns();
	n = real(fd, msg, flags);
	phases->netlink_ns += clock_ns() - begun;
	return n;
}
