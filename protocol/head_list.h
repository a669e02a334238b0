/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * head_list - the heads of a display_layout, out of their bytes
 *
 * Fixed size, owns everything: what guest-side drivers and desktop sessions fill in, compare and
 * act on. Decoding checks each field, and that no head is named twice.
 */
#ifndef LODGE_PROTOCOL_HEAD_LIST_H
#define LODGE_PROTOCOL_HEAD_LIST_H

#include "protocol/display.h"

/* Pixels; no virtio-gpu goes further, and a desktop's coordinates stay far from their ends. */
#define HEAD_MAX_SIDE	  16384
#define HEAD_MAX_POSITION 1048576

/* Bytes that any head_list encodes into, with names of 64 bytes. */
#define HEAD_LIST_BYTES 8192

struct head {
	unsigned int head; /* scanout of the device, from 0 */
	char connector[32];
	bool enabled, primary;
	int32_t x, y;
	uint32_t width, height; /* pixels; 0: not known, or leave it */
	uint32_t scale_milli;	/* 0: not known, or leave it */
};

struct head_list {
	uint64_t serial;
	size_t count;
	struct head heads[DISPLAY_MAX_HEADS];
};

/**
 * head_list_decode() - the map of an "apply" or a "layout"
 * @layout:	set to the map's other fields, pointing into @params; may be NULL
 *
 * Return: 0; -EBADMSG if it is not one, or a number is out of bounds.
 */
int head_list_decode(struct slice params, struct head_list *list, struct display_layout *layout);

/* As a display_layout: @layout's session, desktop and backend and @list's rest. */
void head_list_encode(const struct head_list *list, const struct display_layout *layout,
		      struct cbor_writer *writer);

/* The head of that number; NULL. */
const struct head *head_list_find(const struct head_list *list, unsigned int head);

/* The same heads with the same everything, whatever the serial and the order. */
bool head_list_equal(const struct head_list *a, const struct head_list *b);

/**
 * head_of_connector() - which scanout a connector's name stands for
 * @name:	as the kernel or a desktop calls it: "Virtual-1" is scanout 0; "DUMMY0" and
 *		"Meta-0", which have no hardware, are, too
 * @fallback:	where the name has no number, or a wild one
 */
unsigned int head_of_connector(const char *name, unsigned int fallback);

#endif
