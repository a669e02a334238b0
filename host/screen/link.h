/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * link - a viewer's connection: bytes both ways, never blocking, bounded
 *
 * Plain socket, TLS over it, WebSocket over either: a protocol sees the same. What is sent waits in
 * a queue that the protocol keeps short by looking at link_queued() before it makes more.
 */
#ifndef LODGE_SCREEN_LINK_H
#define LODGE_SCREEN_LINK_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct link;

struct link_handlers {
	/* @bytes of the peer. Return: how many were used; the rest comes again with what follows
	 * (at most LINK_MAX_INPUT are kept: to use none of so many closes the link). */
	size_t (*received)(void *owner, const uint8_t *bytes, size_t length);
	/* The queue has become empty. */
	void (*drained)(void *owner);
	/* The peer has gone, or broke the rules of a layer (-EPROTO). Nothing follows; call
	 * link_free(). */
	void (*closed)(void *owner, int error);
};

#define LINK_MAX_INPUT (256U << 10)
/* A queue longer than that closes the link (-ENOBUFS): a protocol that checks never sees it. */
#define LINK_MAX_QUEUE (512U << 20)

/**
 * link_new() - over a connected stream socket
 * @fd:	becomes the link's, also on failure; made non-blocking
 *
 * Return: the link; NULL without memory.
 */
struct link *link_new(uv_loop_t *loop, int fd);
/* Handlers may be exchanged at any time, in a handler too: what is left unused goes to the new. */
void link_set_handlers(struct link *link, const struct link_handlers *handlers, void *owner);
/* Copies. 0; -ENOMEM; -EPIPE once it is closed. */
int link_send(struct link *link, const void *bytes, size_t length);
/* Bytes that the kernel has not taken yet. */
size_t link_queued(const struct link *link);
/* Closes, at once. NULL is fine; safe in any handler. */
void link_free(struct link *link);
/* Sends what is queued, at most for a second, then closes and frees: no handler is called. */
void link_finish(struct link *link);

/* From here on what the protocol sends and receives is inside TLS: as the server, after the bytes
 * received so far. @credentials: tls.h. Return: 0 or negative errno. */
struct tls_credentials;
int link_start_tls(struct link *link, const struct tls_credentials *credentials);
/* From here on it is the payload of binary WebSocket messages (RFC 6455), as the server. */
int link_start_websocket(struct link *link);

#endif
