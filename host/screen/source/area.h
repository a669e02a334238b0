/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * area - the memory that lodge-vmm shows us: its display area, and its guest's RAM
 *
 * Both are mapped to read. Whatever is found there is copied and then checked: sizes, and every
 * extent against the size of RAM; pixels are copied and mean nothing.
 */
#ifndef LODGE_SCREEN_SOURCE_AREA_H
#define LODGE_SCREEN_SOURCE_AREA_H

#include "host/display/channel.h"
#include "host/screen/desktop.h"
#include "host/screen/source/pixels.h"

struct area {
	const struct channel_area *shared;
	const uint8_t *ram;
	size_t ram_bytes;
};

/* A part of a surface that is in one piece in RAM. */
struct surface_piece {
	uint64_t start; /* in the surface */
	uint64_t offset;
};

/* What a head shows, checked: every byte of its rectangle lies in a piece, every piece in RAM. */
struct surface {
	bool enabled;
	uint32_t generation;
	enum pixels_order order;
	uint64_t stride;
	uint32_t x, y, width, height;
	struct surface_piece *piece; /* ascending, without gaps */
	size_t pieces;
	uint64_t bytes;
};

/**
 * area_map() - map both
 * @ram_fd, @area_fd:	stay the caller's; may be closed afterwards
 * @hello:		of the VMM; its sizes must be those of the descriptors
 *
 * Return: 0; -EPROTO: another magic, version or size; negative errno of the mapping.
 */
int area_map(const struct channel_hello *hello, int ram_fd, int area_fd, struct area *area);
void area_unmap(struct area *area);

/**
 * area_read_scanout() - what a head shows now
 * @surface:	set on success, and what it held is given back
 *
 * Return: 0, also if nothing is shown (not enabled); -EAGAIN: it is being written, another packet
 * will come; -EPROTO: nonsense; -ENOMEM. On failure @surface is as it was.
 */
int area_read_scanout(const struct area *area, unsigned int head, struct surface *surface);
void surface_free(struct surface *surface);

/* Copies @where (within the head's size) to @to, the place of its first pixel; rows there are
 * @stride apart. */
void surface_copy(const struct area *area, const struct surface *surface,
		  const struct rectangle *where, uint8_t *to, size_t stride);

/* Whether a driver of the guest runs the device. */
bool area_has_driver(const struct area *area);

/* A head's cursor; hot_x and hot_y are within CHANNEL_CURSOR_SIZE. Return: 0; -EAGAIN. */
int area_read_cursor(const struct area *area, unsigned int head, struct channel_cursor *cursor);

#endif
