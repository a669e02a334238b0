/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/bus_queue.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <sys/socket.h>

struct bus_output {
	struct bus_output *next;
	size_t length, sent;
	int fd; /* goes with the first byte; negative: none */
	char bytes[];
};

int bus_queue_append(struct bus_queue *queue, const void *bytes, size_t length, int fd)
{
	_cleanup_close_ int owned = fd;
	struct bus_output *output = malloc(sizeof(*output) + length);

	if (!output)
		return -ENOMEM;
	*output = (struct bus_output){.length = length, .fd = take_fd(&owned)};
	memcpy(output->bytes, bytes, length);
	if (queue->last)
		queue->last->next = output;
	else
		queue->first = output;
	queue->last = output;
	queue->length += length;
	return 0;
}

static ssize_t send_bytes(int socket, const char *bytes, size_t length, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (char *)bytes, .iov_len = length};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void drop_first(struct bus_queue *queue)
{
	struct bus_output *output = queue->first;

	queue->first = output->next;
	if (!queue->first)
		queue->last = NULL;
	if (output->fd >= 0)
		close(output->fd);
	free(output);
}

int bus_queue_write(struct bus_queue *queue, int socket)
{
	while (queue->first) {
		struct bus_output *output = queue->first;
		ssize_t done = send_bytes(socket, output->bytes + output->sent,
					  output->length - output->sent, output->fd);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		if (output->fd >= 0)
			close(output->fd);
		output->fd = -EBADF;
		output->sent += (size_t)done;
		queue->length -= (size_t)done;
		if (output->sent == output->length)
			drop_first(queue);
	}
	return 0;
}

void bus_queue_drop(struct bus_queue *queue)
{
	while (queue->first)
		drop_first(queue);
	queue->length = 0;
}
