/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * front_end - how fast a virtio-fs server is, without a virtual machine
 *
 *	front_end SOCKET [SECONDS]
 *
 * Plays a vhost-user front end and the guest's driver: one request queue in shared memory, kicks
 * and interrupts by eventfd, as from a guest whose processors always run. What a guest adds (exits,
 * interrupts) is not in the figures. The folder has to have a file "file" of 8 MiB or more.
 *
 * Prints a line a measurement: what, how many were under way at a time, requests per second,
 * microseconds each, MB/s.
 */
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
#define SIZE	    64 /* entries of the ring; each slot uses two */
#define SLOTS	    16
#define SLOT_BYTES  0x40000
#define RINGS_BYTES 0x10000
#define MEMORY	    (RINGS_BYTES + SLOTS * SLOT_BYTES)
#define OUT_AT	    0x1000 /* in a slot: the reply */
#define FILE_BYTES  (8U << 20)

static int peer, memory_fd, kick = -1, call = -1;
static uint8_t *memory;
static uint16_t next_available, next_used;
static uint64_t unique = 2, node, handle;

static void fail(const char *what)
{
	fprintf(stderr, "front_end: %s: %s\n", what, strerror(errno));
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

/* @body: what follows the header. */
static void submit(unsigned int number, uint32_t opcode, uint64_t id, const void *body, size_t size,
		   uint32_t room)
{
	struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + size),
					.opcode = opcode,
					.unique = unique,
					.nodeid = id};
	uint16_t head = (uint16_t)(number * 2);

	unique += 2;
	memcpy(slot(number), &header, sizeof(header));
	memcpy(slot(number) + sizeof(header), body, size);
	describe(head, slot(number), header.len, VRING_DESC_F_NEXT);
	describe((uint16_t)(head + 1), slot(number) + OUT_AT,
		 (uint32_t)sizeof(struct fuse_out_header) + room, VRING_DESC_F_WRITE);
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
	return load_le32(ring(0x2000) + 4 + 8 * (size_t)(next_used++ % SIZE)) / 2;
}

static const void *reply(unsigned int number, const char *what)
{
	struct fuse_out_header header;

	memcpy(&header, slot(number) + OUT_AT, sizeof(header));
	if (header.error) {
		errno = -header.error;
		fail(what);
	}
	return slot(number) + OUT_AT + sizeof(header);
}

/* --- Measurements --- */

static void begin(void)
{
	struct fuse_init_in init = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = 1U << 20,
		.flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES,
	};
	struct fuse_entry_out entry;
	struct fuse_open_out opened;
	struct fuse_open_in open_in = {.flags = O_RDWR};

	submit(0, FUSE_INIT, 0, &init, sizeof(init), sizeof(struct fuse_init_out));
	(void)reply(reap(), "FUSE_INIT");
	submit(0, FUSE_LOOKUP, FUSE_ROOT_ID, "file", 5, sizeof(entry));
	memcpy(&entry, reply(reap(), "the file 'file'"), sizeof(entry));
	node = entry.nodeid;
	submit(0, FUSE_OPEN, node, &open_in, sizeof(open_in), sizeof(opened));
	memcpy(&opened, reply(reap(), "opening it"), sizeof(opened));
	handle = opened.fh;
}

static void send_one(unsigned int number, uint32_t opcode, uint32_t bytes, uint64_t count)
{
	uint64_t offset = count * bytes % FILE_BYTES;
	struct fuse_getattr_in getattr = {0};
	struct fuse_read_in data = {.fh = handle, .offset = offset, .size = bytes};

	switch (opcode) {
	case FUSE_GETATTR:
		submit(number, opcode, node, &getattr, sizeof(getattr),
		       sizeof(struct fuse_attr_out));
		break;
	case FUSE_LOOKUP:
		submit(number, opcode, FUSE_ROOT_ID, "file", 5, sizeof(struct fuse_entry_out));
		break;
	case FUSE_READ:
		submit(number, opcode, node, &data, sizeof(data), bytes);
		break;
	}
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void measure(const char *what, uint32_t opcode, uint32_t bytes, unsigned int depth,
		    double seconds)
{
	double started = now(), took;
	uint64_t sent = 0, done = 0;

	for (; sent < depth; sent++)
		send_one((unsigned int)sent, opcode, bytes, sent);
	for (;;) {
		unsigned int number = reap();

		(void)reply(number, what);
		done++;
		if (done % 16 == 0 && now() - started > seconds)
			break;
		send_one(number, opcode, bytes, sent++);
	}
	took = now() - started;
	for (uint64_t left = sent - done; left > 0; left--)
		(void)reap();
	printf("%-12s %2u  %9.0f /s  %8.2f us  %8.1f MB/s\n", what, depth, (double)done / took,
	       took * 1e6 / (double)done, (double)done * bytes / took / 1e6);
	fflush(stdout);
}

int main(int count, char *words[])
{
	double seconds = count > 2 ? atof(words[2]) : 2;
	static const unsigned int depths[] = {1, 4, 16};

	if (count < 2) {
		fprintf(stderr, "usage: front_end SOCKET [SECONDS]\n");
		return 2;
	}
	connect_to(words[1]);
	begin();
	for (size_t i = 0; i < ARRAY_SIZE(depths); i++) {
		measure("getattr", FUSE_GETATTR, 0, depths[i], seconds);
		measure("lookup", FUSE_LOOKUP, 0, depths[i], seconds);
		measure("read 4k", FUSE_READ, 4096, depths[i], seconds);
		measure("read 128k", FUSE_READ, 131072, depths[i], seconds);
	}
	return 0;
}
