/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * link - Ethernet frames on a stream socket, each behind its length (u32, big-endian)
 *
 * A frame that cannot be one (too short, too long) is skipped by its length. What the peer does not
 * read in time is dropped, as a switch would, so that it can never make us wait.
 */
#ifndef LODGE_NET_LINK_H
#define LODGE_NET_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_FRAME_MIN_BYTES 14
#define LINK_FRAME_MAX_BYTES (65535 + 14 + 8)

struct link;

typedef void (*link_frame_handler)(void *owner, const uint8_t *frame, size_t size);

/* @fd: non-blocking, stays the caller's. Return: the link, freed by free(); NULL without memory. */
struct link *link_new(int fd, link_frame_handler handler, void *owner);

/* Hand out the frames that have come. Return: 0; -EPIPE at the end of the stream; or another
 * negative errno. */
int link_receive(struct link *link);

/* Queue a frame. Return: false if it was dropped. */
bool link_send(struct link *link, const uint8_t *frame, size_t size);

/* Write what is queued. Return: 0, also if something is left; negative errno. */
int link_flush(struct link *link);

bool link_has_queued(const struct link *link);

#endif
