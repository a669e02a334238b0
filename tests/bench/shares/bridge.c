/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bridge - a virtio-fs server's folder, mounted on this machine
 *
 *	bridge SOCKET DIRECTORY COUNTS
 *
 * Plays a vhost-user front end and the guest's driver as front_end does, but what it asks is what
 * the kernel asks of /dev/fuse, one request after the other. So any server of virtio-fs can be
 * measured with a real kernel's requests and without a virtual machine. Ends when DIRECTORY is
 * unmounted.
 *
 * COUNTS: a file with how many requests of each operation there have been: 64 numbers of 64 bits in
 * the machine's order, the last for those from 63 on.
 */
/* A mebibyte, and what is before and behind it. */
#define SLOTS	   1
#define SLOT_BYTES 0x240000
#define OUT_AT	   0x120000
#define OUT_BYTES  0x110000
#include "tests/bench/shares/driver.h"

#include <sys/mount.h>

#define COUNTS 64

static uint64_t *counts;

static int mount_at(const char *directory)
{
	char data[96];
	int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (device < 0)
		fail("/dev/fuse");
	snprintf(data, sizeof(data),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other",
		 device);
	if (mount("bridge", directory, "fuse.bridge", MS_NOSUID | MS_NODEV, data) < 0)
		fail(directory);
	return device;
}

static void count_in(uint32_t opcode)
{
	counts[opcode < COUNTS ? opcode : COUNTS - 1]++;
}

/* As much room for the answer as a guest's driver has: servers take it for what was asked for. */
static uint32_t room_for(uint32_t opcode)
{
	const uint8_t *arguments = slot(0) + sizeof(struct fuse_in_header);
	uint32_t size = 4096;

	switch (opcode) {
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		return 0;
	case FUSE_READ:
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
		size = load_le32(arguments + offsetof(struct fuse_read_in, size));
		break;
	case FUSE_GETXATTR:
	case FUSE_LISTXATTR:
		size = load_le32(arguments + offsetof(struct fuse_getxattr_in, size));
		size = MAX(size, (uint32_t)sizeof(struct fuse_getxattr_out));
		break;
	}
	return (uint32_t)sizeof(struct fuse_out_header) + MIN(size, (uint32_t)OUT_BYTES - 4096);
}

/* One request there, its answer back. Return: false: the kernel has unmounted. */
static bool pass_on(int device)
{
	struct fuse_in_header header;
	struct fuse_out_header answer;
	size_t pieces[2] = {sizeof(header), 0};
	uint32_t room;
	ssize_t bytes = read(device, slot(0), OUT_AT);

	if (bytes < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
		return true;
	if (bytes < (ssize_t)sizeof(header))
		return false;
	memcpy(&header, slot(0), sizeof(header));
	/* The server would look for what it is done with. */
	if (header.opcode == FUSE_INTERRUPT)
		return true;
	count_in(header.opcode);
	if (header.opcode == FUSE_WRITE)
		pieces[1] = sizeof(struct fuse_write_in);
	room = room_for(header.opcode);
	submit(0, (size_t)bytes, pieces, room);
	(void)reap();
	if (room == 0)
		return true;
	memcpy(&answer, slot(0) + OUT_AT, sizeof(answer));
	/* ENOENT: nobody waits for it any more. */
	if (answer.len > room ||
	    (write(device, slot(0) + OUT_AT, answer.len) < 0 && errno != ENOENT)) {
		fprintf(stderr, "bridge: operation %u, %u bytes of %u, error %d\n", header.opcode,
			answer.len, room, answer.error);
		fail("the answer");
	}
	return true;
}

int main(int count, char *words[])
{
	int device, file;

	if (count != 4) {
		fprintf(stderr, "usage: bridge SOCKET DIRECTORY COUNTS\n");
		return 2;
	}
	file = open(words[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (file < 0 || ftruncate(file, COUNTS * sizeof(*counts)) < 0)
		fail(words[3]);
	counts = mmap(NULL, COUNTS * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (counts == MAP_FAILED)
		fail(words[3]);
	connect_to(words[1]);
	device = mount_at(words[2]);
	while (pass_on(device))
		;
	return 0;
}
