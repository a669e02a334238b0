/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * limit - what a monitor can be, when all of them share some memory
 *
 * A desktop has up to three surfaces for each head. What the device cannot back is not shown, and
 * the guest is not told so: such a size is never advertised.
 */
#ifndef LODGE_SCREEN_SOURCE_LIMIT_H
#define LODGE_SCREEN_SOURCE_LIMIT_H

#include "host/screen/desktop.h"

#define LIMIT_SURFACES 3 /* of a head */

/* QEMU's virtio-gpu gives all surfaces of a guest 256 MiB (max_hostmem). And its EDID makes a
 * vertical sync of no lines below 200: Linux drops such a timing and takes the largest of the
 * standard ones. */
#define LIMIT_QEMU_BYTES  (256U << 20)
#define LIMIT_QEMU_HEIGHT 200
/* A picture is an array in one message, and such an array has 64 MiB at most (D-Bus Specification,
 * Marshaling). */
#define LIMIT_DBUS_BYTES (64U << 20)

/* As source_ops.limit: @head's size becomes what fits into @bytes beside the others, one surface of
 * it into @surface, of the same shape, and at least @min_height high. */
void limit_to_bytes(uint64_t bytes, uint64_t surface, uint32_t min_height, unsigned int head,
		    struct rectangle size[DESKTOP_MAX_HEADS]);

#endif
