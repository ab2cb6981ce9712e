// SPDX-License-Identifier: GPL-2.0-or-later
/* Running processes: their classes, and the sockets they already hold. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loader/kernel/maps.h"
#include "loader/kernel/netns.h"
#include "loader/kernel/tasks.h"
#include "loader/util/cleanup.h"

/*
 * No hook runs when a process that came into a class late uses what it had
 * before: a connected UDP socket, a ping or raw socket. So we fetch a duplicate
 * of each of its sockets (pidfd_getfd, 5.6), write the class into the socket's
 * storage and the mark onto the socket, and re-connect where the source
 * address is of the wrong side. The connect hooks know our process and let the
 * socket keep the class that we gave it.
 */

int tasks_list(const struct attach *attach, struct sp_task_record **ret_records,
	       size_t *ret_n)
{
	_cleanup_free_ char *buf = NULL;
	size_t used = 0, room = 0;
	_cleanup_close_ int fd = -1;
	ssize_t n;
	int r;

	*ret_records = NULL;
	*ret_n = 0;
	r = attach_iterate_tasks(attach, &fd);
	if (r)
		return r == -ENODATA ? 0 : r;
	do {
		if (room - used < 4096) {
			char *grown;

			room = room ? 2 * room : 16384;
			grown = realloc(buf, room);
			if (!grown)
				return -ENOMEM;
			buf = grown;
		}
		n = read(fd, buf + used, room - used);
		if (n > 0)
			used += (size_t)n;
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	if (n < 0)
		return -errno;
	*ret_n = used / sizeof(**ret_records);
	*ret_records = (struct sp_task_record *)(void *)TAKE_PTR(buf);

	return 0;
}

int tasks_forget_classes(const struct attach *attach, const bool *retired)
{
	int map = attach_map(attach, MAP_TASK), r;
	_cleanup_free_ uint32_t *tgids = NULL;
	struct sp_task task;
	size_t n;

	r = map_keys(map, sizeof(*tgids), (void **)&tgids, &n);
	for (size_t i = 0; !r && i < n; i++)
		if (!map_get(map, &tgids[i], &task) &&
		    (retired[task.class % SP_MAX_CLASSES] ||
		     retired[task.lineage % SP_MAX_CLASSES]))
			r = map_del(map, &tgids[i]);

	return r;
}

int tasks_forget_sockets(const struct attach *attach)
{
	_cleanup_close_ int fd = -1;
	char none[64];
	ssize_t n;
	int r;

	r = attach_iterate_sockets(attach, &fd);
	if (r)
		return r;
	/* EAGAIN: it has seen a million, and goes on (e679654a704e, 5.9) */
	do
		n = read(fd, none, sizeof(none));
	while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));

	return n < 0 ? -errno : 0;
}

/* ---- one socket -------------------------------------------------------- */

struct socket {
	int fd;
	int type;
	int protocol;
	bool listening;
	bool connected;
	struct sockaddr_storage peer_sa;
	socklen_t peer_len;
	struct in6_addr local, peer; /* v4-mapped for IPv4 */
	in_port_t local_port;
};

static int get_int(int fd, int option)
{
	socklen_t size = sizeof(int);
	int value = -1;

	if (getsockopt(fd, SOL_SOCKET, option, &value, &size))
		return -1;

	return value;
}

static in_port_t get_endpoint(const struct sockaddr_storage *sa,
			      struct in6_addr *ret_addr)
{
	const struct sockaddr_in6 *v6 = (const void *)sa;
	const struct sockaddr_in *v4 = (const void *)sa;

	memset(ret_addr, 0, sizeof(*ret_addr));
	if (sa->ss_family == AF_INET6) {
		*ret_addr = v6->sin6_addr;
		return v6->sin6_port;
	}
	ret_addr->s6_addr[10] = ret_addr->s6_addr[11] = 0xff;
	memcpy(&ret_addr->s6_addr[12], &v4->sin_addr, 4);

	return v4->sin_port;
}

/* false: no Internet socket, or not of our namespace. */
static bool read_socket(const struct tasks_context *context, int fd,
			struct socket *ret_socket)
{
	struct socket s = { .fd = fd, .type = get_int(fd, SO_TYPE) };
	int domain = get_int(fd, SO_DOMAIN);
	struct sockaddr_storage sa = { 0 };
	uint64_t netns;
	socklen_t size;

	if (domain != AF_INET && domain != AF_INET6)
		return false;
	if (netns_of_socket(fd, context->netns_by_inode, &netns) ||
	    netns != context->netns)
		return false;
	s.protocol = get_int(fd, SO_PROTOCOL);
	s.listening = get_int(fd, SO_ACCEPTCONN) == 1;
	/*
	 * The peer first: where there is one, the local address is settled. The
	 * other way round a connect() in between looks like the wrong side.
	 */
	s.peer_len = sizeof(s.peer_sa);
	s.connected =
		!getpeername(fd, (struct sockaddr *)&s.peer_sa, &s.peer_len);
	if (s.connected)
		get_endpoint(&s.peer_sa, &s.peer);
	size = sizeof(sa);
	if (getsockname(fd, (struct sockaddr *)&sa, &size))
		return false;
	s.local_port = get_endpoint(&sa, &s.local);
	*ret_socket = s;

