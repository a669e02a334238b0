/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake_back_end - the other side of vhost-user, in a thread, which does as it is told: also wrong
 *
 * It answers as a back end should, remembers what it was told, and at one request of the test's
 * choice it misbehaves.
 */
#ifndef LODGE_TESTS_FAKE_BACK_END_H
#define LODGE_TESTS_FAKE_BACK_END_H

#include "protocol/base/cleanup.h"
#include "protocol/virtqueue/vhost_user.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#define FAKE_BIT(number) (1ULL << (number))
#define FAKE_MAX_QUEUES	 34
#define FAKE_MAX_LOG	 512

enum fake_sin {
	FAKE_NONE,
	FAKE_HANG_UP,
	FAKE_SILENCE,
	FAKE_OTHER_REQUEST, /* the answer to another question */
	FAKE_NO_REPLY_FLAG,
	FAKE_OTHER_VERSION,
	FAKE_TOO_SHORT,
	FAKE_TOO_LONG,
	FAKE_HUGE,
	FAKE_HALF, /* and no more comes */
	FAKE_DESCRIPTOR,
	FAKE_REFUSE, /* what is not asked a question says no; what is answers all ones */
	FAKE_SINS,
};

struct fake_back_end {
	int socket, requests; /* ours */
	pthread_t thread;
	bool running;

	/* What it offers. */
	uint64_t features, protocol_features, queues, window_bytes;
	uint16_t base[FAKE_MAX_QUEUES]; /* that it tells when it stops a ring */
	uint32_t sin_at;		/* request; 0: never */
	enum fake_sin sin;
	void (*before)(struct fake_back_end *fake, uint32_t request); /* may be NULL */

	/* What it was told; looked at when it rests. */
	uint32_t log[FAKE_MAX_LOG];
	unsigned int requests_seen;
	uint64_t set_features;
	struct vhost_user_memory memory;
	int memory_fds[VHOST_USER_MAX_FDS];
	struct vhost_user_vring_address address[FAKE_MAX_QUEUES];
	uint32_t size[FAKE_MAX_QUEUES], set_base[FAKE_MAX_QUEUES], enabled[FAKE_MAX_QUEUES];
	int kick[FAKE_MAX_QUEUES], call[FAKE_MAX_QUEUES], error[FAKE_MAX_QUEUES];
};

static inline void fake_init(struct fake_back_end *fake)
{
	*fake = (struct fake_back_end){
		.socket = -EBADF,
		.requests = -EBADF,
		.features = FAKE_BIT(VIRTIO_F_VERSION_1) | FAKE_BIT(VIRTIO_RING_F_INDIRECT_DESC) |
			    FAKE_BIT(VIRTIO_RING_F_EVENT_IDX) |
			    FAKE_BIT(VHOST_USER_F_PROTOCOL_FEATURES),
		.protocol_features = FAKE_BIT(VHOST_USER_PROTOCOL_F_MQ) |
				     FAKE_BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
				     FAKE_BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) |
				     FAKE_BIT(VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD) |
				     FAKE_BIT(VHOST_USER_PROTOCOL_F_RESET_DEVICE) |
				     FAKE_BIT(VHOST_USER_PROTOCOL_F_SHMEM),
		.queues = 9,
		.window_bytes = 1ULL << 40,
	};
	for (int i = 0; i < FAKE_MAX_QUEUES; i++)
		fake->kick[i] = fake->call[i] = fake->error[i] = -EBADF;
	for (int i = 0; i < VHOST_USER_MAX_FDS; i++)
		fake->memory_fds[i] = -EBADF;
}

static inline void fake_keep(int *place, struct vhost_user_message *message, unsigned int index)
{
	cleanup_close(place);
	*place = index < message->fds ? take_fd(&message->fd[index]) : -EBADF;
}

/* Return: size of the answer's payload, 0 if there is none unless it is asked for. */
static inline size_t fake_obey(struct fake_back_end *fake, struct vhost_user_message *message)
{
	union vhost_user_payload *payload = &message->payload;
	uint32_t index = payload->state.index % FAKE_MAX_QUEUES;

	switch (message->header.request) {
	case VHOST_USER_GET_FEATURES:
		payload->number = fake->features;
		return sizeof(payload->number);
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		payload->number = fake->protocol_features;
		return sizeof(payload->number);
	case VHOST_USER_GET_QUEUE_NUM:
		payload->number = fake->queues;
		return sizeof(payload->number);
	case VHOST_USER_GET_SHMEM_CONFIG:
		memset(&payload->shmem, 0, sizeof(payload->shmem));
		payload->shmem.count = 1;
		payload->shmem.size[0] = fake->window_bytes;
		return sizeof(payload->shmem);
	case VHOST_USER_GET_VRING_BASE:
		payload->state.number = fake->base[index];
		return sizeof(payload->state);
	case VHOST_USER_SET_FEATURES:
		fake->set_features = payload->number;
		return 0;
	case VHOST_USER_SET_BACKEND_REQ_FD:
		fake_keep(&fake->requests, message, 0);
		return 0;
	case VHOST_USER_SET_MEM_TABLE:
		fake->memory = payload->memory;
		for (unsigned int i = 0; i < VHOST_USER_MAX_FDS; i++)
			fake_keep(&fake->memory_fds[i], message, i);
		return 0;
	case VHOST_USER_SET_VRING_NUM:
		fake->size[index] = payload->state.number;
		return 0;
	case VHOST_USER_SET_VRING_BASE:
		fake->set_base[index] = payload->state.number;
		return 0;
	case VHOST_USER_SET_VRING_ENABLE:
		fake->enabled[index] = payload->state.number;
		return 0;
	case VHOST_USER_SET_VRING_ADDR:
		fake->address[index] = payload->address;
		return 0;
	case VHOST_USER_SET_VRING_KICK:
		index = payload->number & VHOST_USER_VRING_INDEX;
		fake_keep(&fake->kick[index % FAKE_MAX_QUEUES], message, 0);
		return 0;
	case VHOST_USER_SET_VRING_CALL:
		index = payload->number & VHOST_USER_VRING_INDEX;
		fake_keep(&fake->call[index % FAKE_MAX_QUEUES], message, 0);
		return 0;
	case VHOST_USER_SET_VRING_ERR:
		index = payload->number & VHOST_USER_VRING_INDEX;
		fake_keep(&fake->error[index % FAKE_MAX_QUEUES], message, 0);
		return 0;
	default:
		return 0;
	}
}

