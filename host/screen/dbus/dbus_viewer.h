/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dbus_viewer - viewers that speak org.qemu.Display1, peer to peer
 *
 * The D-Bus interfaces that QEMU has for its own display, so that viewers made for it show our
 * machines too. We are the server on a connection that was handed over; a viewer that registers a
 * listener for a console hands us another connection, on which we call it: whole pictures and
 * parts of them, in memory that both have mapped if it can (Unix.Map), else as bytes; the cursor.
 *
 *	/org/qemu/Display1		org.freedesktop.DBus.ObjectManager
 *	/org/qemu/Display1/VM		.VM
 *	/org/qemu/Display1/Console_N	.Console .Keyboard .Mouse; N is the head
 *	/org/qemu/Display1/Clipboard	.Clipboard
 *
 * A viewer that does not answer is sent nothing more than what it has not answered yet.
 */
#ifndef LODGE_SCREEN_DBUS_VIEWER_H
#define LODGE_SCREEN_DBUS_VIEWER_H

#include "host/screen/screen.h"

#include <stdbool.h>

/**
 * dbus_viewer_accept() - a viewer has come
 * @fd:		connected unix stream socket; becomes the viewer's, also on failure
 * @peer:	who it is, for people
 *
 * Return: 0; -EMFILE: there are too many viewers; -ENOMEM; or negative errno.
 */
int dbus_viewer_accept(struct screen *screen, int fd, bool view_only, const char *peer);

#endif
