/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pixels - rows of any 32-bit format as rows of B G R X */
#ifndef LODGE_SCREEN_SOURCE_PIXELS_H
#define LODGE_SCREEN_SOURCE_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* By the order of bytes in memory; values of no protocol. */
enum pixels_order {
	PIXELS_BGRX,
	PIXELS_RGBX,
	PIXELS_XRGB,
	PIXELS_XBGR,
};

/* enum virtio_gpu_formats (VIRTIO 1.2, 5.7.6.8). Return: false if it is none of them. */
bool pixels_of_virtio(uint32_t format, enum pixels_order *order);

/* pixman_format_code_t of four bytes a pixel, as QEMU names formats. Return: as above. */
bool pixels_of_pixman(uint32_t format, enum pixels_order *order);

/* Converts @count pixels where they are; @row may have any alignment. */
void pixels_from_guest(enum pixels_order order, uint8_t *row, size_t count);

#endif
