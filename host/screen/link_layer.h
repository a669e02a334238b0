/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * link_layer - what lies between a link's socket and its protocol: TLS, WebSocket
 *
 * A layer turns the bytes of the one below it into those for the one above, and the other way. What
 * it has not used yet stays in the buffer below it, so a layer that is put on in the middle of a
 * conversation begins with the first byte that the protocol has left.
 */
#ifndef LODGE_SCREEN_LINK_LAYER_H
#define LODGE_SCREEN_LINK_LAYER_H

#include "host/screen/link.h"

#include <stdbool.h>

#define LINK_MAX_LAYERS 3

/* Bytes that have come and are not used yet; at most LINK_MAX_INPUT. */
struct link_buffer {
	uint8_t *bytes;
	size_t start, length, capacity;
};

struct link_layer {
	const struct link_layer_ops *ops;
	struct link *link;
	unsigned int place; /* 0: right above the socket */
	size_t held;	    /* bytes to send that it cannot pass on yet */
};

struct link_layer_ops {
	/* Use what is in @in, append to @out, as far as possible. 0; -ESHUTDOWN: the peer has said
	 * good-bye; any other negative errno breaks the link. */
	int (*decode)(struct link_layer *layer, struct link_buffer *in, struct link_buffer *out);
	/* Pass on by link_send_below(). 0 or negative errno, which breaks the link. */
	int (*encode)(struct link_layer *layer, const void *bytes, size_t length);
	/* Nothing more is sent from above. */
	void (*finish)(struct link_layer *layer);
	void (*free)(struct link_layer *layer);
};

/* Puts it on top; it becomes the link's. -EPIPE, and it is freed: the link is closed, or there are
 * LINK_MAX_LAYERS. */
int link_add_layer(struct link *link, struct link_layer *layer);
/* As link_send(), by the layer. */
int link_send_below(struct link_layer *layer, const void *bytes, size_t length);
/* The link is closed (-ETIMEDOUT) unless this is called again before; 0: no limit. */
void link_limit(struct link *link, unsigned int milliseconds);

static inline const uint8_t *link_buffer_bytes(const struct link_buffer *buffer)
{
	return buffer->length ? buffer->bytes + buffer->start : NULL;
}

/* Where @length more bytes may be written; NULL without memory. link_buffer_filled() says how many
 * were. */
uint8_t *link_buffer_room(struct link_buffer *buffer, size_t length);
void link_buffer_filled(struct link_buffer *buffer, size_t length);
void link_buffer_use(struct link_buffer *buffer, size_t length);

#endif
