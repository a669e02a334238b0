/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * change - tells another thread's loop that something is new, however often it changes
 *
 * A descriptor that is readable from the first change on until it was seen: a guest that changes
 * something over and over again wakes nobody twice.
 */
#ifndef LODGE_VMM_VIRTIO_CHANGE_H
#define LODGE_VMM_VIRTIO_CHANGE_H

#include "protocol/base/cleanup.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/eventfd.h>

struct change {
	int fd;
	atomic_bool told; /* and not seen yet */
};

/* Return: 0 or negative errno; freed by change_free() in either case. */
static inline int change_init(struct change *change)
{
	change->told = false;
	change->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return change->fd < 0 ? -errno : 0;
}

static inline void change_free(struct change *change)
{
	cleanup_close(&change->fd);
}

/* Any thread. */
static inline void change_tell(struct change *change)
{
	if (!atomic_exchange(&change->told, true))
		eventfd_write(change->fd, 1);
}

/* What changes from here on is told anew. */
static inline void change_seen(struct change *change)
{
	eventfd_t ignored;

	eventfd_read(change->fd, &ignored);
	atomic_store(&change->told, false);
}

#endif
