/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu_listener - org.qemu.Display1.Listener: what one console shows, as QEMU tells it
 *
 * QEMU calls us, over a connection of its own; each call is checked, copied and answered at once.
 */
#ifndef LODGE_SCREEN_SOURCE_QEMU_LISTENER_H
#define LODGE_SCREEN_SOURCE_QEMU_LISTENER_H

#include "host/screen/screen.h"

#define QEMU_MAX_SIDE	16384
#define QEMU_MAX_CURSOR 512

struct qemu_listener;

struct qemu_listener_handlers {
	/* The console shows another surface (0 x 0: none). Return: the head is shown, its pixels
	 * are to be copied. */
	bool (*shows)(void *owner, uint32_t width, uint32_t height);
	/* QEMU has hung up, or broke the rules. Call qemu_listener_free(). */
	void (*closed)(void *owner, int error);
};

/* @fd: QEMU is the server of the authentication here, too; becomes the listener's, also on failure.
 */
int qemu_listener_new(struct screen *screen, unsigned int head, int fd,
		      const struct qemu_listener_handlers *handlers, void *owner,
		      struct qemu_listener **listener);
/* Whether it has been told what is shown. */
bool qemu_listener_has_picture(const struct qemu_listener *listener);
void qemu_listener_free(struct qemu_listener *listener);

#endif
