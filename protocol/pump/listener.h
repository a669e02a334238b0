/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* listener - connections, as they come to a listening socket */
#ifndef LODGE_PROTOCOL_LISTENER_H
#define LODGE_PROTOCOL_LISTENER_H

#include <uv.h>

#define LISTENER_PEER_SIZE 64

struct listener;

/* @fd: connected, close-on-exec, non-blocking; yours. @peer: who it is, for people:
 * "127.0.0.1:40312", "[::1]:40312", "unix". The listener may be freed in the call. */
typedef void listener_accepted(void *owner, int fd, const char *peer);

/**
 * listener_new() - accept from now on
 * @fd:	stream socket, listening; becomes the listener's, also on failure; made non-blocking
 *
 * When the process has no descriptors left it waits a little before it tries again.
 *
 * Return: 0; -ENOTSOCK, -EINVAL: that is not one; -ENOMEM; or negative errno.
 */
int listener_new(uv_loop_t *loop, int fd, listener_accepted *accepted, void *owner,
		 struct listener **listener);
/* The socket is closed. NULL is fine. */
void listener_free(struct listener *listener);

/* Who is at the other end of a connected socket. */
void listener_peer(int fd, char peer[LISTENER_PEER_SIZE]);

#endif
