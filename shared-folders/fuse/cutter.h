/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cutter - FUSE messages out of a stream of bytes
 *
 * Each message begins with its length, the header's and its own: fuse_in_header.len,
 * fuse_out_header.len. The peer is hostile; what does not fit between the bounds ends the stream.
 */
#ifndef LODGE_SHARED_FOLDERS_CUTTER_H
#define LODGE_SHARED_FOLDERS_CUTTER_H

#include "protocol/cbor.h"

#include <stddef.h>
#include <stdint.h>

struct cutter {
	size_t min, max;   /* lengths that a message may have; min is at least 4 */
	uint8_t length[4]; /* as much as has come of it */
	uint8_t *message;  /* NULL: its length is not known yet */
	size_t expected, have;
};

#define CUTTER(shortest, longest) ((struct cutter){.min = (shortest), .max = (longest)})

/**
 * cutter_take() - go on until a message is complete, or the bytes are used up
 * @bytes:	what has been used is taken off its front
 * @message:	a whole message; the caller's, by free()
 * @length:	of it
 *
 * Return: 1: there is a message, call again; 0: all bytes are used; -EPROTO: a length that cannot
 * be, nothing more can be made of the stream; -ENOMEM.
 */
int cutter_take(struct cutter *cutter, struct slice *bytes, uint8_t **message, size_t *length);

/* Forget what has come of a message. */
void cutter_clear(struct cutter *cutter);

#endif
