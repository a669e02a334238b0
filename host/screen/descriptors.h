/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* descriptors - packets that carry descriptors (SCM_RIGHTS), received whole */
#ifndef LODGE_SCREEN_DESCRIPTORS_H
#define LODGE_SCREEN_DESCRIPTORS_H

#include <stddef.h>
#include <sys/types.h>

/**
 * descriptors_receive() - one packet of a SEQPACKET socket, without waiting
 * @fds:	receives up to @capacity descriptors, close-on-exec: yours, also on failure; those
 *		that did not come are -EBADF. More than that are closed
 *
 * Return: bytes of the packet, 0 at the end; -EPROTO: it was longer than @size, or carried more
 * than any may; or negative errno.
 */
ssize_t descriptors_receive(int socket, void *bytes, size_t size, int *fds, size_t capacity);

#endif
