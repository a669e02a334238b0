/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vnc - QEMU's VNC display as a screen's source: RFB (RFC 6143), we are the client
 *
 * For machines whose QEMU has no other display. It is written for QEMU's server, 5 and later, over
 * a local socket, and so for raw pixels: nothing of a server's is unpacked, and they cost QEMU a
 * fifth of what zlib does (ZRLE costs it less where the picture is flat). Extensions as in rfbproto
 * (https://github.com/rfbproto/rfbproto): DesktopSize, ExtendedDesktopSize and SetDesktopSize
 * (QEMU 6), QEMU's extended key event, pointer motion change and LED state, Cursor and QEMU's
 * cursor with alpha; Extended Clipboard (QEMU 6.1), text, which stands in for the guest's agent.
 *
 * What it cannot do, because QEMU's VNC server cannot: it shows one console, so there is one head;
 * of a picture larger than 5120 x 2160 it shows a part; it does not say where the cursor is, which
 * is taken to be where it was sent last; the wheel turns up and down only, and the mouse has three
 * buttons; of a picture at rest it sees a change up to 3 seconds late, unless there was input.
 */
#ifndef LODGE_SCREEN_SOURCE_VNC_H
#define LODGE_SCREEN_SOURCE_VNC_H

#include "host/screen/screen.h"

/**
 * vnc_source_new() - the source behind a connection to QEMU's VNC server
 * @fd:	connected stream socket, from which nothing was read yet; becomes the source's, also on
 *	failure
 *
 * No password: who hands the connection over has QEMU take it so (add_client with skipauth). The
 * head appears when the server has said its size. When it has gone, or broke the rules,
 * screen_source_ended() is called.
 *
 * Return: 0; -ENOMEM.
 */
int vnc_source_new(struct screen *screen, int fd, struct source **source);

#endif
