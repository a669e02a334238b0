/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/shared-folders/vhost/front_end.h"

#include "protocol/base/cleanup.h"

#include <check.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define LONG_MS 60000

/* --- The service --- */

static void answer(struct server_call *call, uint64_t unique)
{
	struct fuse_out_header header = {.len = sizeof(header), .unique = unique};

	if (call->out_count == 0) {
		call->done(call, 0);
		return;
	}
	ck_assert_uint_ge(call->out[0].iov_len, sizeof(header));
	memcpy(call->out[0].iov_base, &header, sizeof(header));
	call->done(call, sizeof(header));
}

static void serve(void *owner, struct server_call *call)
{
	struct front_end *front = owner;
	struct fuse_in_header header;

	ck_assert_uint_ge(call->in[0].iov_len, sizeof(header));
	memcpy(&header, call->in[0].iov_base, sizeof(header));
	switch (header.opcode) {
	case FUSE_SETLKW:
		front->kept = call;
		sem_post(&front->kept_one);
		return;
	case FUSE_FSYNC:
		sem_wait(&front->release);
		break;
	}
	answer(call, header.unique);
}

static void *run(void *owner)
{
	struct front_end *front = owner;

	front->result = vhost_backend_run(front->backend, front->their_socket);
	close(front->their_socket);
	return NULL;
}

