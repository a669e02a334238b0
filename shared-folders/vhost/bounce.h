/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bounce - data of a request that lies in the window, where we cannot reach it
 *
 * A program in the guest that writes what it has mapped from a file of the share (its own constants
 * are enough), or reads into it, gives its kernel pages of the DAX window, and the request carries
 * them as they are. The front end copies them for us (vhost_window_copy()), by a memfd that takes
 * their place in the request. It cannot fault there, whatever becomes of the file.
 *
 * Only data: headers lie in memory, and requests that may wait for somebody carry none.
 */
#ifndef LODGE_SHARED_FOLDERS_VHOST_BOUNCE_H
#define LODGE_SHARED_FOLDERS_VHOST_BOUNCE_H

#include "shared-folders/server/server.h"
#include "shared-folders/vhost/window.h"

/* More data than a request of the largest size has. */
#define VHOST_BOUNCE_MAX (2U << 20)

/* All zero: not in use. */
struct vhost_bounce {
	struct vhost_window *window;
	const uint64_t *gpa; /* of the request's pieces: in, then out */
	uint8_t *bytes;	     /* what the memfd holds; NULL: none */
	size_t size;
	int memory;
};

/**
 * vhost_bounce_begin() - make the pieces that have no address reachable
 * @window:	NULL: there is none
 * @call:	its pieces are those of @iov, in and then out
 * @iov:	those without an address get one
 * @gpa:	where they are in the guest; stays the caller's, until the end
 *
 * Return: 0; negative errno, and nothing is to be ended: -EFAULT if it is no data, or not in the
 * window.
 */
int vhost_bounce_begin(struct vhost_bounce *bounce, struct vhost_window *window,
		       const struct server_call *call, struct iovec *iov, const uint64_t *gpa);

/**
 * vhost_bounce_end() - put what was answered where the guest wants it
 * @length:	of the answer, in bytes
 *
 * Return: the length; where the guest's pages cannot be had any more, that of an answer that says
 * so. Nothing happens, and @length is returned, if the bounce is not in use.
 */
size_t vhost_bounce_end(struct vhost_bounce *bounce, const struct server_call *call, size_t length);

#endif