	return true;
}

static int set_class(const struct tasks_context *context,
		     const struct socket *s, uint32_t class)
{
	int map = attach_map(context->attach, MAP_SOCK);
	uint32_t mark = context->mark_of(context->ctx, class), now;
	struct sp_sock sock = { 0 };
	int r;

	(void)map_get(map, &s->fd, &sock);
	if (sock.class != class) {
		sock.class = class;
		r = map_put(map, &s->fd, &sock);
		if (r)
			return r;
	}
	now = (uint32_t)get_int(s->fd, SO_MARK);
	if ((now & context->mark_mask) == mark)
		return 0;
	now = (now & ~context->mark_mask) | mark;
	if (setsockopt(s->fd, SOL_SOCKET, SO_MARK, &now, sizeof(now)))
		return -errno;

	return 0;
}

/*
 * The class the socket shall have; 0: leave it alone. What the hooks have seen
 * in an unlisted process's hands is that one's, even if a listed one holds it
 * too. What a newcomer has made since it came is right already, and may be in
 * other hands by the time we would write. And a process that was in its class
 * all along has no say in what is passed to it.
 */
static uint32_t class_for(const struct tasks_context *context,
			  const struct socket *s, uint32_t class,
			  enum tasks_reason reason)
{
	int map = attach_map(context->attach, MAP_SOCK);
	bool newcomer = reason == TASKS_NEWCOMER;
	struct sp_sock sock;

	if (map_get(map, &s->fd, &sock))
		return newcomer ? class : 0;
	if (!sock.class || (newcomer && sock.class == class))
		return 0;
	/* its app may have come back, or another: that is told of newcomers */
	if (!newcomer && sock.class == SP_CLASS_GONE)
		return 0;

	return newcomer ? class : sock.class;
}

static void disconnect(const struct socket *s)
{
	struct sockaddr_storage none = { .ss_family = AF_UNSPEC };

	(void)connect(s->fd, (struct sockaddr *)&none, sizeof(none));
}

/*
 * A connected socket whose source address is of the other side. A datagram
 * socket that its app bound to a device would lose that by disconnecting
 * (__udp_disconnect()), and go where it was not to: the guard drops instead.
 */
static void move_over(const struct socket *s)
{
	if (s->type == SOCK_DGRAM && get_int(s->fd, SO_BINDTOIFINDEX) > 0)
		return;
	disconnect(s);
	/* a refusal is what the app would have got from its own connect() */
	if (s->type == SOCK_DGRAM)
		(void)connect(s->fd, (const struct sockaddr *)&s->peer_sa,
			      s->peer_len);
}

static int settle_socket(const struct tasks_context *context,
			 const struct socket *s, uint32_t class)
{
	uint32_t want, have;
	int r;

	if (!class)
		return 0;
	r = set_class(context, s, class);
	if (r || !s->connected)
		return r;
	/* to this host itself: the source is that very address */
	if (IN6_ARE_ADDR_EQUAL(&s->local, &s->peer))
		return 0;
	want = context->tunnel_for(context->ctx, class, &s->peer);
	have = context->tunnel_of(context->ctx, &s->local);
	if (want != have)
		move_over(s);

	return 0;
}

/* ---- one process ------------------------------------------------------- */

/* Opened or accepted before anybody looked; the port tells which. */
static bool was_accepted(const struct tasks_context *context,
			 const struct socket *s)
{
	return s->type == SOCK_STREAM && s->connected &&
	       listeners_has(context->listeners, s->local_port);
}

/*
 * A listener is nobody's: its mark would be its SYN-ACK's. With that on record,
 * what it accepts is known to be accepted.
 */
static int settle_listener(const struct tasks_context *context,
			   const struct socket *s)
{
	int map = attach_map(context->attach, MAP_SOCK);
	static const struct sp_sock nobody;
	struct sp_sock sock;

	return map_get(map, &s->fd, &sock) ? map_put(map, &s->fd, &nobody) : 0;
}

static int settle(const struct tasks_context *context, const struct socket *s,
		  uint32_t class, enum tasks_reason reason)
{
	if (s->listening)
		return settle_listener(context, s);
	if (was_accepted(context, s))
		return 0;

	return settle_socket(context, s, class_for(context, s, class, reason));
}

int tasks_settle(const struct tasks_context *context, pid_t pid, uint32_t class,
		 enum tasks_reason reason)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	char path[64];
	int r = 0;

	if (pidfd < 0)
		return errno == ESRCH || errno == EINVAL ? 0 : -errno;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		char link[16] = "";
		_cleanup_close_ int fd = -1;
		struct socket s;
		int r2;

		if (readlinkat(dirfd(dir), entry->d_name, link,
			       sizeof(link) - 1) < 0 ||
		    strncmp(link, "socket:", 7))
			continue;
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name),
				  0);
		/* closed in the meantime, or not one of ours */
		if (fd < 0 || !read_socket(context, fd, &s))
			continue;
		r2 = settle(context, &s, class, reason);
		/* a hook wrote the first word on it meanwhile: look again */
		if (r2 == -EAGAIN)
			r2 = settle(context, &s, class, reason);
		if (r2 && !r)
			r = r2;
	}

	return r;
}
