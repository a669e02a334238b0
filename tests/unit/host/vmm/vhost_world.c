/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/vmm/vhost_world.h"

#include "protocol/base/bytes.h"

#include <check.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

static int map(void *owner, uint64_t offset, uint64_t length, int *fd, uint64_t file_offset,
	       bool writable)
{
	struct vhost_world *world = owner;
	struct stat status;

	world->asked.maps++;
	world->asked.offset = offset;
	world->asked.length = length;
	world->asked.file_offset = file_offset;
	world->asked.writable = writable;
	world->asked.is_file = fstat(*fd, &status) == 0;
	return world->asked.answer;
}

static int unmap(void *owner, uint64_t offset, uint64_t length)
{
	struct vhost_world *world = owner;

	world->asked.unmaps++;
	world->asked.offset = offset;
	world->asked.length = length;
	return world->asked.answer;
}

static int copy(void *owner, uint64_t gpa, uint64_t length, int memory_fd, uint64_t offset,
		bool into_guest)
{
	struct vhost_world *world = owner;
	struct stat status;

	world->asked.copies++;
	world->asked.offset = gpa;
	world->asked.length = length;
	world->asked.file_offset = offset;
	world->asked.writable = into_guest;
	world->asked.is_file = fstat(memory_fd, &status) == 0;
	return world->asked.answer;
}

static void settle(void *owner, uint64_t device, uint64_t inode)
{
	struct vhost_world *world = owner;

	world->asked.settles++;
	world->asked.offset = device;
	world->asked.length = inode;
}

const struct vhost_handlers vhost_world_handlers = {map, unmap, copy, settle};

void vhost_world_make(struct vhost_world *world)
{
	fake_init(&world->fake);
	memset(&world->asked, 0, sizeof(world->asked));
	world->memory = (struct guestmem){0};
	ck_assert_int_eq(guest_memory_new(&world->ram, &world->memory, RAM_BYTES, 0), 0);
	for (unsigned int i = 0; i < RINGS; i++) {
		uint64_t at = 0x10000 + 0x10000ULL * i;

		world->ring[i] = (struct vhost_ring){
			.layout = {256, at, at + 0x2000, at + 0x4000},
			.kick_fd = eventfd(0, EFD_CLOEXEC),
			.call_fd = eventfd(0, EFD_CLOEXEC),
			.error_fd = -EBADF,
		};
	}
}

void vhost_world_unmake(struct vhost_world *world)
{
	vhost_frontend_free(world->frontend);
	world->frontend = NULL;
	fake_free(&world->fake);
	guest_memory_free(&world->ram);
	for (unsigned int i = 0; i < RINGS; i++) {
		close(world->ring[i].kick_fd);
		close(world->ring[i].call_fd);
	}
}

int vhost_world_connect(struct vhost_world *world, uint64_t window_bytes)
{
	const struct vhost_setup setup = {&world->memory, &world->ram, window_bytes,
					  &vhost_world_handlers, world};
	struct vhost_sockets sockets;

	ck_assert_int_eq(vhost_take(fake_start(&world->fake), &sockets), 0);
	return vhost_frontend_new(&sockets, &setup, &world->frontend, &world->problem);
}

int vhost_world_live(struct vhost_world *world)
{
	int error = vhost_world_connect(world, WINDOW);

	if (!error)
		error = vhost_frontend_start(world->frontend, 0, world->ring, RINGS);
	if (!error)
		error = vhost_frontend_stop(world->frontend, world->ring, RINGS);
	return error ? error : vhost_frontend_reset(world->frontend);
}
