/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control - the screen's own socket: protocol frames, methods screen.* (protocol/display.h)
 *
 * Who can connect is the VM's user: its folder is his alone. Sizes, captures, typing, the clipboard
 * and its policy are asked for here; each is a file of its own.
 */
#ifndef LODGE_SCREEN_CONTROL_H
#define LODGE_SCREEN_CONTROL_H

#include "host/screen/screen.h"

#define CONTROL_MAX_CLIENTS 16
#define CONTROL_FOLLOW_MS   5000 /* "screen.display" answers then at the latest */

struct captures;
struct control;
struct guest;
struct resize;
struct typing;

/* Who answers. They stay the caller's, and live longer. */
struct control_services {
	struct screen *screen;
	struct clipboard *clipboard;
	struct captures *captures;
	struct typing *typing;
	struct resize *resize;
	struct guest *guest;
};

/* NULL without memory. */
struct control *control_new(const struct control_services *services);
/* @fd: listening stream socket; becomes the control's, also on failure. */
int control_listen(struct control *control, int fd);
/* @fd: connected stream socket; likewise. -EMFILE: there are too many. */
int control_add_client(struct control *control, int fd);
void control_free(struct control *control);

#endif
