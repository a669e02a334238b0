/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu - QEMU's displays as a screen's source: org.qemu.Display1, peer to peer
 *
 * QEMU's consoles of type "Graphic" are heads, in their order. Pixels are listened to only while
 * somebody watches; sizes are known always.
 * https://www.qemu.org/docs/master/interop/dbus-display.html
 */
#ifndef LODGE_SCREEN_SOURCE_QEMU_H
#define LODGE_SCREEN_SOURCE_QEMU_H

#include "host/screen/screen.h"

/**
 * qemu_source_new() - the source behind a connection to QEMU
 * @fd:	connected, QEMU is the server of the authentication; becomes the source's, also on failure
 *
 * Heads appear when QEMU has named its consoles. When it has gone, screen_source_ended() is called.
 *
 * Return: 0; -ENOMEM; or negative errno.
 */
int qemu_source_new(struct screen *screen, int fd, struct source **source);

#endif
