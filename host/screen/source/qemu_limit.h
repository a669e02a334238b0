/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu_limit - what a monitor of a guest under QEMU can be
 *
 * QEMU's virtio-gpu gives all surfaces of a guest 256 MiB (max_hostmem); a desktop has up to three
 * for each head. One that it cannot back is not shown, and the guest is not told. And QEMU's EDID
 * makes a vertical sync of no lines below 200: Linux drops such a timing and takes the largest of
 * the standard ones.
 */
#ifndef LODGE_SCREEN_SOURCE_QEMU_LIMIT_H
#define LODGE_SCREEN_SOURCE_QEMU_LIMIT_H

#include "host/screen/desktop.h"

#define QEMU_MIN_HEIGHT	 200
#define QEMU_MAX_SURFACE (256U << 20)
#define QEMU_BUFFERS	 3 /* of a head */

/* As source_ops.limit: @head's size becomes what fits beside the others, of the same shape. */
void qemu_limit(unsigned int head, struct rectangle size[DESKTOP_MAX_HEADS]);

#endif
