/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 4

static void take_all(struct msghdr *message, int *fds, size_t capacity)
{
	size_t taken = 0;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
	     part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= part->cmsg_len; i++) {
			int one;

			memcpy(&one, CMSG_DATA(part) + i * sizeof(int), sizeof(one));
			if (taken < capacity)
				fds[taken++] = one;
			else
				close(one);
		}
	}
}

ssize_t descriptors_receive(int socket, void *bytes, size_t size, int *fds, size_t capacity)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(MOST * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int error = errno;

	for (size_t i = 0; i < capacity; i++)
		fds[i] = -EBADF;
	if (got < 0)
		return -error;
	take_all(&message, fds, capacity);
	return message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EPROTO : got;
}
