/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * randr_change - make an X server's screens what they shall be
 *
 * All is set in one go with the server grabbed: what must go off goes off, the screen gets its
 * size, and what shall be on goes on. A size that no monitor offers becomes a mode of our own, with
 * the timing of a flat panel, which a virtual one does not care about; it goes when nothing shows
 * it any more. What fails half-way is put back as it was.
 */
#ifndef LODGE_SESSION_DISPLAY_RANDR_CHANGE_H
#define LODGE_SESSION_DISPLAY_RANDR_CHANGE_H

#include "protocol/head_list.h"

#include <xcb/xcb.h>

/**
 * randr_change() - set all screens, and the scale of the primary one as that of all
 * @heads:	outputs that are not connected go off, as do those that are not named
 *
 * Waits for the server.
 *
 * Return: 0; -ENODEV if nothing would be on; -EBUSY if the server cannot show so many pictures;
 * -ERANGE if they do not fit in one; -EINVAL, -EIO: the server refuses it.
 */
int randr_change(xcb_connection_t *connection, xcb_window_t root, const struct head_list *heads);

#endif
