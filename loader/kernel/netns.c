// SPDX-License-Identifier: GPL-2.0-or-later
/* Network namespaces, as the programs name them. */
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "loader/kernel/netns.h"
#include "loader/util/cleanup.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* e8b9eab99232, 5.14 */
#endif

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

int netns_of_socket(int fd, bool by_inode, uint64_t *ret_id)
{
	socklen_t size = sizeof(*ret_id);
	_cleanup_close_ int ns = -1;
	struct stat st;

	if (!by_inode)
		return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret_id,
				  &size) ?
			       -errno :
			       0;
	ns = ioctl(fd, SIOCGSKNS);
	if (ns < 0 || fstat(ns, &st))
		return -errno;
	*ret_id = st.st_ino;

	return 0;
}

int netns_own(bool by_inode, uint64_t *ret_id)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : netns_of_socket(fd, by_inode, ret_id);
}
