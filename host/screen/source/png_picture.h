/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* png_picture - a picture that came as PNG (ISO/IEC 15948), by libpng */
#ifndef LODGE_SCREEN_SOURCE_PNG_PICTURE_H
#define LODGE_SCREEN_SOURCE_PNG_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#define PNG_PICTURE_FIRST 0x89 /* its first byte */

/**
 * png_picture_read() - its pixels, three bytes each: red, green, blue
 * @bytes:	untrusted
 * @pixels:	set on success, the caller's to free
 *
 * Return: 0; -EPROTO: it is none, or larger than SCREEN_MAX_SIZE each way; -ENOMEM.
 */
int png_picture_read(const uint8_t *bytes, size_t length, uint32_t *width, uint32_t *height,
		     uint8_t **pixels);

#endif
