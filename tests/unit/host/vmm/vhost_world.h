/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vhost_world - a vhost-user front end with memory and rings, and the back end that it talks to */
#ifndef LODGE_TEST_VHOST_WORLD_H
#define LODGE_TEST_VHOST_WORLD_H

#include "host/vmm/vhost_frontend.h"
#include "tests/unit/host/vmm/fake_back_end.h"

#define RAM_BYTES (4ULL << 20)
#define WINDOW	  (2ULL << 20)
#define RINGS	  3

struct vhost_world {
	struct fake_back_end fake;
	struct vhost_frontend *frontend;
	struct guest_memory ram;
	struct guestmem memory;
	struct vhost_ring ring[RINGS];
	const char *problem;
	/* What it was asked to map, last. */
	struct {
		unsigned int maps, unmaps, copies, settles;
		uint64_t offset, length, file_offset;
		bool writable, is_file;
		int answer;
	} asked;
};

void vhost_world_make(struct vhost_world *world);
void vhost_world_unmake(struct vhost_world *world);
/* Return: as vhost_frontend_new(). */
int vhost_world_connect(struct vhost_world *world, uint64_t window_bytes);
/* Connect, start, stop and reset. Return: 0, or the first error. */
int vhost_world_live(struct vhost_world *world);

/* What it does when the back end asks: notes it down. The owner is the world. */
extern const struct vhost_handlers vhost_world_handlers;

#endif
