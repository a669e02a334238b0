/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/source/pixels.h"

#include "protocol/base/bytes.h"

static const struct {
	uint32_t format;
	enum pixels_order order;
} virtio_formats[] = {
	{1, PIXELS_BGRX},   /* B8G8R8A8 */
	{2, PIXELS_BGRX},   /* B8G8R8X8 */
	{3, PIXELS_XRGB},   /* A8R8G8B8 */
	{4, PIXELS_XRGB},   /* X8R8G8B8 */
	{67, PIXELS_RGBX},  /* R8G8B8A8 */
	{68, PIXELS_XBGR},  /* X8B8G8R8 */
	{121, PIXELS_XBGR}, /* A8B8G8R8 */
	{134, PIXELS_RGBX}, /* R8G8B8X8 */
};

/* Bits a pixel, type, and bits of a, r, g, b; named by the value, which is little-endian here. */
static const struct {
	uint32_t format;
	enum pixels_order order;
} pixman_formats[] = {
	{0x20028888, PIXELS_BGRX}, /* a8r8g8b8 */
	{0x20020888, PIXELS_BGRX}, /* x8r8g8b8 */
	{0x20038888, PIXELS_RGBX}, /* a8b8g8r8 */
	{0x20030888, PIXELS_RGBX}, /* x8b8g8r8 */
	{0x20088888, PIXELS_XRGB}, /* b8g8r8a8 */
	{0x20080888, PIXELS_XRGB}, /* b8g8r8x8 */
	{0x20098888, PIXELS_XBGR}, /* r8g8b8a8 */
	{0x20090888, PIXELS_XBGR}, /* r8g8b8x8 */
};

bool pixels_of_virtio(uint32_t format, enum pixels_order *order)
{
	for (size_t i = 0; i < ARRAY_SIZE(virtio_formats); i++) {
		if (virtio_formats[i].format == format) {
			*order = virtio_formats[i].order;
			return true;
		}
	}
	return false;
}

bool pixels_of_pixman(uint32_t format, enum pixels_order *order)
{
	for (size_t i = 0; i < ARRAY_SIZE(pixman_formats); i++) {
		if (pixman_formats[i].format == format) {
			*order = pixman_formats[i].order;
			return true;
		}
	}
	return false;
}

static inline uint32_t swap_red_blue(uint32_t pixel)
{
	return (pixel & 0xff00ff00) | (pixel & 0xff) << 16 | (pixel >> 16 & 0xff);
}

/* Loops that the compiler makes wide. */
#define CONVERT(row, count, expression)                                                            \
	for (size_t i = 0; i < (count); i++) {                                                     \
		uint32_t pixel;                                                                    \
                                                                                                   \
		memcpy(&pixel, (row) + i * 4, 4);                                                  \
		pixel = (expression);                                                              \
		memcpy((row) + i * 4, &pixel, 4);                                                  \
	}

void pixels_from_guest(enum pixels_order order, uint8_t *row, size_t count)
{
	switch (order) {
	case PIXELS_BGRX:
		return;
	case PIXELS_RGBX:
		CONVERT(row, count, swap_red_blue(pixel));
		return;
	case PIXELS_XRGB:
		CONVERT(row, count, __builtin_bswap32(pixel));
		return;
	case PIXELS_XBGR:
		CONVERT(row, count, pixel >> 8);
		return;
	}
}
