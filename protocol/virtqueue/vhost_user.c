/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/virtqueue/vhost_user.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#define HEADER_BYTES sizeof(struct vhost_user_header)

_Static_assert(offsetof(struct vhost_user_message, payload) ==
		       offsetof(struct vhost_user_message, header) + HEADER_BYTES,
	       "header and payload are sent as one");

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* @deadline_ms: 0: for ever. */
static int wait_for(int socket, short events, int64_t deadline_ms)
{
	struct pollfd wait = {.fd = socket, .events = events};
	int64_t left = -1;

	if (deadline_ms > 0)
		left = MAX(deadline_ms - now_ms(), (int64_t)0);
	switch (poll(&wait, 1, (int)left)) {
	case 0:
		return -ETIMEDOUT;
	case -1:
		return errno == EINTR ? 0 : -errno;
	}
	return 0;
}

int vhost_user_send(int socket, const struct vhost_user_message *message)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(message->fd))];
	} control = {0};
	struct iovec iov = {(void *)&message->header, HEADER_BYTES + message->header.size};
	struct msghdr packet = {.msg_iov = &iov, .msg_iovlen = 1};

	if (message->fds > 0) {
		size_t size = message->fds * sizeof(message->fd[0]);
		struct cmsghdr *header;

		packet.msg_control = control.bytes;
		packet.msg_controllen = CMSG_SPACE(size);
		header = CMSG_FIRSTHDR(&packet);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(header), message->fd, size);
	}
	while (iov.iov_len > 0) {
		ssize_t sent = sendmsg(socket, &packet, MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN) {
			int result = wait_for(socket, POLLOUT, 0);

			if (result < 0)
				return result;
			continue;
		}
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		iov.iov_base = (char *)iov.iov_base + sent;
		iov.iov_len -= (size_t)sent;
		packet.msg_control = NULL;
		packet.msg_controllen = 0;
	}
	return 0;
}

/* Descriptors beyond what a message may have are closed by the kernel, which says so. */
static int take_descriptors(struct vhost_user_message *message, struct msghdr *packet)
{
	int result = packet->msg_flags & MSG_CTRUNC ? -EBADMSG : 0;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(packet); header;
	     header = CMSG_NXTHDR(packet, header)) {
		const unsigned char *data = CMSG_DATA(header);
		size_t count;

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
			if (message->fds < VHOST_USER_MAX_FDS) {
				message->fd[message->fds++] = fd;
			} else {
				close(fd);
				result = -EBADMSG;
			}
		}
	}
	return result;
}

/* Return: 1; 0 if the peer closed before the first byte; negative errno. */
static int receive_bytes(int socket, struct vhost_user_message *message, void *bytes, size_t size,
			 int64_t deadline_ms)
{
	size_t done = 0;

	while (done < size) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(message->fd))];
		} control;
		struct iovec iov = {(char *)bytes + done, size - done};
		struct msghdr packet = {.msg_iov = &iov,
					.msg_iovlen = 1,
					.msg_control = control.bytes,
					.msg_controllen = sizeof(control.bytes)};
		int result = wait_for(socket, POLLIN, deadline_ms);
		ssize_t got;

		if (result < 0)
			return result;
		got = recvmsg(socket, &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return -errno;
		result = take_descriptors(message, &packet);
		if (result < 0)
			return result;
		if (got == 0)
			return done == 0 ? 0 : -EBADMSG;
		done += (size_t)got;
	}
	return 1;
}

static int receive(int socket, struct vhost_user_message *message, int64_t deadline_ms)
{
	int result = receive_bytes(socket, message, &message->header, HEADER_BYTES, deadline_ms);

	if (result <= 0)
		return result;
	if ((message->header.flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION ||
	    message->header.size > sizeof(message->payload))
		return -EBADMSG;
	if (message->header.size == 0)
		return 1;
	result = receive_bytes(socket, message, &message->payload, message->header.size,
			       deadline_ms);
	return result == 0 ? -EBADMSG : result;
}

int vhost_user_receive(int socket, struct vhost_user_message *message, int timeout_ms)
{
	int result;

	memset(message, 0, sizeof(*message));
	result = receive(socket, message, timeout_ms < 0 ? 0 : now_ms() + timeout_ms);
	if (result <= 0)
		vhost_user_close(message);
	return result;
}

void vhost_user_close(struct vhost_user_message *message)
{
	for (unsigned int i = 0; i < message->fds; i++)
		cleanup_close(&message->fd[i]);
	message->fds = 0;
}

void vhost_user_reply(struct vhost_user_message *message, size_t size)
{
	vhost_user_close(message);
	message->header.flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
	message->header.size = (uint32_t)size;
}
