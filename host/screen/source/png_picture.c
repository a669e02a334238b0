/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/source/png_picture.h"

#include "host/screen/screen.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>

int png_picture_read(const uint8_t *bytes, size_t length, uint32_t *width, uint32_t *height,
		     uint8_t **pixels)
{
	png_image image = {.version = PNG_IMAGE_VERSION};
	_cleanup_free_ uint8_t *room = NULL;
	int result = -EPROTO;

	if (!png_image_begin_read_from_memory(&image, bytes, length))
		return -EPROTO;
	*width = image.width;
	*height = image.height;
	if (image.width <= SCREEN_MAX_SIZE && image.height <= SCREEN_MAX_SIZE) {
		image.format = PNG_FORMAT_RGB;
		room = malloc(PNG_IMAGE_SIZE(image));
		result = room ? 0 : -ENOMEM;
	}
	/* Frees all that it has, too. */
	if (result == 0 && !png_image_finish_read(&image, NULL, room, 0, NULL))
		result = -EPROTO;
	png_image_free(&image);
	if (result == 0)
		*pixels = take_ptr(room);
	return result;
}
