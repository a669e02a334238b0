/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver - a vhost-user front end and the guest's driver, played
 *
 * One request queue in shared memory, kicks and interrupts by eventfd, as from a guest whose
 * processors always run. One thread. For programs of one file, which say before how many slots they
 * have (SLOTS), how large they are (SLOT_BYTES) and where in one the reply is (OUT_AT), and which
 * end with a message when something fails.
 */
#ifndef LODGE_BENCH_SHARES_DRIVER_H
#define LODGE_BENCH_SHARES_DRIVER_H

#include "protocol/base/bytes.h"
#include "protocol/virtqueue/vhost_user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define GPA	    0x100000ULL
#define USER	    0x7f0000000000ULL
#define SIZE	    64 /* entries of the ring */
#define PIECES	    4  /* of them for each slot */
#define RINGS_BYTES 0x10000
#define MEMORY	    (RINGS_BYTES + SLOTS * SLOT_BYTES)

static int peer, memory_fd, kick = -1, call = -1;
static uint8_t *memory;
static uint16_t next_available, next_used;

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

/* --- vhost-user --- */

static void say(uint32_t request, const void *payload, size_t size, int fd)
{
	struct vhost_user_message message = {
		.header = {request, VHOST_USER_VERSION, (uint32_t)size},
		.fd = {fd},
		.fds = fd >= 0};

	memcpy(&message.payload, payload, size);
	if (vhost_user_send(peer, &message) < 0)
		fail("the server does not listen");
}

static uint64_t ask(uint32_t request)
{
	struct vhost_user_message message;

	say(request, "", 0, -1);
	if (vhost_user_receive(peer, &message, 10000) <= 0)
		fail("the server does not answer");
	return message.payload.number;
}

/* The kick comes last: some servers answer from then on, into whatever they have. */
static void set_up_queue(uint32_t index)
{
	struct vhost_user_vring_state size = {index, SIZE}, base = {index, 0}, on = {index, 1};
	uint64_t at = USER + index * (RINGS_BYTES / 2), number = index;
	struct vhost_user_vring_address address = {
		.index = index, .descriptors = at, .available = at + 0x1000, .used = at + 0x2000};

	say(VHOST_USER_SET_VRING_NUM, &size, sizeof(size), -1);
	say(VHOST_USER_SET_VRING_BASE, &base, sizeof(base), -1);
	say(VHOST_USER_SET_VRING_ADDR, &address, sizeof(address), -1);
	say(VHOST_USER_SET_VRING_CALL, &number, sizeof(number),
	    index ? call : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	say(VHOST_USER_SET_VRING_KICK, &number, sizeof(number),
	    index ? kick : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	say(VHOST_USER_SET_VRING_ENABLE, &on, sizeof(on), -1);
}

static void connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct vhost_user_memory table = {.count = 1, .region = {{GPA, MEMORY, USER, 0}}};
	uint64_t features, wanted = 1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_EVENT_IDX |
				    1ULL << VHOST_USER_F_PROTOCOL_FEATURES;

	peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(peer, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail(path);
	memory_fd = memfd_create("guest", MFD_CLOEXEC);
	if (memory_fd < 0 || ftruncate(memory_fd, MEMORY) < 0)
		fail("memory");
	memory =
		mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memory_fd, 0);
	if (memory == MAP_FAILED)
		fail("memory");
	kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	features = ask(VHOST_USER_GET_FEATURES) & wanted;
	(void)ask(VHOST_USER_GET_PROTOCOL_FEATURES);
	say(VHOST_USER_SET_PROTOCOL_FEATURES, &(uint64_t){1U << VHOST_USER_PROTOCOL_F_MQ}, 8, -1);
	say(VHOST_USER_SET_OWNER, "", 0, -1);
	say(VHOST_USER_SET_FEATURES, &features, sizeof(features), -1);
	say(VHOST_USER_SET_MEM_TABLE, &table, offsetof(struct vhost_user_memory, region[1]),
	    memory_fd);
	set_up_queue(0);
	set_up_queue(1);
}

/* --- The queue of requests --- */

static uint8_t *ring(size_t offset)
{
	return memory + RINGS_BYTES / 2 + offset;
}

static uint8_t *slot(unsigned int number)
{
	return memory + RINGS_BYTES + (size_t)number * SLOT_BYTES;
}

static void describe(uint16_t index, const uint8_t *at, uint32_t length, uint16_t flags)
{
	uint8_t *descriptor = ring((size_t)index * 16);

	store_le64(descriptor, GPA + (uint64_t)(at - memory));
	store_le32(descriptor + 8, length);
	store_le16(descriptor + 12, flags);
	store_le16(descriptor + 14, (uint16_t)(index + 1));
}

/*
 * The request of @size bytes that is in the slot. A driver has its header, arguments and data in
 * pieces of their own; @pieces says how large the first are (0: no more), the last has what is
 * left.
 */
static void submit(unsigned int number, size_t size, const size_t pieces[2], uint32_t room)
{
	uint16_t head = (uint16_t)(number * PIECES), index = head;
	size_t at = 0;

	for (unsigned int i = 0; i < 2 && pieces[i] && at + pieces[i] < size; i++) {
		describe(index++, slot(number) + at, (uint32_t)pieces[i], VRING_DESC_F_NEXT);
		at += pieces[i];
	}
	describe(index++, slot(number) + at, (uint32_t)(size - at), room ? VRING_DESC_F_NEXT : 0);
	if (room)
		describe(index, slot(number) + OUT_AT, room, VRING_DESC_F_WRITE);
	store_le16(ring(0x1000) + 4 + 2 * (size_t)(next_available % SIZE), head);
	next_available++;
	__atomic_store_n((uint16_t *)(void *)(ring(0x1000) + 2), next_available, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* The server says behind which entry it wants a kick. */
	if ((uint16_t)(next_available - load_le16(ring(0x2000) + 4 + (size_t)8 * SIZE) - 1) < 1 &&
	    write(kick, &(uint64_t){1}, 8) != 8)
		fail("kick");
}

static bool has_used(void)
{
	return __atomic_load_n((uint16_t *)(void *)(ring(0x2000) + 2), __ATOMIC_SEQ_CST) !=
	       next_used;
}

/* As a driver does it: ask for an interrupt, look again, sleep. Return: the slot. */
static unsigned int reap(void)
{
	uint64_t ignored;

	while (!has_used()) {
		struct pollfd wait = {.fd = call, .events = POLLIN};

		store_le16(ring(0x1000) + 4 + (size_t)2 * SIZE, next_used);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (has_used())
			break;
		if (poll(&wait, 1, 10000) <= 0)
			fail("no interrupt for ten seconds");
		if (read(call, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN)
			fail("interrupt");
	}
	return load_le32(ring(0x2000) + 4 + 8 * (size_t)(next_used++ % SIZE)) / PIECES;
}

#endif
