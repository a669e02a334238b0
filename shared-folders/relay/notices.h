/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * notices - a server's notifications, carried to the kernel by a thread of their own
 *
 * The kernel may make the one who says that something has changed wait for a process that waits for
 * an answer of the server: so it must not be the one who brings the answers.
 */
#ifndef LODGE_SHARED_FOLDERS_NOTICES_H
#define LODGE_SHARED_FOLDERS_NOTICES_H

#include "shared-folders/server/server.h"

#include <stdint.h>

struct notices;

struct notices_handlers {
	/* One has been carried out. On the thread. */
	void (*carried)(void *owner);
	/* The body of a SERVER_NOTIFY_CHANGE, after those that came before it. On the thread; may
	 * block. */
	void (*change)(void *owner, const void *body, size_t length);
};

/* @fuse_fd: /dev/fuse; stays the caller's. @handlers: constant. Return: 0 or negative errno. */
int notices_new(int fuse_fd, const struct notices_handlers *handlers, void *owner,
		struct notices **notices);

/**
 * notices_add() - carry this out
 * @message:	checked (fuse_check_notification()); becomes the notices', also on failure
 *
 * Return: 0; -ENOBUFS: there are SHARE_NOTIFY_MAX already.
 */
int notices_add(struct notices *notices, uint8_t *message, size_t length);

/* How many have been carried out. */
uint64_t notices_carried(struct notices *notices);

/* Waits for the one that is under way: the mount must have ended, or else be answered meanwhile by
 * another thread. NULL is fine. */
void notices_free(struct notices *notices);

#endif
