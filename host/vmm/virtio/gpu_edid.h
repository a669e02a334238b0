/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gpu_edid - what the monitor of a head says of itself
 *
 * VESA E-EDID 1.4 (release A, revision 2): one block with the head's size at 60 Hz as its preferred
 * timing, reduced blanking as CVT 1.2 has it. A detailed timing has 12 bits for a size and 16 for
 * a clock of 10 kHz: what does not fit there goes into a second block, a DisplayID 1.3 extension.
 */
#ifndef LODGE_VMM_VIRTIO_GPU_EDID_H
#define LODGE_VMM_VIRTIO_GPU_EDID_H

#include "host/vmm/display.h"

#define GPU_EDID_BLOCK 128
#define GPU_EDID_BYTES (2 * GPU_EDID_BLOCK)

/**
 * gpu_edid_write() - describe a monitor
 * @head:	its number, for name and serial number: they stay the same at any size
 * @mode:	enabled
 *
 * Return: bytes written, one or two blocks.
 */
size_t gpu_edid_write(unsigned int head, const struct display_mode *mode,
		      uint8_t edid[GPU_EDID_BYTES]);

#endif
