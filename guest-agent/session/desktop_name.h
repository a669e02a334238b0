/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * desktop_name - what the desktop is called
 *
 * The environment says it in a session that starts us. What systemd starts for a user knows less:
 * then logind may have been told, and a Wayland compositor is known by the program that listens.
 */
#ifndef LODGE_SESSION_DESKTOP_NAME_H
#define LODGE_SESSION_DESKTOP_NAME_H

#include <stddef.h>

/**
 * desktop_name_find() - look in $XDG_CURRENT_DESKTOP (the last name there), in what logind knows of
 * the session, and at the compositor
 * @root:	"", or a folder that holds /run, for tests
 * @wayland:	the compositor's socket, as $WAYLAND_DISPLAY; NULL: it is none
 * @name:	set; "" if it is not known
 */
void desktop_name_find(const char *root, const char *wayland, char *name, size_t capacity);

#endif
