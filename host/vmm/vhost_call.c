/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/vhost_call.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <linux/virtio_fs.h>
#include <poll.h>
#include <time.h>

bool vhost_has(const struct vhost_frontend *frontend, unsigned int protocol_feature)
{
	return frontend->protocol_features >> protocol_feature & 1;
}

/* --- Time ----------------------------------------------------------------------------------------
 */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void vhost_begin(struct vhost_frontend *frontend, int limit_ms)
{
	frontend->deadline_ms = now_ms() + limit_ms;
}

static int left_ms(const struct vhost_frontend *frontend)
{
	return (int)MAX(frontend->deadline_ms - now_ms(), (int64_t)0);
}

/* Until one of the two is ready. Return: 0; -ETIMEDOUT; or negative errno. */
static int wait_for(const struct vhost_frontend *frontend, struct pollfd wait[2])
{
	for (;;) {
		int ready = poll(wait, 2, left_ms(frontend));

		if (ready > 0)
			return 0;
		if (ready == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* --- The back end's requests ---------------------------------------------------------------------
 */

static int copy(const struct vhost_frontend *frontend, const struct vhost_user_message *message)
{
	const struct vhost_user_copy *wanted = &message->payload.copy;

	if (message->header.size != sizeof(*wanted) || message->fds != 1)
		return -EINVAL;
	return frontend->setup.handlers->copy(frontend->setup.owner, wanted->gpa, wanted->length,
					      message->fd[0], wanted->offset,
					      wanted->flags & VHOST_USER_COPY_INTO_GUEST);
}

static int map_or_unmap(const struct vhost_frontend *frontend, struct vhost_user_message *message)
{
	const struct vhost_user_mapping *mapping = &message->payload.mapping;
	const struct vhost_handlers *handlers = frontend->setup.handlers;

	if (message->header.size != sizeof(*mapping) || mapping->id != VIRTIO_FS_SHMCAP_ID_CACHE)
		return -EINVAL;
	switch (message->header.request) {
	case VHOST_USER_BACKEND_SHMEM_MAP:
		if (message->fds != 1)
			return -EINVAL;
		return handlers->map(frontend->setup.owner, mapping->offset, mapping->length,
				     &message->fd[0], mapping->file_offset,
				     mapping->flags & VHOST_USER_MAPPING_WRITE);
	case VHOST_USER_BACKEND_SHMEM_UNMAP:
		if (message->fds != 0)
			return -EINVAL;
		return handlers->unmap(frontend->setup.owner, mapping->offset, mapping->length);
	default:
		return -EOPNOTSUPP;
	}
}

static int show(const struct vhost_frontend *frontend, const struct vhost_user_message *message)
{
	const struct vhost_user_file *file = &message->payload.file;

	if (message->header.size != sizeof(*file) || message->fds != 0)
		return -EINVAL;
	frontend->setup.handlers->settle(frontend->setup.owner, file->device, file->inode);
	return 0;
}

static int obey(const struct vhost_frontend *frontend, struct vhost_user_message *message)
{
	switch (message->header.request) {
	case VHOST_USER_BACKEND_LODGE_COPY:
		return copy(frontend, message);
	case VHOST_USER_BACKEND_LODGE_SETTLE:
		return show(frontend, message);
	default:
		return map_or_unmap(frontend, message);
	}
}

/* Room for a message was there when poll() said so: then sending cannot wait. */
static int send_on(const struct vhost_frontend *frontend, int socket,
		   const struct vhost_user_message *message)
{
	struct pollfd wait[2] = {{.fd = socket, .events = POLLOUT}, {.fd = -1}};
	int error = wait_for(frontend, wait);

	return error ? error : vhost_user_send(socket, message);
}

static int serve(struct vhost_frontend *frontend)
{
	struct vhost_user_message message;
	int result = vhost_user_receive(frontend->sockets.requests, &message, left_ms(frontend));
	bool wants_answer;

	if (result <= 0)
		return result ? result : -EPIPE;
	wants_answer = message.header.flags & VHOST_USER_NEED_REPLY;
	if (message.header.flags & VHOST_USER_REPLY) {
		vhost_user_close(&message);
		return -EPROTO;
	}
	result = obey(frontend, &message);
	vhost_user_close(&message);
	if (!wants_answer)
		return 0;
	message.payload.number = (uint64_t)-result;
	vhost_user_reply(&message, sizeof(message.payload.number));
	return send_on(frontend, frontend->sockets.requests, &message);
}

int vhost_frontend_serve(struct vhost_frontend *frontend)
{
	vhost_begin(frontend, VHOST_LIMIT_MS);
	return serve(frontend);
}

/* --- Our requests --------------------------------------------------------------------------------
 */

/* The next message of the back end must be the answer to @message, of @size bytes. */
static int take_answer(struct vhost_frontend *frontend, struct vhost_user_message *message,
		       size_t size)
{
	uint32_t request = message->header.request;
	int result = vhost_user_receive(frontend->sockets.back_end, message, left_ms(frontend));

	if (result <= 0)
		return result ? result : -EPIPE;
	if (message->fds > 0 || message->header.request != request ||
	    !(message->header.flags & VHOST_USER_REPLY) || message->header.size != size) {
		vhost_user_close(message);
		return -EPROTO;
	}
	return 0;
}

static int await_answer(struct vhost_frontend *frontend, struct vhost_user_message *message,
			size_t size)
{
	for (;;) {
		struct pollfd wait[2] = {
			{.fd = frontend->sockets.back_end, .events = POLLIN},
			{.fd = frontend->sockets.requests, .events = POLLIN},
		};
		int error = wait_for(frontend, wait);

		if (!error && wait[1].revents)
			error = serve(frontend);
		if (error)
			return error;
		if (wait[0].revents)
			return take_answer(frontend, message, size);
	}
}

static int send_request(struct vhost_frontend *frontend, struct vhost_user_message *message,
			uint32_t request, uint32_t flags, size_t size)
{
	message->header =
		(struct vhost_user_header){request, VHOST_USER_VERSION | flags, (uint32_t)size};
	return send_on(frontend, frontend->sockets.back_end, message);
}

int vhost_ask(struct vhost_frontend *frontend, struct vhost_user_message *message, uint32_t request,
	      size_t size, size_t answer_size)
{
	int error = send_request(frontend, message, request, 0, size);

	return error ? error : await_answer(frontend, message, answer_size);
}

int vhost_ask_number(struct vhost_frontend *frontend, uint32_t request, uint64_t *number)
{
	struct vhost_user_message message = {0};
	int error = vhost_ask(frontend, &message, request, 0, sizeof(message.payload.number));

	*number = message.payload.number;
	return error;
}

int vhost_tell(struct vhost_frontend *frontend, struct vhost_user_message *message,
	       uint32_t request, size_t size)
{
	bool answered = vhost_has(frontend, VHOST_USER_PROTOCOL_F_REPLY_ACK);
	int error = send_request(frontend, message, request, answered ? VHOST_USER_NEED_REPLY : 0,
				 size);

	if (error || !answered)
		return error;
	error = await_answer(frontend, message, sizeof(message->payload.number));
	if (error)
		return error;
	return message->payload.number == 0 ? 0 : -EREMOTEIO;
}

int vhost_tell_number(struct vhost_frontend *frontend, uint32_t request, uint64_t number)
{
	struct vhost_user_message message = {.payload.number = number};

	return vhost_tell(frontend, &message, request, sizeof(number));
}

int vhost_tell_ring(struct vhost_frontend *frontend, uint32_t request, unsigned int index,
		    uint32_t number)
{
	struct vhost_user_message message = {.payload.state = {index, number}};

	return vhost_tell(frontend, &message, request, sizeof(message.payload.state));
}

int vhost_give_ring(struct vhost_frontend *frontend, uint32_t request, unsigned int index, int fd)
{
	struct vhost_user_message message = {
		.payload.number = index | (fd < 0 ? VHOST_USER_VRING_NO_FD : 0),
		.fd = {fd},
		.fds = fd >= 0,
	};

	return vhost_tell(frontend, &message, request, sizeof(message.payload.number));
}

int vhost_settle(struct vhost_frontend *frontend)
{
	uint64_t ignored;

	if (vhost_has(frontend, VHOST_USER_PROTOCOL_F_REPLY_ACK))
		return 0;
	return vhost_ask_number(frontend, VHOST_USER_GET_FEATURES, &ignored);
}