/* Spoil an answer. Return: whether the connection goes on. */
static inline bool fake_misbehave(struct fake_back_end *fake, struct vhost_user_message *message)
{
	switch (fake->sin) {
	case FAKE_HANG_UP:
		return false;
	case FAKE_OTHER_REQUEST:
		message->header.request++;
		break;
	case FAKE_NO_REPLY_FLAG:
		message->header.flags = VHOST_USER_VERSION;
		break;
	case FAKE_OTHER_VERSION:
		message->header.flags ^= 3;
		break;
	case FAKE_TOO_SHORT:
		message->header.size -= 4;
		break;
	case FAKE_TOO_LONG:
		message->header.size += 4;
		break;
	case FAKE_HUGE:
		message->header.size = UINT32_MAX;
		send(fake->socket, &message->header, sizeof(message->header), MSG_NOSIGNAL);
		return true;
	case FAKE_HALF:
		send(fake->socket, &message->header, sizeof(message->header) - 1, MSG_NOSIGNAL);
		return true;
	case FAKE_DESCRIPTOR:
		message->fd[0] = 0;
		message->fds = 1;
		break;
	case FAKE_REFUSE:
		memset(&message->payload, 0xff, message->header.size);
		break;
	case FAKE_NONE:
	case FAKE_SILENCE:
	case FAKE_SINS:
		return true;
	}
	(void)vhost_user_send(fake->socket, message);
	return true;
}

static inline bool fake_serve(struct fake_back_end *fake, struct vhost_user_message *message)
{
	uint32_t request = message->header.request;
	bool wants_answer = message->header.flags & VHOST_USER_NEED_REPLY;
	size_t size;

	if (fake->before)
		fake->before(fake, request);
	size = fake_obey(fake, message);
	if (size == 0 && wants_answer) {
		message->payload.number = 0;
		size = sizeof(message->payload.number);
	}
	vhost_user_reply(message, size);
	if (request == fake->sin_at)
		return fake_misbehave(fake, message);
	if (size > 0)
		(void)vhost_user_send(fake->socket, message);
	return true;
}

static inline void *fake_thread(void *argument)
{
	struct fake_back_end *fake = argument;
	struct vhost_user_message message;

	while (vhost_user_receive(fake->socket, &message, -1) > 0) {
		if (fake->requests_seen < FAKE_MAX_LOG)
			fake->log[fake->requests_seen++] = message.header.request;
		if (!fake_serve(fake, &message))
			break;
		vhost_user_close(&message);
	}
	shutdown(fake->socket, SHUT_RDWR);
	if (fake->requests >= 0)
		shutdown(fake->requests, SHUT_RDWR);
	return NULL;
}

/* Return: the front end's socket, the caller's. */
static inline int fake_start(struct fake_back_end *fake)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	fake->socket = pair[1];
	fake->requests_seen = 0;
	fake->running = pthread_create(&fake->thread, NULL, fake_thread, fake) == 0;
	return pair[0];
}

/* It dies, as by SIGKILL. What it remembers is there still. */
static inline void fake_stop(struct fake_back_end *fake)
{
	if (fake->running) {
		shutdown(fake->socket, SHUT_RDWR);
		pthread_join(fake->thread, NULL);
	}
	fake->running = false;
	cleanup_close(&fake->socket);
	cleanup_close(&fake->requests);
	fake->socket = fake->requests = -EBADF;
}

static inline void fake_free(struct fake_back_end *fake)
{
	fake_stop(fake);
	for (int i = 0; i < FAKE_MAX_QUEUES; i++) {
		cleanup_close(&fake->kick[i]);
		cleanup_close(&fake->call[i]);
		cleanup_close(&fake->error[i]);
	}
	for (int i = 0; i < VHOST_USER_MAX_FDS; i++)
		cleanup_close(&fake->memory_fds[i]);
}

static inline unsigned int fake_count(const struct fake_back_end *fake, uint32_t request)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < fake->requests_seen; i++)
		count += fake->log[i] == request;
	return count;
}

/* Ask the machine. Return: its answer; -1: none. */
static inline int64_t fake_ask(struct fake_back_end *fake, uint32_t request, uint64_t offset,
			       uint64_t length, int fd, uint64_t file_offset, uint64_t flags)
{
	struct vhost_user_message message = {
		.header = {request, VHOST_USER_VERSION | VHOST_USER_NEED_REPLY,
			   sizeof(message.payload.mapping)},
		.payload.mapping = {.file_offset = file_offset,
				    .offset = offset,
				    .length = length,
				    .flags = flags},
		.fd = {fd},
		.fds = fd >= 0,
	};

	if (vhost_user_send(fake->requests, &message) < 0 ||
	    vhost_user_receive(fake->requests, &message, 10000) <= 0)
		return -1;
	return message.header.request == request ? (int64_t)message.payload.number : -1;
}

#endif