void front_end_init(struct front_end *front, unsigned int threads, struct vhost_window *window)
{
	struct vhost_options options = {
		.call = serve, .owner = front, .threads = threads, .window = window};
	int pair[2];

	memset(front, 0, sizeof(*front));
	front->memory = memfd_create("guest", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(front->memory, GUEST_RAM_BYTES), 0);
	front->guest.ram =
		mmap(NULL, GUEST_RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, front->memory, 0);
	ck_assert_ptr_ne(front->guest.ram, MAP_FAILED);
	sem_init(&front->kept_one, 0, 0);
	sem_init(&front->release, 0, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	front->socket = pair[0];
	front->their_socket = pair[1];
	for (int i = 0; i < FRONT_QUEUES; i++) {
		front->kick[i] = eventfd(0, EFD_CLOEXEC);
		front->call[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	front->backend = vhost_backend_new(&options);
	ck_assert_ptr_nonnull(front->backend);
	ck_assert_int_eq(pthread_create(&front->thread, NULL, run, front), 0);
}

int front_end_free(struct front_end *front)
{
	shutdown(front->socket, SHUT_RDWR);
	pthread_join(front->thread, NULL);
	if (front->kept)
		answer(front->kept, 0);
	vhost_backend_free(front->backend);
	vhost_user_close(&front->message);
	close(front->socket);
	for (int i = 0; i < FRONT_QUEUES; i++) {
		close(front->kick[i]);
		close(front->call[i]);
	}
	munmap(front->guest.ram, GUEST_RAM_BYTES);
	close(front->memory);
	return front->result;
}

/* --- Messages --- */

void front_end_say(struct front_end *front, uint32_t request, uint32_t flags, const void *payload,
		   size_t size, int fd)
{
	struct vhost_user_message message = {
		.header = {request, VHOST_USER_VERSION | flags, (uint32_t)size},
		.fd = {fd},
		.fds = fd >= 0,
	};

	if (size > 0)
		memcpy(&message.payload, payload, size);
	/* A back end that has hung up is found out by who waits for its answer. */
	(void)vhost_user_send(front->socket, &message);
}

static bool wait_for_answer(struct front_end *front, uint32_t request)
{
	vhost_user_close(&front->message);
	if (vhost_user_receive(front->socket, &front->message, LONG_MS) <= 0)
		return false;
	ck_assert_uint_eq(front->message.header.request, request);
	ck_assert_uint_eq(front->message.header.flags, VHOST_USER_VERSION | VHOST_USER_REPLY);
	return true;
}

bool front_end_ask(struct front_end *front, uint32_t request, const void *payload, size_t size,
		   int fd)
{
	front_end_say(front, request, 0, payload, size, fd);
	return wait_for_answer(front, request);
}

uint64_t front_end_try(struct front_end *front, uint32_t request, const void *payload, size_t size,
		       int fd)
{
	front_end_say(front, request, VHOST_USER_NEED_REPLY, payload, size, fd);
	return wait_for_answer(front, request) ? front->message.payload.number : UINT64_MAX;
}

static void set_number(struct front_end *front, uint32_t request, uint64_t number, int fd)
{
	ck_assert_uint_eq(front_end_try(front, request, &number, sizeof(number), fd), 0);
}

void front_end_negotiate(struct front_end *front)
{
	struct vhost_user_memory table = {
		.count = 1,
		.region = {{GUEST_RAM_AT, GUEST_RAM_BYTES, FRONT_USER, 0}},
	};
	uint64_t features;

	ck_assert(front_end_ask(front, VHOST_USER_GET_FEATURES, NULL, 0, -1));
	features = front->message.payload.number;
	ck_assert(features >> VHOST_USER_F_PROTOCOL_FEATURES & 1);
	ck_assert(front_end_ask(front, VHOST_USER_GET_PROTOCOL_FEATURES, NULL, 0, -1));
	front_end_say(front, VHOST_USER_SET_PROTOCOL_FEATURES, 0, &front->message.payload.number, 8,
		      -1);
	set_number(front, VHOST_USER_SET_FEATURES, features, -1);
	ck_assert_uint_eq(front_end_try(front, VHOST_USER_SET_OWNER, NULL, 0, -1), 0);
	ck_assert_uint_eq(front_end_try(front, VHOST_USER_SET_MEM_TABLE, &table,
					offsetof(struct vhost_user_memory, region[1]),
					front->memory),
			  0);
}

static void set_state(struct front_end *front, uint32_t request, uint32_t index, uint32_t number)
{
	struct vhost_user_vring_state state = {index, number};

	ck_assert_uint_eq(front_end_try(front, request, &state, sizeof(state), -1), 0);
}

void front_end_set_up_queue(struct front_end *front, unsigned int index, uint16_t base)
{
	struct guest_queue *queue = &front->guest.queue[index];
	uint64_t at = (uint64_t)index * GUEST_QUEUE_BYTES;
	struct vhost_user_vring_address address = {
		.index = index,
		.descriptors = FRONT_USER + at,
		.available = FRONT_USER + at + 0x1000,
		.used = FRONT_USER + at + 0x2000,
	};

	if (queue->size == 0)
		*queue = (struct guest_queue){
			.size = 16,
			.descriptors = GUEST_RAM_AT + at,
			.available = GUEST_RAM_AT + at + 0x1000,
			.used = GUEST_RAM_AT + at + 0x2000,
		};
	set_state(front, VHOST_USER_SET_VRING_NUM, index, queue->size);
	set_state(front, VHOST_USER_SET_VRING_BASE, index, base);
	ck_assert_uint_eq(
		front_end_try(front, VHOST_USER_SET_VRING_ADDR, &address, sizeof(address), -1), 0);
	set_number(front, VHOST_USER_SET_VRING_CALL, index, front->call[index]);
	set_number(front, VHOST_USER_SET_VRING_KICK, index, front->kick[index]);
	set_state(front, VHOST_USER_SET_VRING_ENABLE, index, 1);
}

void front_end_bring_up(struct front_end *front)
{
	front_end_negotiate(front);
	for (unsigned int i = 0; i < 2; i++)
		front_end_set_up_queue(front, i, 0);
}

/* --- Requests --- */

static uint16_t put(struct front_end *front, unsigned int index, uint32_t opcode, uint64_t unique)
{
	uint64_t at = GUEST_BUFFERS_AT + (uint64_t)index * 0x10000 + unique % 64 * 256;
	struct fuse_in_header header = {
		.len = sizeof(header), .opcode = opcode, .unique = unique, .nodeid = 1};
	struct guest_buffer buffers[] = {{at, sizeof(header), false}, {at + 128, 64, true}};

	memcpy(guest_at(&front->guest, at), &header, sizeof(header));
	return guest_add(&front->guest, index, buffers, opcode == FUSE_FORGET ? 1 : 2);
}

static void kick(struct front_end *front, unsigned int index)
{
	static const uint64_t one = 1;

	ck_assert_int_eq(write(front->kick[index], &one, sizeof(one)), sizeof(one));
}

uint16_t front_end_request(struct front_end *front, unsigned int index, uint32_t opcode,
			   uint64_t unique)
{
	uint16_t head = put(front, index, opcode, unique);

	kick(front, index);
	return head;
}

bool front_end_request_politely(struct front_end *front, unsigned int index, uint32_t opcode,
				uint64_t unique)
{
	const struct guest_queue *queue = &front->guest.queue[index];
	const uint8_t *available = guest_at(&front->guest, queue->available);
	const uint8_t *used = guest_at(&front->guest, queue->used);
	bool wanted;

	(void)put(front, index, opcode, unique);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	wanted = load_le16(used + 4 + (size_t)8 * queue->size) ==
		 (uint16_t)(load_le16(available + 2) - 1);
	if (wanted)
		kick(front, index);
	return wanted;
}

/* Behind what was used the guest wants to be told. */
uint32_t front_end_wait(struct front_end *front, unsigned int index, uint32_t *written)
{
	struct guest_queue *queue = &front->guest.queue[index];
	uint8_t *available = guest_at(&front->guest, queue->available);
	struct pollfd wait = {.fd = front->call[index], .events = POLLIN};
	uint64_t count;
	uint32_t head;

	for (;;) {
		store_le16(available + 4 + 2 * (size_t)queue->size, queue->next_used);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (guest_take_used(&front->guest, index, &head, written))
			return head;
		ck_assert_int_eq(poll(&wait, 1, LONG_MS), 1);
		ck_assert_int_eq(read(front->call[index], &count, sizeof(count)), sizeof(count));
	}
}
