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
#define SLOTS	   16
#define SLOT_BYTES 0x40000
#define OUT_AT	   0x1000
#include "tests/bench/shares/driver.h"

#define FILE_BYTES (8U << 20)

static uint64_t unique = 2, node, handle;

/* @body: what follows the header. */
static void ask_for(unsigned int number, uint32_t opcode, uint64_t id, const void *body,
		    size_t size, uint32_t room)
{
	struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + size),
					.opcode = opcode,
					.unique = unique,
					.nodeid = id};

	unique += 2;
	memcpy(slot(number), &header, sizeof(header));
	memcpy(slot(number) + sizeof(header), body, size);
	submit(number, header.len, (const size_t[]){0, 0},
	       (uint32_t)sizeof(struct fuse_out_header) + room);
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

	ask_for(0, FUSE_INIT, 0, &init, sizeof(init), sizeof(struct fuse_init_out));
	(void)reply(reap(), "FUSE_INIT");
	ask_for(0, FUSE_LOOKUP, FUSE_ROOT_ID, "file", 5, sizeof(entry));
	memcpy(&entry, reply(reap(), "the file 'file'"), sizeof(entry));
	node = entry.nodeid;
	ask_for(0, FUSE_OPEN, node, &open_in, sizeof(open_in), sizeof(opened));
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
		ask_for(number, opcode, node, &getattr, sizeof(getattr),
			sizeof(struct fuse_attr_out));
		break;
	case FUSE_LOOKUP:
		ask_for(number, opcode, FUSE_ROOT_ID, "file", 5, sizeof(struct fuse_entry_out));
		break;
	case FUSE_READ:
		ask_for(number, opcode, node, &data, sizeof(data), bytes);
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
