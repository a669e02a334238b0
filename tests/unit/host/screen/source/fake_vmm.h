/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fake_vmm - the VMM's end of a display channel, in the hands of a test */
#ifndef LODGE_TEST_FAKE_VMM_H
#define LODGE_TEST_FAKE_VMM_H

#include "host/display/channel.h"

#include <stddef.h>

#define FAKE_RAM (64U << 20)

struct fake_vmm {
	int fd;	     /* our end */
	int peer_fd; /* the screen's */
	int ram_fd, area_fd;
	unsigned char *ram;
	struct channel_area *area;
};

void fake_vmm_open(struct fake_vmm *vmm);
void fake_vmm_close(struct fake_vmm *vmm);
void fake_vmm_hello(struct fake_vmm *vmm, unsigned int heads);
/* A surface of its own, @offset into RAM, in one piece, BGRX; tells the screen. */
void fake_vmm_scanout(struct fake_vmm *vmm, unsigned int head, uint32_t width, uint32_t height,
		      uint64_t offset);
void fake_vmm_send(struct fake_vmm *vmm, const void *packet, size_t length);
void fake_vmm_damage(struct fake_vmm *vmm, unsigned int head, uint32_t x, uint32_t y,
		     uint32_t width, uint32_t height);
/* The next packet of the screen: its length, 0 if there is none. */
size_t fake_vmm_receive(struct fake_vmm *vmm, void *packet, size_t size);

#endif
